-- Transaction and multixact age of every database: a shutdown to prevent wraparound stops all of them.
SELECT d.datname::text, greatest(age(d.datfrozenxid), mxid_age(d.datminmxid))::float8,
       'transaction age ' || age(d.datfrozenxid) || ', multixact age ' || mxid_age(d.datminmxid),
       NULL::text, NULL::text
  FROM pg_database d
 ORDER BY 2 DESC
