-- Indexes of the relations $1: table, index, its names, unique, valid, primary, columns (only plain ones), partial or on expressions, first column.
SELECT i.indrelid, i.indexrelid, n.nspname, c.relname, i.indisunique, i.indisvalid, i.indisprimary,
       (SELECT pg_catalog.string_agg(a.attname::pg_catalog.text, E'\n' ORDER BY u.n)
          FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY u (attnum, n)
          JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) u.attnum
         WHERE u.n OPERATOR(pg_catalog.<=) i.indnkeyatts),
       i.indpred IS NOT NULL OR i.indexprs IS NOT NULL, c.relkind::pg_catalog.text
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE i.indrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
