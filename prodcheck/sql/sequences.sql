-- $1: OIDs of the affected tables, or NULL. How much of a sequence is used, measured against the
-- narrower of the sequence and the column that it feeds.
SELECT s.seqrelid::regclass::text,
       100.0 * CASE WHEN s.seqincrement > 0
                    THEN (pg_sequence_last_value(s.seqrelid) - s.seqmin)::float8
                         / greatest(least(s.seqmax, coalesce(o.top, s.seqmax))::float8 - s.seqmin, 1)
                    ELSE (s.seqmax - pg_sequence_last_value(s.seqrelid))::float8
                         / greatest(s.seqmax::float8 - s.seqmin, 1) END,
       'at ' || pg_sequence_last_value(s.seqrelid) || ' of ' || least(s.seqmax, coalesce(o.top, s.seqmax))
           || coalesce(' (' || o.col || ')', ''),
       CASE WHEN s.seqcycle THEN 'ok' END, NULL::text
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid AND c.relpersistence <> 't'
  LEFT JOIN LATERAL (
        SELECT d.refobjid, d.refobjid::regclass::text || '.' || quote_ident(a.attname) AS col,
               CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 END AS top
          FROM pg_depend d
          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
           AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
         LIMIT 1) o ON true
 WHERE ($1::oid[] IS NULL OR o.refobjid = ANY ($1::oid[]))
   AND has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
   AND (NOT pg_is_in_recovery() OR c.relpersistence = 'p')
   AND pg_sequence_last_value(s.seqrelid) IS NOT NULL
UNION ALL
SELECT n.nspname::text, NULL, count(*) || ' sequences that this role may not read', 'error', NULL
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid AND c.relpersistence <> 't'
  JOIN pg_namespace n ON n.oid = c.relnamespace AND has_schema_privilege(n.oid, 'USAGE')
 WHERE NOT has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
   AND ($1::oid[] IS NULL OR EXISTS (
           SELECT 1 FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
              AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1::oid[])))
 GROUP BY n.nspname
 ORDER BY 2 DESC NULLS LAST
 LIMIT 20
