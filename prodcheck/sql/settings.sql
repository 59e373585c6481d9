-- What a migration of this role would run under: the role's and the database's own settings.
SELECT s.name, NULL::float8,
       CASE WHEN s.name = 'lock_timeout' AND s.reset_val = '0'
            THEN 'lock_timeout is 0: DDL that waits makes everyone behind it wait, without end'
            WHEN s.name = 'lock_timeout' THEN 'lock_timeout is ' || s.reset_val || ' ms, more than 10 s'
            WHEN s.name = 'statement_timeout'
            THEN 'statement_timeout is ' || s.reset_val || ' ms: long DDL is cut off'
            ELSE s.name || ' is ' || s.reset_val || ': commits are not safe on disk' END,
       'warn', NULL::text
  FROM pg_settings s
 WHERE s.name = 'lock_timeout' AND (s.reset_val = '0' OR s.reset_val::int8 > 10000)
    OR s.name = 'statement_timeout' AND s.reset_val <> '0' AND s.reset_val::int8 < 60000
    OR s.name IN ('fsync', 'full_page_writes') AND s.reset_val = 'off'
    OR s.name = 'synchronous_commit' AND s.reset_val = 'off'
