-- Advisory locks of others in this database; which tool a key belongs to is judged by the caller. The rows of level
-- "table" are golang-migrate's tables (schema, name): its key is made of their names.
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
UNION ALL
SELECT n.nspname::text, NULL, c.relname::text, 'table', NULL
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE a.attname = 'dirty' AND a.attnum = 2 AND a.atttypid = 'bool'::regtype AND c.relkind = 'r'
