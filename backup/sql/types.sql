-- $1: tables.  The enums, domains, composite and range types that their columns have, directly or within
-- another type; members as a JSON list.
WITH RECURSIVE used (oid) AS (
    SELECT a.atttypid
      FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT x.oid
      FROM used u
      JOIN pg_catalog.pg_type t ON t.oid = u.oid
     CROSS JOIN LATERAL (
           SELECT t.typelem AS oid WHERE t.typelem <> 0
            UNION ALL
           SELECT t.typbasetype WHERE t.typtype = 'd'
            UNION ALL
           SELECT a.atttypid FROM pg_catalog.pg_attribute a
            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
            UNION ALL
           SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
           ) x
)
SELECT n.nspname, t.typname, t.typtype,
       pg_catalog.array_to_json(CASE t.typtype
       WHEN 'e' THEN ARRAY(SELECT e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e
                            WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
       WHEN 'd' THEN ARRAY(SELECT pg_catalog.format_type(t.typbasetype, t.typtypmod)
                            UNION ALL SELECT 'NOT NULL' WHERE t.typnotnull)
                  || ARRAY(SELECT pg_catalog.pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint c
                            WHERE c.contypid = t.oid AND c.contype = 'c' ORDER BY c.conname)
       WHEN 'c' THEN ARRAY(SELECT pg_catalog.quote_ident(a.attname) || ' '
                                  || pg_catalog.format_type(a.atttypid, a.atttypmod)
                             FROM pg_catalog.pg_attribute a
                            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
                            ORDER BY a.attnum)
       WHEN 'r' THEN ARRAY(SELECT pg_catalog.format_type(r.rngsubtype, NULL) FROM pg_catalog.pg_range r
                            WHERE r.rngtypid = t.oid)
       END)
  FROM used u
  JOIN pg_catalog.pg_type t ON t.oid = u.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
 WHERE t.typtype IN ('e', 'd', 'c', 'r') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
 ORDER BY 1, 2
