-- Advisory locks of others in this database; which tool a key belongs to is judged by the caller.
SELECT CASE WHEN l.objsubid = 1 THEN ((l.classid::int8 << 32) | l.objid::int8)::text
            ELSE l.classid || ',' || l.objid END,
       NULL::float8,
       'pid ' || l.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')
           || CASE WHEN l.granted THEN ' holds it' ELSE ' waits for it' END,
       'ok', NULL::text
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.pid <> pg_backend_pid()
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
