-- How this very connection arrives at the server: "socket", "loopback", "encrypted" or "plain"; the detail is
-- the cipher.
SELECT current_database()::text, NULL::float8,
       coalesce(s.version || ' ' || s.cipher, CASE WHEN g.encrypted THEN 'GSSAPI' END),
       CASE WHEN s.ssl OR g.encrypted THEN 'encrypted'
            WHEN inet_server_addr() IS NULL THEN 'socket'
            WHEN inet_client_addr() <<= '127.0.0.0/8' OR inet_client_addr() = '::1' THEN 'loopback'
            ELSE 'plain' END,
       NULL::text
  FROM (SELECT pg_backend_pid() AS pid) b
  LEFT JOIN pg_stat_ssl s ON s.pid = b.pid
  LEFT JOIN pg_stat_gssapi g ON g.pid = b.pid
