-- The qualified names of what hangs on some objects, themselves included: relations, types, routines.
-- $1: pg_depend's class ids, $2: its object ids, side by side.
-- include: reached.part.sql
)
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM relations r JOIN pg_catalog.pg_class c ON c.oid = r.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND n.nspname !~ '^pg_'
UNION
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname)
FROM reached r JOIN pg_catalog.pg_type t ON t.oid = r.objid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE r.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.typtype IN ('e', 'd', 'r', 'c') AND n.nspname !~ '^pg_'
UNION
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname)
FROM reached r JOIN pg_catalog.pg_proc p ON p.oid = r.objid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE r.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND n.nspname !~ '^pg_'
UNION
SELECT pg_catalog.quote_ident(n.nspname)
FROM reached r JOIN pg_catalog.pg_namespace n ON n.oid = r.objid
WHERE r.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND n.nspname !~ '^pg_'
ORDER BY 1
