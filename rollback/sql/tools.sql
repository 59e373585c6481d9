-- Tables in which other migration tools keep what they have run: name, tool, how that tool forgets a step.
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relname, t.tool, t.forget
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN (VALUES
    ('schema_migrations', 'dirty', 'golang-migrate', 'migrate force VERSION'),
    ('schema_migrations', NULL, 'dbmate or Rails', 'delete the row of the version that was taken back'),
    ('flyway_schema_history', 'installed_rank', 'Flyway', 'delete the row of the version, or record the undo with Flyway itself'),
    ('goose_db_version', 'is_applied', 'goose', 'delete the row of the version'),
    ('gorp_migrations', 'applied_at', 'sql-migrate', 'delete the row of the migration'),
    ('changes', 'change_id', 'sqitch', 'sqitch revert --log-only')
) AS t (name, proof, tool, forget) ON t.name = c.relname
WHERE c.relkind IN ('r', 'p') AND EXISTS (
    SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
    AND a.attname = coalesce(t.proof, 'version'))
  AND (t.proof IS NOT NULL OR NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = 'dirty'))
ORDER BY 1
