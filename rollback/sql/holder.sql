-- Somebody else's session that holds any lock on relation $1 (its qualified name).
SELECT l.pid FROM pg_catalog.pg_locks l
WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_catalog.pg_backend_pid()
  AND l.relation = pg_catalog.to_regclass($1)
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
LIMIT 1
