-- $1: OIDs of the affected tables, or NULL. Tables by how near they are to the age at which a vacuum that does
-- not yield begins.
SELECT x.oid::regclass::text, x.used,
       'transaction age ' || x.xids || ', multixact age ' || x.mxids, NULL::text, NULL::text
  FROM (SELECT c.oid, age(c.relfrozenxid) AS xids, mxid_age(c.relminmxid) AS mxids,
               100.0 * greatest(age(c.relfrozenxid)::float8 / l.freeze, mxid_age(c.relminmxid)::float8 / l.multi) AS used
          FROM pg_class c,
               (SELECT greatest(current_setting('autovacuum_freeze_max_age')::float8, 1) AS freeze,
                       greatest(current_setting('autovacuum_multixact_freeze_max_age')::float8, 1) AS multi) l
         WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384
           AND ($1::oid[] IS NULL OR c.oid = ANY ($1::oid[]))
         ORDER BY 4 DESC
         LIMIT 20) x
 ORDER BY 2 DESC
