-- $1: OIDs of the affected tables, or NULL. Vacuum holds ShareUpdateExclusive: it yields to us after
-- deadlock_timeout, unless it is there to prevent wraparound.
SELECT CASE WHEN v.datname = current_database() THEN v.relid::regclass::text
            ELSE v.datname || ', relation ' || v.relid END || ' (pid ' || v.pid || ')',
       NULL::float8,
       CASE WHEN a.query LIKE '%to prevent wraparound%' THEN 'vacuum to prevent wraparound does not yield'
            WHEN a.backend_type = 'autovacuum worker' THEN 'autovacuum, ' || v.phase
            ELSE 'vacuum, ' || v.phase END,
       CASE WHEN v.relid = ANY ($1::oid[]) AND v.datname = current_database()
                 AND (a.query LIKE '%to prevent wraparound%' OR a.backend_type <> 'autovacuum worker')
            THEN 'fail'
            WHEN a.query LIKE '%to prevent wraparound%' AND v.datname = current_database() THEN 'warn'
            WHEN v.relid = ANY ($1::oid[]) AND v.datname = current_database() THEN 'warn'
            WHEN v.datname = current_database() AND a.backend_type <> 'autovacuum worker' THEN 'warn'
            ELSE 'ok' END,
       NULL::text
  FROM pg_stat_progress_vacuum v
  LEFT JOIN pg_stat_activity a ON a.pid = v.pid
