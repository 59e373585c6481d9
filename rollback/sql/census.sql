-- Every user object that is not a table: class, oid, its table (0: none), how a message calls it.
WITH spaces AS (
    SELECT oid, pg_catalog.quote_ident(nspname) AS ident, nspname FROM pg_catalog.pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND nspname !~ '^pg_(toast_)?temp_'
), found (classid, objid, relid, name) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, c.oid, coalesce(i.indrelid, 0),
           CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'S' THEN 'sequence ' WHEN 'c' THEN 'type ' ELSE 'index ' END
           || n.ident || '.' || pg_catalog.quote_ident(c.relname)
    FROM pg_catalog.pg_class c JOIN spaces n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    WHERE c.relkind IN ('v', 'S', 'c', 'i', 'I')
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0, 'function ' || p.oid::pg_catalog.regprocedure::pg_catalog.text
    FROM pg_catalog.pg_proc p JOIN spaces n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0, 'type ' || n.ident || '.' || pg_catalog.quote_ident(t.typname)
    FROM pg_catalog.pg_type t JOIN spaces n ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r')
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid, c.oid,
           'rule ' || pg_catalog.quote_ident(w.rulename) || ' of ' || n.ident || '.' || pg_catalog.quote_ident(c.relname)
    FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class c ON c.oid = w.ev_class JOIN spaces n ON n.oid = c.relnamespace
    WHERE w.rulename <> '_RETURN'
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, c.oid,
           'policy ' || pg_catalog.quote_ident(p.polname) || ' of ' || n.ident || '.' || pg_catalog.quote_ident(c.relname)
    FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid JOIN spaces n ON n.oid = c.relnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, s.stxrelid,
           'statistics ' || n.ident || '.' || pg_catalog.quote_ident(s.stxname)
    FROM pg_catalog.pg_statistic_ext s JOIN spaces n ON n.oid = s.stxnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, 0, 'schema ' || n.ident FROM spaces n
    UNION ALL
    SELECT 'pg_catalog.pg_extension'::pg_catalog.regclass, e.oid, 0, 'extension ' || pg_catalog.quote_ident(e.extname)
    FROM pg_catalog.pg_extension e
    UNION ALL
    SELECT 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, e.oid, 0, 'event trigger ' || pg_catalog.quote_ident(e.evtname)
    FROM pg_catalog.pg_event_trigger e
    UNION ALL
    SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, b.oid, 0, 'publication ' || pg_catalog.quote_ident(b.pubname)
    FROM pg_catalog.pg_publication b
)
SELECT f.classid::pg_catalog.int8, f.objid::pg_catalog.int8, f.relid::pg_catalog.int8, f.name
FROM found f
WHERE f.objid >= 2200 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = f.classid AND d.objid = f.objid AND d.deptype = 'e')
