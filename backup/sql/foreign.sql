-- $1: tables.  Foreign keys between them; what ALTER CONSTRAINT must name (the topmost one of a partitioned
-- key) and how it is now.
WITH RECURSIVE up (leaf, oid) AS (
    SELECT k.oid, k.oid
      FROM pg_catalog.pg_constraint k
     WHERE k.contype = 'f' AND k.conrelid = ANY ($1::pg_catalog.oid[])
       AND k.confrelid = ANY ($1::pg_catalog.oid[])
    UNION ALL
    SELECT up.leaf, k.conparentid
      FROM up JOIN pg_catalog.pg_constraint k ON k.oid = up.oid
     WHERE k.conparentid <> 0
)
SELECT k.conrelid, k.confrelid, r.oid, n.nspname, c.relname, r.conname, r.condeferrable, r.condeferred
  FROM up
  JOIN pg_catalog.pg_constraint k ON k.oid = up.leaf
  JOIN pg_catalog.pg_constraint r ON r.oid = up.oid AND r.conparentid = 0
  JOIN pg_catalog.pg_class c ON c.oid = r.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 ORDER BY n.nspname, c.relname, r.conname
