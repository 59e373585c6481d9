-- $1: OIDs of the affected tables, or NULL. Other heavy work: it fights for I/O, and on an affected table
-- for the lock.
SELECT CASE WHEN p.datname = current_database() THEN p.relid::regclass::text
            ELSE coalesce(p.datname, 'cluster') || coalesce(', relation ' || p.relid, '') END
           || ' (pid ' || p.pid || ')',
       NULL::float8, p.what,
       CASE WHEN p.relid = ANY ($1::oid[]) AND p.datname = current_database() AND p.blocks THEN 'fail'
            ELSE 'warn' END, NULL::text
  FROM (SELECT pid, datname::text, relid, command || ': ' || phase AS what, true AS blocks
          FROM pg_stat_progress_create_index
        UNION ALL
        SELECT pid, datname::text, relid, command || ': ' || phase, true FROM pg_stat_progress_cluster
        UNION ALL
        SELECT pid, NULL, NULL, 'base backup: ' || phase, false FROM pg_stat_progress_basebackup) p
 WHERE p.pid <> pg_backend_pid()
