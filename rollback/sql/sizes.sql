-- $1: oids as an array.  What lies in the tables now, TOAST included, indexes not.
SELECT c.oid::bigint, pg_catalog.pg_table_size(c.oid), c.reltuples::bigint, c.relkind::text
FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::oid[])
