-- $1: a table.  Its integer columns that are in a unique index whose rows the server checks one by one, by attnum.
SELECT a.attname
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
  AND a.atttypid IN ('pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype, 'pg_catalog.int8'::pg_catalog.regtype)
  AND EXISTS (SELECT FROM pg_catalog.pg_index i
              WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY (i.indkey))
ORDER BY a.attnum
