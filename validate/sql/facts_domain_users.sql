-- The stored columns of domain $1, or of a domain over it; a partition is counted with its parent: oid, names, relkind, column, reltuples, bytes.
WITH RECURSIVE d (oid) AS (
         SELECT $1::pg_catalog.oid
          UNION
         SELECT t.oid FROM pg_catalog.pg_type t JOIN d ON t.typtype OPERATOR(pg_catalog.=) 'd' AND t.typbasetype OPERATOR(pg_catalog.=) d.oid)
SELECT c.oid, n.nspname, c.relname, c.relkind::pg_catalog.text, a.attname, c.reltuples, pg_catalog.pg_table_size(c.oid)
  FROM d
  JOIN pg_catalog.pg_attribute a ON a.atttypid OPERATOR(pg_catalog.=) d.oid AND NOT a.attisdropped AND a.attnum OPERATOR(pg_catalog.>) 0
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
   AND c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'p', 'm']::pg_catalog."char"[]) AND NOT c.relispartition
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 ORDER BY 2, 3, 5
