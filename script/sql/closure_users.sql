-- Tables with a column of the types $1, also through arrays and domains: the root's number, the table.
WITH RECURSIVE ty AS (
    SELECT r.n, r.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY r (oid, n)
    UNION
    SELECT ty.n, t.oid FROM ty JOIN pg_catalog.pg_type t
      ON t.typbasetype OPERATOR(pg_catalog.=) ty.oid
      OR (t.typelem OPERATOR(pg_catalog.=) ty.oid AND t.typcategory OPERATOR(pg_catalog.=) 'A')
)
SELECT DISTINCT ty.n, a.attrelid
  FROM ty JOIN pg_catalog.pg_attribute a ON a.atttypid OPERATOR(pg_catalog.=) ty.oid AND NOT a.attisdropped
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid AND c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'm', 'p']::pg_catalog."char"[])
