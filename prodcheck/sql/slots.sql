-- Slots: who keeps WAL for nobody. The value is the WAL kept, in bytes.
SELECT s.slot_name::text,
       pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(s.restart_lsn, s.confirmed_flush_lsn))::float8,
       s.slot_type || ' slot, ' || CASE WHEN s.active THEN 'active' ELSE 'inactive' END
           || coalesce(', keeps ' || pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)) || ' of WAL', '')
           || CASE WHEN to_jsonb(s) ->> 'wal_status' IN ('unreserved', 'lost')
                THEN ', ' || (to_jsonb(s) ->> 'wal_status') ELSE '' END,
       CASE WHEN to_jsonb(s) ->> 'wal_status' = 'unreserved' THEN 'fail'
            WHEN NOT s.active AND NOT s.temporary THEN 'warn-at-least' END,
       NULL::text
  FROM pg_replication_slots s
 WHERE NOT pg_is_in_recovery()
 ORDER BY 2 DESC NULLS LAST
