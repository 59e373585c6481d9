-- What the server says of itself. The system identifier is asked separately, for a role may be barred.
SELECT pg_catalog.current_database(),
       (SELECT d.oid FROM pg_catalog.pg_database d
         WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()),
       pg_catalog.pg_is_in_recovery(),
       COALESCE(pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'), false)
