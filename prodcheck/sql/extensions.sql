-- $1: extensions that the plan creates.
SELECT w.name, NULL::float8,
       CASE WHEN a.name IS NULL THEN 'is not available on this server'
            ELSE 'is not trusted: only a superuser may create it' END,
       'fail', NULL::text
  FROM unnest($1::text[]) AS w (name)
  LEFT JOIN pg_available_extensions a ON a.name = w.name
 WHERE a.name IS NULL
    OR a.installed_version IS NULL
       AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       AND EXISTS (SELECT 1 FROM pg_available_extension_versions v
                    WHERE v.name = a.name AND v.version = a.default_version AND v.superuser
                      AND NOT coalesce((to_jsonb(v) ->> 'trusted')::boolean, false))
