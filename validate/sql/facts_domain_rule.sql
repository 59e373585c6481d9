-- The expression of CHECK $2 of domain $1, where it is not validated yet.
SELECT pg_catalog.pg_get_expr(k.conbin, 0)
  FROM pg_catalog.pg_constraint k
 WHERE k.contypid OPERATOR(pg_catalog.=) $1::pg_catalog.oid AND k.conname OPERATOR(pg_catalog.=) $2 AND k.contype OPERATOR(pg_catalog.=) 'c' AND NOT k.convalidated
