-- $1: OIDs of the affected tables, or NULL. Running queries of others, by how long they have run.
-- A query far from the affected tables delays CONCURRENTLY and vacuum, not the plan: a warning.
SELECT 'pid ' || a.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')
           || coalesce(', ' || a.usename, ''),
       extract(epoch FROM clock_timestamp() - a.query_start)::float8,
       CASE WHEN t.names IS NOT NULL THEN 'on ' || t.names ELSE 'in ' || coalesce(a.datname, '?') END,
       CASE WHEN $1::oid[] IS NULL AND a.datname = current_database() OR t.names IS NOT NULL
            THEN NULL ELSE 'cap-warn' END,
       a.query
  FROM pg_stat_activity a
  LEFT JOIN LATERAL (
        SELECT string_agg(DISTINCT l.relation::regclass::text, ', ') AS names
          FROM pg_locks l
         WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.granted
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND l.relation = ANY ($1::oid[])) t ON true
 WHERE a.backend_type = 'client backend' AND a.state = 'active'
   AND a.pid <> pg_backend_pid()
 ORDER BY 2 DESC
