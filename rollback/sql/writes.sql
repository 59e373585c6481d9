-- Rows that our own transaction has written, by table; large objects are pg_largeobject and _metadata.
SELECT relid::bigint, schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del
FROM pg_catalog.pg_stat_xact_user_tables
WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
UNION ALL
SELECT relid::bigint, schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del
FROM pg_catalog.pg_stat_xact_sys_tables
WHERE relid IN (2613, 2995) AND n_tup_ins + n_tup_upd + n_tup_del > 0
