-- What a migration's session starts with.
SELECT name, reset_val FROM pg_catalog.pg_settings
 WHERE name OPERATOR(pg_catalog.=) ANY (ARRAY['TimeZone', 'lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout', 'default_tablespace'])
