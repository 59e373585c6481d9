-- Tables that look like Alembic's: one live column, version_num, of a character type.
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND ($1::pg_catalog.text IS NULL OR n.nspname::pg_catalog.text = $1)
  AND ($2::pg_catalog.text IS NULL OR c.relname::pg_catalog.text = $2)
  AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) = 1
  AND EXISTS (SELECT 1 FROM pg_catalog.pg_attribute AS a
              JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
              WHERE a.attrelid = c.oid AND a.attname = 'version_num' AND a.attnum > 0
                AND NOT a.attisdropped AND t.typcategory = 'S')
ORDER BY (c.relname = 'alembic_version') DESC, n.nspname, c.relname;
