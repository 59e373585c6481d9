-- $1: OIDs of the affected tables, or NULL. How much of a sequence is used, measured against the
-- narrower of the sequence and the column that it feeds. A sequence that may go to the end of bigint
-- is not read: nobody gets there, and reading is what takes time.
WITH d AS MATERIALIZED (
  SELECT d.objid, d.refobjid, d.refobjsubid
    FROM pg_depend d
    JOIN pg_sequence q ON q.seqrelid = d.objid
   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
     AND d.objsubid = 0 AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')),
s AS MATERIALIZED (
  SELECT q.seqrelid, q.seqincrement, q.seqmin, q.seqmax, d.refobjid, d.refobjsubid,
         least(q.seqmax, CASE (SELECT a.atttypid FROM pg_attribute a
                                WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid)
                         WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                         ELSE q.seqmax END) AS top
    FROM pg_sequence q
    LEFT JOIN d ON d.objid = q.seqrelid
   WHERE NOT q.seqcycle AND ($1::oid[] IS NULL OR d.refobjid = ANY ($1::oid[]))),
n AS MATERIALIZED (
  SELECT s.*, c.relnamespace, has_sequence_privilege(s.seqrelid, 'SELECT, USAGE') AS may
    FROM s
    JOIN pg_class c ON c.oid = s.seqrelid
   WHERE CASE WHEN s.seqincrement > 0 THEN s.top < 9223372036854775807 ELSE s.seqmin > -9223372036854775808 END
     AND (c.relpersistence = 'p' OR c.relpersistence = 'u' AND NOT pg_is_in_recovery())),
v AS MATERIALIZED (
  SELECT n.*, pg_sequence_last_value(n.seqrelid) AS at FROM n WHERE n.may),
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
SELECT z.nspname::text, NULL, count(*) || ' sequences that this role may not read', 'error', NULL
  FROM n
  JOIN pg_namespace z ON z.oid = n.relnamespace AND has_schema_privilege(z.oid, 'USAGE')
 WHERE NOT n.may
 GROUP BY z.nspname
 ORDER BY 2 DESC NULLS LAST
