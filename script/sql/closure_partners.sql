-- Foreign keys that stand on a column: $1 tables, $2 columns.  The root's number and the other table.
SELECT r.n, CASE WHEN k.conrelid OPERATOR(pg_catalog.=) a.attrelid THEN k.confrelid ELSE k.conrelid END
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY r (oid, col, n)
  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) r.oid AND a.attname OPERATOR(pg_catalog.=) r.col
  JOIN pg_catalog.pg_constraint k ON k.contype OPERATOR(pg_catalog.=) 'f'
   AND ((k.conrelid OPERATOR(pg_catalog.=) a.attrelid AND a.attnum OPERATOR(pg_catalog.=) ANY (k.conkey))
        OR (k.confrelid OPERATOR(pg_catalog.=) a.attrelid AND a.attnum OPERATOR(pg_catalog.=) ANY (k.confkey)))
