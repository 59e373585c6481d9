-- $1: OIDs of the affected tables, or NULL. What a cancelled CREATE INDEX CONCURRENTLY leaves: it costs
-- every write and serves no read. Being built right now is not invalid.
SELECT i.indexrelid::regclass::text, NULL::float8,
       'index on ' || i.indrelid::regclass::text
           || CASE WHEN NOT i.indisready THEN ', not even maintained' ELSE '' END,
       CASE WHEN i.indrelid = ANY ($1::oid[]) THEN 'fail' ELSE 'warn' END, NULL::text
  FROM pg_index i
 WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
   AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p
                    WHERE p.datname = current_database()
                      AND (p.index_relid = i.indexrelid OR p.relid = i.indrelid))
 ORDER BY 1
