-- Foreign keys that carry a change of rows from the relations $1 on.  $2 how: 't' TRUNCATE CASCADE, 'd' DELETE, 'u' UPDATE.
-- One row per referencing column: the root's number, the table reached, the action, the column (set null, set default,
-- cascaded update), the constraint, the table that it comes from, and its column.
WITH RECURSIVE root AS (
    SELECT r.n, r.oid, r.how FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY r (oid, how, n)
), t AS (
    SELECT n, oid, how FROM root
    UNION
    SELECT t.n, k.conrelid, t.how FROM t JOIN pg_catalog.pg_constraint k
        ON k.contype OPERATOR(pg_catalog.=) 'f' AND k.confrelid OPERATOR(pg_catalog.=) t.oid
       AND (t.how OPERATOR(pg_catalog.=) 't' OR (t.how OPERATOR(pg_catalog.=) 'd' AND k.confdeltype OPERATOR(pg_catalog.=) 'c')
            OR (t.how OPERATOR(pg_catalog.=) 'u' AND k.confupdtype OPERATOR(pg_catalog.=) 'c'))
)
SELECT t.n, k.conrelid,
       CASE WHEN t.how OPERATOR(pg_catalog.=) 'u' THEN k.confupdtype ELSE k.confdeltype END::pg_catalog.text,
       a.attname, k.conname, t.oid, b.attname
  FROM t JOIN pg_catalog.pg_constraint k
    ON k.contype OPERATOR(pg_catalog.=) 'f' AND k.confrelid OPERATOR(pg_catalog.=) t.oid
  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) k.conrelid AND a.attnum OPERATOR(pg_catalog.=) ANY (k.conkey)
  JOIN pg_catalog.pg_attribute b ON b.attrelid OPERATOR(pg_catalog.=) k.confrelid
   AND b.attnum OPERATOR(pg_catalog.=) k.confkey[pg_catalog.array_position(k.conkey, a.attnum)]
 ORDER BY 1, 2, 4
