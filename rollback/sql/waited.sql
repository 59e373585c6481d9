-- Whom backend $1 waits for, if it waits for a lock, and for which.  The columns of holders.sql.
SELECT b.pid, coalesce(a.usename, ''), coalesce(a.application_name, '') ||
       CASE WHEN b.pid = 0 THEN 'a prepared transaction (pg_prepared_xacts)'
            WHEN a.backend_type IS NULL OR a.backend_type = 'client backend' THEN '' ELSE ' (' || a.backend_type || ')' END,
       coalesce(a.client_addr::text, 'local'), coalesce(a.state, a.backend_type, ''),
       coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)), 0)::bigint,
       coalesce(a.backend_type, ''), l.mode, false,
       CASE l.locktype WHEN 'relation' THEN l.relation::regclass::text
            WHEN 'transactionid' THEN coalesce('a row of ' || t.relation::regclass::text, 'a row')
            WHEN 'tuple' THEN 'a row of ' || l.relation::regclass::text
            WHEN 'virtualxid' THEN 'its transaction'
            WHEN 'advisory' THEN 'an advisory lock'
            ELSE 'an object (' || l.locktype || ')' END,
       coalesce(a.query, '')
FROM pg_catalog.pg_stat_activity me
     CROSS JOIN LATERAL pg_catalog.unnest(CASE WHEN me.wait_event_type = 'Lock' THEN pg_catalog.pg_blocking_pids(me.pid) END) AS b (pid)
     JOIN LATERAL (SELECT * FROM pg_catalog.pg_locks w WHERE w.pid = me.pid AND NOT w.granted LIMIT 1) l ON true
     LEFT JOIN pg_catalog.pg_locks t ON t.pid = me.pid AND t.locktype = 'tuple' AND t.granted
     LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
WHERE me.pid = $1::int
ORDER BY a.xact_start NULLS LAST, b.pid
LIMIT 10
