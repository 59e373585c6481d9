-- $1: name; $2: schemas in the order they are searched ("$user" is the role's own). NULL: the session's.
SELECT c.oid
  FROM pg_catalog.unnest(COALESCE($2::pg_catalog.text[], pg_catalog.current_schemas(true)::pg_catalog.text[]))
       WITH ORDINALITY p (nspname, n)
  JOIN pg_catalog.pg_namespace s
    ON s.nspname OPERATOR(pg_catalog.=)
       CASE p.nspname WHEN '$user' THEN CURRENT_USER::pg_catalog.text ELSE p.nspname END
  JOIN pg_catalog.pg_class c
    ON c.relnamespace OPERATOR(pg_catalog.=) s.oid AND c.relname OPERATOR(pg_catalog.=) $1
 ORDER BY p.n
 LIMIT 1
