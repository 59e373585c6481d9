-- The table of a name, and the column of a name in it, or NULL; both as psql takes names.
SELECT n.nspname, c.relname, a.attname
FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND ARRAY[a.attname::pg_catalog.text] = pg_catalog.parse_ident($2)
WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p')
