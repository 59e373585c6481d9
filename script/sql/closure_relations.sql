-- Names of the relations $1; the table of an index or of a toast table is not resolved.
SELECT c.oid, n.nspname, c.relname, c.relkind::pg_catalog.text
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE c.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
 ORDER BY n.nspname, c.relname
