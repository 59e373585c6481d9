-- Children of the relations $1 down to the leaves, partitions and plain inheritance alike: the parent's number, the child.
WITH RECURSIVE t AS (
    SELECT r.n, r.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY r (oid, n)
    UNION
    SELECT t.n, i.inhrelid FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) t.oid
)
SELECT t.n, t.oid FROM t
 WHERE t.oid OPERATOR(pg_catalog.<>) ($1::pg_catalog.oid[])[t.n]
 ORDER BY 1, 2
