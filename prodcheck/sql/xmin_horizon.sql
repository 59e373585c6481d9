-- Who keeps old row versions alive: CREATE INDEX CONCURRENTLY waits for them, vacuum cannot clean.
SELECT 'pid ' || a.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')
           || coalesce(', ' || a.usename, ''),
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start))::float8,
       a.backend_type || ' holds a snapshot that is ' || age(a.backend_xmin) || ' transactions old',
       NULL::text, a.query
  FROM pg_stat_activity a
 WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
   AND a.backend_type <> 'autovacuum worker'
UNION ALL
SELECT 'slot ' || s.slot_name, NULL,
       'the slot holds back ' || greatest(age(s.xmin), age(s.catalog_xmin)) || ' transactions',
       CASE WHEN greatest(age(s.xmin), age(s.catalog_xmin)) > 100000000 THEN 'fail'
            WHEN greatest(age(s.xmin), age(s.catalog_xmin)) > 10000000 THEN 'warn' ELSE 'ok' END, NULL
  FROM pg_replication_slots s
 WHERE s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL
 ORDER BY 2 DESC NULLS LAST
