-- Seconds since the last checkpoint, in units of checkpoint_timeout: late means that the disk cannot keep up.
SELECT 'checkpoint', extract(epoch FROM clock_timestamp() - k.checkpoint_time)
                     / extract(epoch FROM current_setting('checkpoint_timeout')::interval)::float8,
       'last checkpoint at ' || to_char(k.checkpoint_time, 'YYYY-MM-DD HH24:MI:SS')
           || ', checkpoint_timeout is ' || current_setting('checkpoint_timeout'),
       CASE WHEN pg_is_in_recovery() OR pg_wal_lsn_diff(pg_current_wal_insert_lsn(), k.redo_lsn) < 67108864
            THEN 'ok' END,
       NULL::text
  FROM pg_control_checkpoint() k
