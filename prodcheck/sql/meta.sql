-- What this role may see, and whose server it is.
SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
       EXISTS (SELECT 1 FROM pg_roles
                WHERE rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin', 'alloydbsuperuser',
                                  'aiven_extras', 'avnadmin', 'doadmin', 'neon_superuser', 'supabase_admin')),
       (SELECT setting FROM pg_settings WHERE name = 'data_directory'),
       current_user::text
