-- Children of the relations $1 down to the leaves, partitions and plain inheritance alike: the parent's number, the child, and, where
-- $2 is '-column', whether the child keeps that column: its own, or another parent's too.
-- $2: only of a parent that has triggers for each row ('u': a user's; 'a': any; '=name': that one), '-column', or ''.
WITH RECURSIVE keeps AS (
    SELECT a.attrelid, '-' OPERATOR(pg_catalog.||) a.attname::pg_catalog.text AS rows
      FROM pg_catalog.pg_attribute a
      JOIN (SELECT DISTINCT r.rows FROM pg_catalog.unnest($2::pg_catalog.text[]) r (rows) WHERE pg_catalog.left(r.rows, 1) OPERATOR(pg_catalog.=) '-') d
        ON ('-' OPERATOR(pg_catalog.||) a.attname::pg_catalog.text) OPERATOR(pg_catalog.=) d.rows
     WHERE a.attinhcount OPERATOR(pg_catalog.>) 0
       AND (a.attislocal
            OR a.attinhcount OPERATOR(pg_catalog.>) 1 AND a.attinhcount OPERATOR(pg_catalog.>)
               (SELECT pg_catalog.count(DISTINCT h.inhparent)
                  FROM pg_catalog.pg_inherits h
                  JOIN ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.text[])) r (oid, rows)
                    ON r.oid OPERATOR(pg_catalog.=) h.inhparent AND r.rows OPERATOR(pg_catalog.=) d.rows
                 WHERE h.inhrelid OPERATOR(pg_catalog.=) a.attrelid))
), t AS (
    SELECT r.n, r.oid, r.rows FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY r (oid, rows, n)
     WHERE r.rows OPERATOR(pg_catalog.=) '' OR pg_catalog.left(r.rows, 1) OPERATOR(pg_catalog.=) '-'
        OR EXISTS (SELECT FROM pg_catalog.pg_trigger g
                    WHERE g.tgrelid OPERATOR(pg_catalog.=) r.oid AND g.tgtype OPERATOR(pg_catalog.&) 1::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0
                      AND (r.rows OPERATOR(pg_catalog.=) 'a' OR (r.rows OPERATOR(pg_catalog.=) 'u' AND NOT g.tgisinternal)
                           OR r.rows OPERATOR(pg_catalog.=) ('=' OPERATOR(pg_catalog.||) g.tgname::pg_catalog.text)))
    UNION
    SELECT t.n, i.inhrelid, t.rows FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) t.oid
     -- Where the column stays, so does it further down.
     WHERE NOT EXISTS (SELECT FROM keeps k WHERE k.attrelid OPERATOR(pg_catalog.=) t.oid AND k.rows OPERATOR(pg_catalog.=) t.rows)
        OR t.oid OPERATOR(pg_catalog.=) ($1::pg_catalog.oid[])[t.n]
)
SELECT t.n, t.oid,
       EXISTS (SELECT FROM keeps k WHERE k.attrelid OPERATOR(pg_catalog.=) t.oid AND k.rows OPERATOR(pg_catalog.=) t.rows)
  FROM t
 WHERE t.oid OPERATOR(pg_catalog.<>) ($1::pg_catalog.oid[])[t.n]
 ORDER BY 1, 2
