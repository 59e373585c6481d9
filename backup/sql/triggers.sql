-- $1: tables.  The users' triggers that would fire.
SELECT n.nspname, c.relname, g.tgname, g.tgenabled
  FROM pg_catalog.pg_trigger g
  JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE g.tgrelid = ANY ($1::pg_catalog.oid[]) AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')
 ORDER BY 1, 2, 3
