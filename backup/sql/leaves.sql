-- $1: relations.  They and, under partitioned tables, all partitions; with the partitioned parent's name.
WITH RECURSIVE tree (oid) AS (
    SELECT unnest($1::pg_catalog.oid[])
    UNION
    SELECT i.inhrelid
      FROM tree t
      JOIN pg_catalog.pg_class p ON p.oid = t.oid AND p.relkind = 'p'
      JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid
)
SELECT c.oid, c.relkind, pn.nspname, p.relname
  FROM tree t
  JOIN pg_catalog.pg_class c ON c.oid = t.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
  LEFT JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
 ORDER BY n.nspname, c.relname
