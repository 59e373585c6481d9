-- What other migration tools write down: a lock that is a row, a migration that stopped halfway. Their tables are
-- known by their columns, for most tools let them be renamed; they are read through query_to_xml, which takes a
-- query's text and so spares a second round trip. Where row security applies nothing can be told.
WITH kinds (tool, mark, needs) AS (VALUES
  ('liquibase', 'lockgranted', '{id,locked,lockgranted,lockedby}'::text[]),
  ('golang-migrate', 'dirty', '{version,dirty}'),
  ('flyway', 'installed_rank', '{installed_rank,version,script,success}'),
  ('prisma', 'applied_steps_count', '{migration_name,finished_at,rolled_back_at,applied_steps_count}'),
  ('knex', 'is_locked', '{index,is_locked}')),
t AS MATERIALIZED (
  SELECT k.tool, c.oid, c.oid::regclass::text AS name, has_table_privilege(c.oid, 'SELECT')
                 AND has_schema_privilege(c.relnamespace, 'USAGE') AND NOT row_security_active(c.oid) AS may,
         (SELECT jsonb_object_agg(lower(x.attname), quote_ident(x.attname))
            FROM pg_attribute x
           WHERE x.attrelid = c.oid AND x.attnum > 0 AND NOT x.attisdropped) AS col,
         k.needs
    FROM pg_attribute a
    JOIN kinds k ON lower(a.attname) = k.mark
    JOIN pg_class c ON c.oid = a.attrelid
   WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relpersistence <> 't'),
q AS MATERIALIZED (
  SELECT t.*,
         CASE tool
         WHEN 'liquibase' THEN format(
           'SELECT ''locked by '' || coalesce(%1$s::text, ''?'') || '' since '' || coalesce(%2$s::text, ''?'') AS v FROM %3$s WHERE %4$s::text IN (''true'', ''1'') LIMIT 1',
           col ->> 'lockedby', col ->> 'lockgranted', name, col ->> 'locked')
         WHEN 'golang-migrate' THEN format(
           'SELECT ''dirty at version '' || %1$s::text AS v FROM %3$s WHERE %2$s::text IN (''true'', ''1'') LIMIT 1',
           col ->> 'version', col ->> 'dirty', name)
         WHEN 'flyway' THEN format(
           'SELECT ''failed: '' || %1$s::text AS v FROM %3$s WHERE %2$s::text IN (''false'', ''0'') LIMIT 1',
           col ->> 'script', col ->> 'success', name)
         WHEN 'prisma' THEN format(
           'SELECT ''not finished: '' || %1$s::text AS v FROM %4$s WHERE %2$s IS NULL AND %3$s IS NULL LIMIT 1',
           col ->> 'migration_name', col ->> 'finished_at', col ->> 'rolled_back_at', name)
         WHEN 'knex' THEN format(
           'SELECT ''locked''::text AS v FROM %2$s WHERE %1$s::text = ''1'' LIMIT 1', col ->> 'is_locked', name)
         END AS ask
    FROM t
   WHERE t.col ?& t.needs)
SELECT q.name, NULL::float8,
       CASE q.tool
       WHEN 'liquibase' THEN 'Liquibase has it ' || s.said || ': another run, or one that died (liquibase release-locks)'
       WHEN 'golang-migrate' THEN 'golang-migrate left it ' || s.said || ' (repair by hand, then migrate force)'
       WHEN 'flyway' THEN 'a Flyway migration ' || s.said || ' (flyway repair)'
       WHEN 'prisma' THEN 'a Prisma migration has ' || s.said || ' (prisma migrate resolve)'
       ELSE 'knex has it ' || s.said || ': another run, or one that died (knex migrate:unlock)' END,
       'fail', NULL::text
  FROM q
 CROSS JOIN LATERAL (
       SELECT substring(query_to_xml(q.ask, true, false, '')::text FROM '<v>([^<]*)</v>') AS said) s
 WHERE q.may AND s.said IS NOT NULL
UNION ALL
SELECT q.name, NULL, 'this role may not read ' || q.tool || '''s table', 'error', NULL
  FROM q
 WHERE NOT q.may
