-- What the server would do beside what the plan names: the number of a part of the plan, the object at fault, the relations
-- that would be locked or written (oids, and in words).
-- $1: for each part its kind (v: a write through this view; i, u, d: one that rules of this relation turn; t, r: a change of this
-- type, or of the composite type with this relation, with CASCADE), $2: its relation or type, $3: roles whose belongings are given away, by name.
WITH RECURSIVE parts AS (
    SELECT p.n, p.kind, p.oid FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.oid[]))
           WITH ORDINALITY p (kind, oid, n)
), views (n, root, oid) AS (
    SELECT n, oid, oid FROM parts WHERE kind = 'v'
    UNION
    SELECT v.n, v.root, d.refobjid FROM views v JOIN pg_catalog.pg_class c ON c.oid = v.oid AND c.relkind = 'v'
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid AND w.rulename = '_RETURN'
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> v.oid AND d.deptype = 'n'
), found (n, what, oid) AS (
    SELECT v.n, 'a write through the view ' || v.root::pg_catalog.regclass::pg_catalog.text, v.oid
      FROM views v JOIN pg_catalog.pg_class c ON c.oid = v.oid AND c.relkind IN ('r', 'p', 'f')
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid IN (SELECT x.oid FROM views x WHERE x.n = v.n) AND g.tgtype & 64 <> 0)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class IN (SELECT x.oid FROM views x WHERE x.n = v.n) AND w.ev_type <> '1')
    UNION
    SELECT p.n, 'rule ' || w.rulename || ' of ' || p.oid::pg_catalog.regclass::pg_catalog.text, d.refobjid
      FROM parts p JOIN pg_catalog.pg_rewrite w ON w.ev_class = p.oid AND w.ev_enabled IN ('O', 'A')
       AND w.ev_type = CASE p.kind WHEN 'u' THEN '2' WHEN 'i' THEN '3' WHEN 'd' THEN '4' END
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> p.oid AND d.deptype = 'n'
      JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p', 'f')
    UNION
    SELECT p.n, 'type ' || p.oid::pg_catalog.regtype::pg_catalog.text || ' is changed with CASCADE', c.oid
      FROM parts p JOIN pg_catalog.pg_class c ON c.reloftype = p.oid WHERE p.kind = 't'
    UNION
    SELECT p.n, 'type ' || p.oid::pg_catalog.regclass::pg_catalog.text || ' is changed with CASCADE', c.oid
      FROM parts p JOIN pg_catalog.pg_class k ON k.oid = p.oid JOIN pg_catalog.pg_class c ON c.reloftype = k.reltype WHERE p.kind = 'r'
    UNION
    SELECT 0, 'REASSIGN OWNED BY ' || a.rolname, c.oid
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles a ON a.oid = c.relowner
     WHERE c.relkind IN ('r', 'p', 'f') AND a.rolname = ANY ($3::pg_catalog.text[])
)
SELECT n, what, pg_catalog.array_to_string(pg_catalog.array_agg(oid ORDER BY oid), ' '),
       pg_catalog.string_agg(oid::pg_catalog.regclass::pg_catalog.text, ', ' ORDER BY oid)
FROM found GROUP BY n, what ORDER BY n, what
