-- $1: OIDs of tables that the plan alters or drops; $2: of those whose rows it changes; $3: schemas in which
-- it creates ("" is the role's default); $4: OIDs of tables that a backup must read; $5, $6: the version
-- table's schema and name, or NULL; $7: OIDs of tables that new foreign keys point to (a right on some columns
-- may be enough for one key: has_any_column_privilege).
SELECT c.oid::regclass::text, NULL::float8,
       'only its owner may alter or drop it: ' || pg_get_userbyid(c.relowner), 'fail', NULL::text
  FROM pg_class c
 WHERE c.oid = ANY ($1::oid[]) AND NOT pg_has_role(current_user, c.relowner, 'USAGE')
UNION ALL
SELECT c.oid::regclass::text, NULL,
       'the role may not ' || p.privilege, 'fail', NULL
  FROM pg_class c, (VALUES ('INSERT'), ('UPDATE'), ('DELETE')) p (privilege)
 WHERE c.oid = ANY ($2::oid[]) AND c.relkind IN ('r', 'p')
   AND NOT has_table_privilege(c.oid, p.privilege)
UNION ALL
SELECT c.oid::regclass::text, NULL, 'the role may not SELECT: it cannot be backed up', 'fail', NULL
  FROM pg_class c
 WHERE c.oid = ANY ($4::oid[]) AND c.relkind IN ('r', 'p', 'm')
   AND NOT has_table_privilege(c.oid, 'SELECT')
UNION ALL
SELECT c.oid::regclass::text, NULL, 'row security hides rows from the role: it cannot be backed up whole (a role with BYPASSRLS can)',
       'fail', NULL
  FROM pg_class c
 WHERE c.oid = ANY ($4::oid[]) AND c.relkind IN ('r', 'p')
   AND has_table_privilege(c.oid, 'SELECT') AND row_security_active(c.oid)
UNION ALL
SELECT n.nspname::text, NULL, 'the role may not CREATE in this schema', 'fail', NULL
  FROM (SELECT DISTINCT coalesce(nullif(s, ''), d.nspname) AS nspname
          FROM unnest($3::text[]) AS x (s)
         CROSS JOIN LATERAL (
               SELECT coalesce((SELECT trim(BOTH '" ' FROM e)
                                  FROM pg_settings, unnest(string_to_array(reset_val, ',')) WITH ORDINALITY AS w (e, i)
                                 WHERE name = 'search_path'
                                   AND trim(BOTH '" ' FROM e) IN (SELECT z.nspname FROM pg_namespace z)
                                 ORDER BY i LIMIT 1), 'public') AS nspname) d) q
  JOIN pg_namespace n ON n.nspname = q.nspname
 WHERE NOT has_schema_privilege(n.oid, 'CREATE')
UNION ALL
SELECT c.oid::regclass::text, NULL, 'the role may not write the version table', 'fail', NULL
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relname = $6 AND c.relkind IN ('r', 'p')
   AND ($5::text IS NULL OR n.nspname = $5) AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND NOT (has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
            AND has_table_privilege(c.oid, 'DELETE'))
UNION ALL
SELECT c.oid::regclass::text, NULL, 'the role may not point a foreign key at it: GRANT REFERENCES', 'fail', NULL
  FROM pg_class c
 WHERE c.oid = ANY ($7::oid[]) AND NOT has_any_column_privilege(c.oid, 'REFERENCES')
