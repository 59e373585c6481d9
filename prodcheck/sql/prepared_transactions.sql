-- Prepared transactions keep their locks across a crash of their owner and of the server.
SELECT p.gid || ' (' || p.owner || ')', extract(epoch FROM clock_timestamp() - p.prepared)::float8,
       'prepared in ' || p.database,
       CASE WHEN p.database <> current_database() THEN 'cap-warn' END, NULL::text
  FROM pg_prepared_xacts p
 ORDER BY 2 DESC
