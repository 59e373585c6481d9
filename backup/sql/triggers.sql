-- $1: tables.  The users' triggers that would fire, and the rules that would put something else in the
-- place of a write: a row that is put back is to be put there, and nowhere else.
SELECT n.nspname, c.relname, g.tgname, g.tgenabled, 'TRIGGER'
  FROM pg_catalog.pg_trigger g
  JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE g.tgrelid = ANY ($1::pg_catalog.oid[]) AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')
UNION ALL
SELECT n.nspname, c.relname, w.rulename, w.ev_enabled, 'RULE'
  FROM pg_catalog.pg_rewrite w
  JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE w.ev_class = ANY ($1::pg_catalog.oid[]) AND w.ev_type <> '1' AND w.ev_enabled IN ('O', 'A')
 ORDER BY 1, 2, 5, 3
