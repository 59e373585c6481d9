-- $1: oids as an array.  Of the tables that have a file with something in it: may we read all of their rows?
SELECT c.oid::pg_catalog.int8, n.nspname, c.relname,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
       AND NOT pg_catalog.row_security_active(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND c.relkind = 'r' AND pg_catalog.pg_relation_size(c.oid) > 0
