-- $1: OIDs of the affected tables. Locks that others hold on them in transactions still open.
SELECT 'pid ' || a.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')
           || coalesce(', ' || a.usename, ''),
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
       string_agg(DISTINCT l.mode || ' on ' || l.relation::regclass::text, ', ')
           || coalesce(', ' || a.state, ''),
       NULL::text, a.query
  FROM pg_locks l
  JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.relation = ANY ($1::oid[])
 GROUP BY a.pid, a.application_name, a.usename, a.xact_start, a.state, a.query
 ORDER BY 2 DESC
