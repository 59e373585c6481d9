-- $1: oids of tables that were rewritten.  How to bring their statistics back: of the columns that lost them alone,
-- for a sample of wide text costs most; of the first one where none did, for the number of rows and pages.  Indexes
-- on expressions and extended statistics come with the whole table only.
SELECT 'ANALYZE ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
       || CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indexprs IS NOT NULL)
                    OR EXISTS (SELECT FROM pg_catalog.pg_statistic_ext AS e WHERE e.stxrelid = c.oid) THEN ''
               ELSE coalesce(' (' || coalesce(a.bare, a.first) || ')', '') END
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k.attname), ', ' ORDER BY k.attnum)
               FILTER (WHERE s.attname IS NULL) AS bare,
           (pg_catalog.array_agg(pg_catalog.quote_ident(k.attname) ORDER BY k.attnum))[1] AS first
    FROM pg_catalog.pg_attribute AS k
    LEFT JOIN pg_catalog.pg_stats AS s
        ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = k.attname AND NOT s.inherited
    WHERE k.attrelid = c.oid AND k.attnum > 0 AND NOT k.attisdropped) AS a
WHERE c.oid = ANY ($1::pg_catalog.oid[])
ORDER BY 1
