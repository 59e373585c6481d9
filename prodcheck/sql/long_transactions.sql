-- $1: OIDs of the affected tables, or NULL. Open transactions of others, by age.
SELECT 'pid ' || a.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')
           || coalesce(', ' || a.usename, ''),
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
       a.state || CASE WHEN t.names IS NOT NULL THEN ', holds ' || t.names
                       ELSE ' in ' || coalesce(a.datname, '?') END,
-- include: session_tables.part.sql
 WHERE a.backend_type = 'client backend' AND a.xact_start IS NOT NULL
   AND a.pid <> pg_backend_pid()
 ORDER BY 2 DESC
