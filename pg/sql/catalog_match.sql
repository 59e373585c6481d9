-- $1: relkinds as an array; $2: regular expression of the name; $3: of the schema, or NULL: every
-- schema that is not the system's own.
SELECT c.oid
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE c.relkind::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])
   AND c.relname::pg_catalog.text COLLATE pg_catalog."default" OPERATOR(pg_catalog.~) $2
   AND CASE WHEN $3::pg_catalog.text IS NULL
            THEN n.nspname::pg_catalog.text OPERATOR(pg_catalog.!~) '^pg_'
                 AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'
            ELSE n.nspname::pg_catalog.text COLLATE pg_catalog."default" OPERATOR(pg_catalog.~) $3 END
   AND n.nspname::pg_catalog.text OPERATOR(pg_catalog.!~) '^pg_(toast|temp_|toast_temp_)'
 ORDER BY n.nspname, c.relname
