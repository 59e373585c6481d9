-- What falls with the roots.  $1 classid, $2 objid, $3 "=COLUMN" or "", $4 cascade (else only what is automatic or internal).
-- Root's number, what, relation, its kind or the constraint's type, column, partner, class, is a root, OID, part.
WITH RECURSIVE root AS (
    SELECT r.n, r.classid, r.objid, r.cascade, COALESCE(a.attnum, 0)::pg_catalog.int4 AS objsubid
      FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.oid[]), pg_catalog.unnest($3::pg_catalog.text[]), pg_catalog.unnest($4::pg_catalog.bool[]))
           WITH ORDINALITY r (classid, objid, col, cascade, n)
      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) r.objid AND a.attname OPERATOR(pg_catalog.=) pg_catalog.substr(r.col, 2)
           AND NOT a.attisdropped
     WHERE r.col OPERATOR(pg_catalog.=) '' OR a.attnum IS NOT NULL
), d AS (
    SELECT n, classid, objid, objsubid, cascade FROM root
    UNION
    SELECT d.n, x.classid, x.objid, x.objsubid, d.cascade FROM d, LATERAL (
        SELECT p.classid, p.objid, p.objsubid FROM pg_catalog.pg_depend p
         WHERE p.refclassid OPERATOR(pg_catalog.=) d.classid AND p.refobjid OPERATOR(pg_catalog.=) d.objid
           AND (d.objsubid OPERATOR(pg_catalog.=) 0 OR p.refobjsubid OPERATOR(pg_catalog.=) d.objsubid)
           AND (d.cascade OR p.deptype OPERATOR(pg_catalog.<>) 'n')
        UNION ALL
        -- the internal owner, for example the view behind its _RETURN rule
        SELECT p.refclassid, p.refobjid, p.refobjsubid FROM pg_catalog.pg_depend p
         WHERE p.classid OPERATOR(pg_catalog.=) d.classid AND p.objid OPERATOR(pg_catalog.=) d.objid
           AND p.objsubid OPERATOR(pg_catalog.=) d.objsubid AND p.deptype OPERATOR(pg_catalog.=) 'i'
           AND NOT EXISTS (SELECT FROM root r WHERE r.classid OPERATOR(pg_catalog.=) d.classid AND r.objid OPERATOR(pg_catalog.=) d.objid)) x
)
SELECT d.n,
       CASE WHEN c.oid IS NOT NULL AND d.objsubid OPERATOR(pg_catalog.=) 0 THEN 'relation'
            WHEN c.oid IS NOT NULL THEN 'column'
            WHEN k.oid IS NOT NULL THEN 'constraint'
            WHEN f.oid IS NOT NULL THEN CASE WHEN fa.attgenerated OPERATOR(pg_catalog.=) 's' THEN 'column' ELSE 'default' END
            WHEN g.oid IS NOT NULL THEN 'trigger'
            WHEN o.oid IS NOT NULL THEN 'policy'
            WHEN w.oid IS NOT NULL THEN 'rule'
            ELSE 'other' END,
       COALESCE(c.oid, k.conrelid, f.adrelid, g.tgrelid, o.polrelid, w.ev_class, 0),
       COALESCE(c.relkind::pg_catalog.text, k.contype::pg_catalog.text),
       COALESCE(a.attname, fa.attname),
       COALESCE(k.confrelid, i.indrelid, 0),
       d.classid,
       EXISTS (SELECT FROM root r WHERE r.n OPERATOR(pg_catalog.=) d.n AND r.classid OPERATOR(pg_catalog.=) d.classid
                  AND r.objid OPERATOR(pg_catalog.=) d.objid AND r.objsubid OPERATOR(pg_catalog.=) d.objsubid),
       d.objid, d.objsubid
  FROM d
  LEFT JOIN pg_catalog.pg_class c ON c.tableoid OPERATOR(pg_catalog.=) d.classid AND c.oid OPERATOR(pg_catalog.=) d.objid
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.=) d.objsubid
       AND d.objsubid OPERATOR(pg_catalog.>) 0
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) c.oid
  LEFT JOIN pg_catalog.pg_constraint k ON k.tableoid OPERATOR(pg_catalog.=) d.classid AND k.oid OPERATOR(pg_catalog.=) d.objid
  LEFT JOIN pg_catalog.pg_attrdef f ON f.tableoid OPERATOR(pg_catalog.=) d.classid AND f.oid OPERATOR(pg_catalog.=) d.objid
  LEFT JOIN pg_catalog.pg_attribute fa ON fa.attrelid OPERATOR(pg_catalog.=) f.adrelid AND fa.attnum OPERATOR(pg_catalog.=) f.adnum
  LEFT JOIN pg_catalog.pg_trigger g ON g.tableoid OPERATOR(pg_catalog.=) d.classid AND g.oid OPERATOR(pg_catalog.=) d.objid
  LEFT JOIN pg_catalog.pg_policy o ON o.tableoid OPERATOR(pg_catalog.=) d.classid AND o.oid OPERATOR(pg_catalog.=) d.objid
  LEFT JOIN pg_catalog.pg_rewrite w ON w.tableoid OPERATOR(pg_catalog.=) d.classid AND w.oid OPERATOR(pg_catalog.=) d.objid
 ORDER BY d.n, 2, 3
