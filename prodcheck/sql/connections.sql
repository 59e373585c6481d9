-- In per cent of what this role may use: of the server, of the database, of the role.
SELECT 'server', 100.0 * n.used / greatest(m.max, 1),
       n.used || ' of ' || m.max || ' connections', NULL::text, NULL::text
  FROM (SELECT count(*) AS used FROM pg_stat_activity WHERE datid IS NOT NULL) n,
       (SELECT current_setting('max_connections')::int
               - current_setting('superuser_reserved_connections')::int AS max) m
UNION ALL
SELECT 'database ' || d.datname, 100.0 * s.numbackends / greatest(d.datconnlimit, 1),
       s.numbackends || ' of ' || d.datconnlimit || ' connections', NULL, NULL
  FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid
 WHERE d.datname = current_database() AND d.datconnlimit >= 0
UNION ALL
SELECT 'role ' || r.rolname,
       100.0 * (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid) / greatest(r.rolconnlimit, 1),
       'at most ' || r.rolconnlimit || ' connections', NULL, NULL
  FROM pg_roles r WHERE r.rolname = session_user AND r.rolconnlimit >= 0
