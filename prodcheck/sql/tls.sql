-- Is this very connection encrypted?
SELECT current_database()::text, NULL::float8, 'this connection is not encrypted', 'warn', NULL::text
 WHERE inet_server_addr() IS NOT NULL
   AND NOT coalesce(host(inet_client_addr()) IN ('127.0.0.1', '::1'), false)
   AND NOT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)
   AND NOT coalesce((SELECT gss_authenticated AND encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()), false)
