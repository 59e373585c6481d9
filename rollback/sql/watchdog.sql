-- Cancel whoever migrates (holds a lock on the version table) and has waited for a lock for too long.
-- $1: the version table's oid, $2: our own pids, $3: milliseconds.
SELECT count(pg_catalog.pg_cancel_backend(a.pid))
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND NOT a.pid = ANY ($2::int[])
  AND a.backend_type = 'client backend' AND a.wait_event_type = 'Lock'
  AND clock_timestamp() - a.query_start > $3::int8 * interval '1 millisecond'
  AND EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.granted
              AND l.locktype = 'relation' AND l.relation = $1::oid)
