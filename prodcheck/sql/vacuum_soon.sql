-- $1: OIDs of the affected tables, or NULL. Tables by how near they are to the age at which a vacuum that does
-- not yield begins.
SELECT c.oid::regclass::text,
       100.0 * greatest(age(c.relfrozenxid)::float8
                            / greatest(current_setting('autovacuum_freeze_max_age')::float8, 1),
                        mxid_age(c.relminmxid)::float8
                            / greatest(current_setting('autovacuum_multixact_freeze_max_age')::float8, 1)),
       'transaction age ' || age(c.relfrozenxid) || ', multixact age ' || mxid_age(c.relminmxid),
       NULL::text, NULL::text
  FROM pg_class c
 WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384
   AND ($1::oid[] IS NULL OR c.oid = ANY ($1::oid[]))
 ORDER BY 2 DESC
 LIMIT 20
