-- $1: OIDs of the affected tables, or NULL. Sessions idle in a transaction, by how long they idle.
SELECT 'pid ' || a.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')
           || coalesce(', ' || a.usename, ''),
       extract(epoch FROM clock_timestamp() - a.state_change)::float8,
       a.state || CASE WHEN t.names IS NOT NULL THEN ', holds ' || t.names
                       ELSE ' in ' || coalesce(a.datname, '?') END,
-- include: session_tables.part.sql
 WHERE a.state LIKE 'idle in transaction%' AND a.pid <> pg_backend_pid()
 ORDER BY 2 DESC
