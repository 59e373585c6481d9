-- $1: OIDs of the affected tables, or NULL. How much of a sequence is used, measured against the
-- narrower of the sequence and the column that it feeds. A sequence that may go to the end of bigint
-- is not read: nobody gets there, and reading is what takes time.
WITH s AS MATERIALIZED (
  SELECT q.seqrelid, q.seqincrement, q.seqmin, q.seqmax, q.seqcycle, o.refobjid, o.refobjsubid,
         least(q.seqmax, CASE o.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                                         ELSE q.seqmax END) AS top
    FROM pg_sequence q
    JOIN pg_class c ON c.oid = q.seqrelid AND c.relpersistence <> 't'
    -- By index, sequence by sequence: a join would read all of pg_attribute.
    LEFT JOIN LATERAL (
         SELECT d.refobjid, d.refobjsubid,
                (SELECT a.atttypid FROM pg_attribute a
                  WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid) AS atttypid
           FROM pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = q.seqrelid AND d.objsubid = 0
            AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
          LIMIT 1) o ON true
   WHERE ($1::oid[] IS NULL OR o.refobjid = ANY ($1::oid[]))
     AND (NOT pg_is_in_recovery() OR c.relpersistence = 'p')),
v AS MATERIALIZED (
  SELECT s.*, pg_sequence_last_value(s.seqrelid) AS at
    FROM s
   WHERE has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
     AND NOT s.seqcycle
     AND CASE WHEN s.seqincrement > 0 THEN s.top < 9223372036854775807 ELSE s.seqmin > -9223372036854775808 END),
u AS (
  SELECT v.*, 100.0 * CASE WHEN v.seqincrement > 0
                           THEN (v.at::float8 - v.seqmin) / greatest(v.top::float8 - v.seqmin, 1)
                           ELSE (v.seqmax::float8 - v.at) / greatest(v.seqmax::float8 - v.seqmin, 1) END AS used
    FROM v
   WHERE v.at IS NOT NULL
   ORDER BY used DESC
   LIMIT 20)
SELECT u.seqrelid::regclass::text, u.used,
       'at ' || u.at || ' of ' || CASE WHEN u.seqincrement > 0 THEN u.top ELSE u.seqmin END
           || coalesce(' (' || u.refobjid::regclass::text || '.'
                       || (SELECT quote_ident(a.attname) FROM pg_attribute a
                            WHERE a.attrelid = u.refobjid AND a.attnum = u.refobjsubid) || ')', ''),
       NULL::text, NULL::text
  FROM u
UNION ALL
SELECT n.nspname::text, NULL, count(*) || ' sequences that this role may not read', 'error', NULL
  FROM s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace AND has_schema_privilege(n.oid, 'USAGE')
 WHERE NOT has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
 GROUP BY n.nspname
 ORDER BY 2 DESC NULLS LAST
