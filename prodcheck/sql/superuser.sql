-- A migration that runs as superuser can do anything, by mistake too.
SELECT current_user::text, NULL::float8,
       CASE WHEN r.rolsuper THEN 'is a superuser' ELSE 'bypasses row security' END,
       'warn', NULL::text
  FROM pg_roles r
 WHERE r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls AND r.rolcreaterole)
