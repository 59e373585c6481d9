-- The search path that a migration's session starts with: ours may have been emptied.
SELECT CASE WHEN s.setting OPERATOR(pg_catalog.=) ANY (ARRAY['', '""']) THEN s.reset_val ELSE s.setting END
  FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) 'search_path'
