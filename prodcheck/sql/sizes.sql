-- $1: OIDs of the affected tables. The value is seconds to copy or rewrite them at 100 MB/s.
SELECT c.oid::regclass::text, pg_total_relation_size(c.oid) / 100000000.0,
       pg_size_pretty(pg_total_relation_size(c.oid)) || ', '
           || CASE WHEN c.reltuples < 0 THEN 'never analysed' ELSE '~' || c.reltuples::int8 || ' rows' END,
       NULL::text, NULL::text
  FROM pg_class c
 WHERE c.oid = ANY ($1::oid[]) AND c.relkind IN ('r', 'm')
 ORDER BY 2 DESC
