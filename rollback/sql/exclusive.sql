-- Who keeps readers away, or will as soon as those before it are gone: holders and waiters of ACCESS EXCLUSIVE on
-- tables, views and sequences.  $1: the plan's relations, an array; those who lock one of these come first.
-- $2: our own sessions, an array.
SELECT coalesce(l.pid, 0), coalesce(a.usename, ''), coalesce(a.application_name, ''),
       coalesce(a.client_addr::text, 'local'), coalesce(a.state, a.backend_type, ''),
       coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::bigint,
       coalesce(extract(epoch FROM clock_timestamp() - a.query_start), 0)::bigint, bool_or(l.granted)::int,
       string_agg(DISTINCT l.relation::regclass::text, ', '), coalesce(a.query, ''),
       array_to_string(pg_catalog.pg_blocking_pids(l.pid), ', '), bool_or(l.relation = ANY ($1::oid[]))::int
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
     LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND (l.pid IS NULL OR NOT l.pid = ANY ($2::int[])) AND l.mode = 'AccessExclusiveLock' AND c.relkind NOT IN ('i', 'I', 't')
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
GROUP BY l.pid, a.usename, a.application_name, a.client_addr, a.state, a.backend_type, a.xact_start, a.query_start, a.query
ORDER BY 12 DESC, 8 DESC, a.xact_start NULLS LAST
LIMIT 5
