-- Who holds, or waits for, a lock on one of these relations that would keep us from ours.  Who only waits behind us is
-- not in the way, nor is who has what ours gets along with; what is no client (replication, vacuum) is called by its
-- name, for it is never ended.
-- $1: oids as an array, $2: our own pids as an array, $3: for each oid the modes that are in the way, a bit each.
WITH modes (mode, bit) AS (
    VALUES ('AccessShareLock', 1), ('RowShareLock', 2), ('RowExclusiveLock', 4), ('ShareUpdateExclusiveLock', 8),
           ('ShareLock', 16), ('ShareRowExclusiveLock', 32), ('ExclusiveLock', 64), ('AccessExclusiveLock', 128)
)
SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, '') ||
       CASE WHEN a.backend_type = 'client backend' THEN '' ELSE ' (' || a.backend_type || ', left alone)' END,
       coalesce(a.client_addr::text, 'local'), coalesce(a.state, a.backend_type, ''),
       coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)), 0)::bigint,
       a.backend_type, l.mode, l.granted, l.relation::regclass::text, coalesce(a.query, '')
FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($3::int[])) AS w (relid, against)
     JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = w.relid JOIN modes m ON m.mode = l.mode
     JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND w.against & m.bit <> 0 AND NOT l.pid = ANY ($2::int[])
  AND (l.granted OR NOT pg_catalog.pg_blocking_pids(l.pid) <@ $2::int[])
ORDER BY a.xact_start NULLS LAST, a.pid
