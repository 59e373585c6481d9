-- What came of the columns, constraints and indexes that the plan makes or changes.  $1: the number of each, its kind (c, k, i),
-- its table (oid, or 0: by schema and name) and its name (NULL: the server's choice), as JSON.
WITH wanted AS (
    SELECT w.n, w.kind, w.name,
           CASE WHEN w.oid <> 0 THEN w.oid
                ELSE (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
                      WHERE c.relname = w.relation AND s.nspname = w.schema) END AS relid
    FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS w (n int, kind text, oid oid, schema text, relation text, name text)
)
SELECT w.n, a.attname::text, a.atttypid::int8::text, a.atttypmod::text, pg_catalog.format_type(a.atttypid, a.atttypmod), t.typname::text,
       a.attcollation::int8::text, coalesce(l.collname, 'none')::text, a.attnotnull::int::text, a.atthasdef::int::text,
       a.attidentity::text, a.attgenerated::text
FROM wanted w JOIN pg_catalog.pg_attribute a ON a.attrelid = w.relid AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE w.kind = 'c'
UNION ALL
SELECT w.n, k.conname, k.contype::text,
       (SELECT pg_catalog.json_agg(a.attname ORDER BY u.at)::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u (num, at)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num),
       k.confrelid::int8::text, f.relname,
       (SELECT pg_catalog.json_agg(a.attname ORDER BY u.at)::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u (num, at)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num),
       k.confupdtype::text, k.confdeltype::text, k.condeferrable::int::text, k.condeferred::int::text, k.convalidated::int::text
FROM wanted w JOIN pg_catalog.pg_constraint k ON k.conrelid = w.relid AND (w.name IS NULL OR k.conname = w.name)
     LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
WHERE w.kind = 'k'
UNION ALL
SELECT w.n, i.relname, x.indisunique::int::text,
       (SELECT pg_catalog.json_agg(a.attname ORDER BY u.at)::text FROM pg_catalog.unnest(x.indkey::int2[]) WITH ORDINALITY u (num, at)
        LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.num),
       x.indnkeyatts::text, m.amname, (x.indisvalid AND x.indisready)::int::text, (x.indpred IS NOT NULL)::int::text,
       pg_catalog.array_to_json(x.indoption::int2[])::text, NULL, NULL, NULL
FROM wanted w JOIN pg_catalog.pg_index x ON x.indrelid = w.relid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
     JOIN pg_catalog.pg_am m ON m.oid = i.relam
WHERE w.kind = 'i' AND (w.name IS NULL OR i.relname = w.name)
