-- Constraints on the relations $1 and foreign keys to them: table, name, type, valid, expression, partner, columns, partner's columns, ...; last: it came
-- from the partitioned table's, it is deferrable.
SELECT k.conrelid, k.conname, k.contype::pg_catalog.text, k.convalidated, pg_catalog.pg_get_expr(k.conbin, k.conrelid), k.confrelid,
       (SELECT pg_catalog.string_agg(a.attname::pg_catalog.text, E'\n' ORDER BY u.n)
          FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u (attnum, n)
          JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) k.conrelid AND a.attnum OPERATOR(pg_catalog.=) u.attnum),
       (SELECT pg_catalog.string_agg(a.attname::pg_catalog.text, E'\n' ORDER BY u.n)
          FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u (attnum, n)
          JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) k.confrelid AND a.attnum OPERATOR(pg_catalog.=) u.attnum),
       k.confdeltype::pg_catalog.text, k.confupdtype::pg_catalog.text, k.conindid, n.nspname, c.relname, fn.nspname, fc.relname,
       k.conparentid OPERATOR(pg_catalog.<>) 0, k.condeferrable
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  LEFT JOIN pg_catalog.pg_class fc ON fc.oid OPERATOR(pg_catalog.=) k.confrelid
  LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid OPERATOR(pg_catalog.=) fc.relnamespace
 WHERE k.conrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]) OR k.confrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
