-- $1: OIDs of the affected tables, or NULL. Who waits for a lock, for how long, and who is in the way.
-- A wait on an affected table is a queue that the migration would join (and lengthen): a failure at once.
SELECT 'pid ' || a.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')
           || coalesce(', ' || a.usename, ''),
       extract(epoch FROM clock_timestamp()
                           - coalesce((to_jsonb(l) ->> 'waitstart')::timestamptz, a.state_change))::float8,
       'waits for ' || l.mode || ' on '
           || CASE WHEN l.relation IS NULL THEN l.locktype
                   WHEN l.database = d.oid THEN l.relation::regclass::text
                   ELSE 'relation ' || l.relation || ' of another database' END
           || coalesce(', blocked by ' || b.who, ''),
       CASE WHEN l.database = d.oid AND l.relation = ANY ($1::oid[]) THEN 'fail' END,
       a.query
  FROM pg_locks l
  JOIN pg_stat_activity a ON a.pid = l.pid
 CROSS JOIN (SELECT oid FROM pg_database WHERE datname = current_database()) d
  LEFT JOIN LATERAL (
        SELECT string_agg('pid ' || h.pid || coalesce(' (' || nullif(h.application_name, '') || ')', '')
                          || coalesce(' ' || h.state, ''), ', ') AS who
          FROM unnest(pg_blocking_pids(l.pid)) AS p (pid)
          JOIN pg_stat_activity h ON h.pid = p.pid) b ON true
 WHERE NOT l.granted
   AND (l.database IS NULL OR l.database = 0 OR l.database = d.oid)
 ORDER BY 2 DESC
