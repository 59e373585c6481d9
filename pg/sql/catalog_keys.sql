-- $1: OIDs of relations. One row for each column of each key: the primary one first, then unique
-- indexes that identify every row (valid, immediate, whole, on columns alone, none of which may be null).
SELECT i.indrelid, i.indexrelid, c.relname, i.indisprimary, a.attname
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
 CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k (attnum, n)
  JOIN pg_catalog.pg_attribute a
    ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) k.attnum
 WHERE i.indrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
   AND k.n OPERATOR(pg_catalog.<=) i.indnkeyatts
   AND i.indisunique AND i.indisvalid AND i.indislive
   AND (i.indisprimary OR i.indimmediate)
   AND i.indpred IS NULL AND i.indexprs IS NULL
   AND (i.indisprimary OR NOT EXISTS (
           SELECT 1 FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY x (attnum, n)
             JOIN pg_catalog.pg_attribute y
               ON y.attrelid OPERATOR(pg_catalog.=) i.indrelid AND y.attnum OPERATOR(pg_catalog.=) x.attnum
            WHERE x.n OPERATOR(pg_catalog.<=) i.indnkeyatts AND NOT y.attnotnull))
 ORDER BY i.indrelid, i.indisprimary DESC, c.relname, i.indexrelid, k.n
