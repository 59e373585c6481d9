-- Rows that the counters of this session still charge to its last transaction.
SELECT count(*) FROM pg_catalog.pg_stat_xact_all_tables
WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND (relid IN (2613, 2995) OR relid >= 16384)
