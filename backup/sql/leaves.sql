-- $1: relations.  They and, under partitioned tables, all partitions; with the partitioned parent's name.
-- Takes no lock on any of them: whoever needs one asks for it afterwards, by these names.
WITH RECURSIVE tree (oid) AS (
    SELECT unnest($1::pg_catalog.oid[])
    UNION
    SELECT i.inhrelid
      FROM tree t
      JOIN pg_catalog.pg_class p ON p.oid = t.oid AND p.relkind = 'p'
      JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid
)
SELECT c.oid, c.relkind, pn.nspname, p.relname, n.nspname, c.relname, c.relpersistence,
       (SELECT e.extname
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.objsubid = 0
           AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e')
  FROM tree t
  JOIN pg_catalog.pg_class c ON c.oid = t.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
  LEFT JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
 ORDER BY n.nspname, c.relname
