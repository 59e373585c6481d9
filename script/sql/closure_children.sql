-- Children of the relations $1 down to the leaves, partitions and plain inheritance alike: the parent's number, the child.
-- $2: only of a parent that has triggers for each row ('u': a user's; 'a': any; '=name': that one), or ''.
WITH RECURSIVE t AS (
    SELECT r.n, r.oid FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY r (oid, rows, n)
     WHERE r.rows OPERATOR(pg_catalog.=) ''
        OR EXISTS (SELECT FROM pg_catalog.pg_trigger g
                    WHERE g.tgrelid OPERATOR(pg_catalog.=) r.oid AND g.tgtype OPERATOR(pg_catalog.&) 1::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0
                      AND (r.rows OPERATOR(pg_catalog.=) 'a' OR (r.rows OPERATOR(pg_catalog.=) 'u' AND NOT g.tgisinternal)
                           OR r.rows OPERATOR(pg_catalog.=) ('=' OPERATOR(pg_catalog.||) g.tgname::pg_catalog.text)))
    UNION
    SELECT t.n, i.inhrelid FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) t.oid
)
SELECT t.n, t.oid FROM t
 WHERE t.oid OPERATOR(pg_catalog.<>) ($1::pg_catalog.oid[])[t.n]
 ORDER BY 1, 2
