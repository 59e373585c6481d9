-- Does anybody hold a lock on one of these relations and wait for another on one of them?  While we keep
-- writers out that is a client who has read and means to write: it waits for us, and we would wait for it.
-- $1: oids as an array.
SELECT count(*) FROM pg_catalog.pg_locks w JOIN pg_catalog.pg_locks h ON h.pid = w.pid
WHERE w.locktype = 'relation' AND NOT w.granted AND w.relation = ANY ($1::oid[])
  AND h.locktype = 'relation' AND h.granted AND h.relation = ANY ($1::oid[]) AND h.database = w.database
  AND w.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
