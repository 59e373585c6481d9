-- Rows that our own transaction has written, by table; large objects are pg_largeobject and _metadata.  Who
-- writes a table holds a lock on it to the end.
SELECT w.relid::pg_catalog.int8, w.relid::pg_catalog.regclass::pg_catalog.text, w.ins, w.upd, w.del
FROM (SELECT DISTINCT l.relation AS relid FROM pg_catalog.pg_locks l
      WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384
      UNION SELECT 2613 UNION SELECT 2995) r
CROSS JOIN LATERAL (SELECT r.relid, pg_catalog.pg_stat_get_xact_tuples_inserted(r.relid) AS ins,
                           pg_catalog.pg_stat_get_xact_tuples_updated(r.relid) AS upd,
                           pg_catalog.pg_stat_get_xact_tuples_deleted(r.relid) AS del) w
WHERE w.ins + w.upd + w.del > 0
