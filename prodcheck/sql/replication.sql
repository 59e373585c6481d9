-- Standbys by lag in seconds; bytes decide where no time is known (a standby that is paused or away).
SELECT r.application_name || coalesce(' (' || r.client_addr::text || ')', ''),
       extract(epoch FROM coalesce(r.replay_lag, r.flush_lag, r.write_lag))::float8,
       coalesce(r.state, 'state unknown') || ', '
           || pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)) || ' behind'
           || CASE WHEN r.sync_state IN ('sync', 'quorum') THEN ', synchronous' ELSE '' END,
       CASE WHEN pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) > 1024 * 1024 * 1024 THEN 'fail'
            WHEN pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) > 64 * 1024 * 1024 THEN 'warn' END,
       NULL::text
  FROM pg_stat_replication r
 WHERE NOT pg_is_in_recovery() AND r.state IS NOT NULL AND r.state <> 'backup'
UNION ALL
SELECT 'synchronous_standby_names', NULL,
       'synchronous_standby_names is "' || current_setting('synchronous_standby_names')
           || '" but no synchronous standby is connected: every COMMIT waits',
       'fail', NULL
 WHERE NOT pg_is_in_recovery() AND current_setting('synchronous_standby_names') <> ''
   AND NOT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))
   AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
