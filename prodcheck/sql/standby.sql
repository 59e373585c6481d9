-- object, value, detail, level, query
SELECT current_database()::text, NULL::float8,
       'this server is a standby (pg_is_in_recovery)', 'fail', NULL::text
 WHERE pg_is_in_recovery()
UNION ALL
SELECT current_database()::text, NULL,
       'default_transaction_read_only is on (' || source || ')', 'fail', NULL
  FROM pg_settings
 WHERE name = 'default_transaction_read_only' AND reset_val = 'on'
