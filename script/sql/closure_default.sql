-- Default partitions, whose bounds are those of all others: $1 parents, $2 a partition that is not meant (or 0), $3 whether
-- its rows are looked at, and so its own partitions locked.  The item's number, the default partition or one of those.
WITH RECURSIVE t AS (
    SELECT r.n, p.partdefid AS oid, r.deep
      FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.oid[]), pg_catalog.unnest($3::pg_catalog.bool[]))
           WITH ORDINALITY r (oid, other, deep, n)
      JOIN pg_catalog.pg_partitioned_table p ON p.partrelid OPERATOR(pg_catalog.=) r.oid
     WHERE p.partdefid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid AND p.partdefid OPERATOR(pg_catalog.<>) r.other
    UNION
    SELECT t.n, i.inhrelid, t.deep FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) t.oid WHERE t.deep
)
SELECT t.n, t.oid FROM t ORDER BY 1, 2
