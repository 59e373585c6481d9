-- Who holds, or waits for, a lock on one of these relations that would keep us from ours.  Who only waits behind us is
-- not in the way; what is no client (replication, vacuum) is called by its name, for it is never ended.
-- $1: oids as an array, $2: our own pids as an array.
SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, '') ||
       CASE WHEN a.backend_type = 'client backend' THEN '' ELSE ' (' || a.backend_type || ', left alone)' END,
       coalesce(a.client_addr::text, 'local'), coalesce(a.state, a.backend_type, ''),
       coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)), 0)::bigint,
       a.backend_type, l.mode, l.granted, l.relation::regclass::text, coalesce(a.query, '')
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.relation = ANY ($1::oid[])
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND NOT l.pid = ANY ($2::int[])
  AND (l.granted OR NOT pg_catalog.pg_blocking_pids(l.pid) <@ $2::int[])
ORDER BY a.xact_start NULLS LAST, a.pid
