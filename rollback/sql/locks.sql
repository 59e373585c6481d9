-- Locks of our own transaction: class, object, mode.  Whatever it changes or drops, it has locked to its end.
SELECT CASE l.locktype WHEN 'relation' THEN 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid ELSE l.classid END::pg_catalog.int8,
       CASE l.locktype WHEN 'relation' THEN l.relation ELSE l.objid END::pg_catalog.int8, l.mode
FROM pg_catalog.pg_locks l
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.granted AND l.locktype IN ('relation', 'object')
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
