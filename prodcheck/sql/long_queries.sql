-- $1: OIDs of the affected tables, or NULL. Running queries of others, by how long they have run.
-- A query far from the affected tables delays CONCURRENTLY and vacuum, not the plan: a warning.
SELECT 'pid ' || a.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')
           || coalesce(', ' || a.usename, ''),
       extract(epoch FROM clock_timestamp() - a.query_start)::float8,
       CASE WHEN t.names IS NOT NULL THEN 'on ' || t.names ELSE 'in ' || coalesce(a.datname, '?') END,
-- include: session_tables.part.sql
 WHERE a.backend_type = 'client backend' AND a.state = 'active'
   AND a.pid <> pg_backend_pid()
 ORDER BY 2 DESC
