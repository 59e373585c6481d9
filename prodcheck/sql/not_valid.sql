-- $1: OIDs of the affected tables, or NULL. Constraints that were added NOT VALID and never validated.
SELECT c.conrelid::regclass::text || '.' || quote_ident(c.conname), NULL::float8,
       CASE c.contype WHEN 'f' THEN 'foreign key' ELSE 'check constraint' END || ' is NOT VALID',
       'warn', NULL::text
  FROM pg_constraint c
 WHERE NOT c.convalidated AND c.contype IN ('c', 'f') AND c.conrelid <> 0 AND c.conparentid = 0
   AND ($1::oid[] IS NULL OR c.conrelid = ANY ($1::oid[]))
 ORDER BY 1
