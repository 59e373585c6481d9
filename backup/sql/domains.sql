-- $1: tables.  Their columns of a domain: what ADD COLUMN fills in may come from the domain's default.
SELECT a.attrelid || '.' || a.attname
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND t.typtype = 'd'
