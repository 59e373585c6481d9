-- What a deployment may change: name, number, text. Rows without a number are compared as text.
SELECT 'setting/' || s.name, NULL::float8, s.reset_val, NULL::text, NULL::text
  FROM pg_settings s
 WHERE s.source NOT IN ('client', 'session', 'override')
   AND s.name IN ('max_connections', 'shared_buffers', 'work_mem', 'maintenance_work_mem', 'effective_cache_size',
                  'random_page_cost', 'jit', 'max_wal_size', 'checkpoint_timeout', 'wal_level', 'archive_mode',
                  'synchronous_commit', 'synchronous_standby_names', 'autovacuum', 'lock_timeout', 'statement_timeout',
                  'idle_in_transaction_session_timeout', 'default_transaction_isolation', 'search_path', 'fsync',
                  'full_page_writes', 'max_parallel_workers_per_gather', 'enable_seqscan', 'enable_nestloop',
                  'enable_hashjoin', 'enable_mergejoin', 'enable_indexscan', 'plan_cache_mode')
UNION ALL
SELECT 'server/version', NULL, current_setting('server_version'), NULL, NULL
UNION ALL
SELECT 'bytes/' || c.oid::regclass::text, pg_total_relation_size(c.oid)::float8, NULL, NULL, NULL
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'rows/' || c.oid::regclass::text, c.reltuples::float8, NULL, NULL, NULL
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.reltuples >= 0
UNION ALL
SELECT 'index/' || i.indexrelid::regclass::text, NULL, pg_get_indexdef(i.indexrelid), NULL, NULL
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND i.indisvalid
UNION ALL
SELECT 'counter/deadlocks', d.deadlocks::float8, NULL, NULL, NULL
  FROM pg_stat_database d WHERE d.datname = current_database()
UNION ALL
SELECT 'counter/rollbacks', d.xact_rollback::float8, NULL, NULL, NULL
  FROM pg_stat_database d WHERE d.datname = current_database()
UNION ALL
SELECT 'counter/commits', d.xact_commit::float8, NULL, NULL, NULL
  FROM pg_stat_database d WHERE d.datname = current_database()
UNION ALL
SELECT 'counter/checksum_failures', d.checksum_failures::float8, NULL, NULL, NULL
  FROM pg_stat_database d WHERE d.datname = current_database() AND d.checksum_failures IS NOT NULL
 ORDER BY 1
