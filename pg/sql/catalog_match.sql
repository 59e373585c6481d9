-- $1: relkinds as an array; $2: regular expression of the name; $3: of the schema, or NULL: along the
-- search path $4 ("$user" is the role's own).  One row for each that matches; the second column: whether
-- it is meant, or is of another schema than the name alone would find.
WITH path (oid, n) AS (
    SELECT s.oid, p.n
      FROM pg_catalog.unnest($4::pg_catalog.text[]) WITH ORDINALITY p (nspname, n)
      JOIN pg_catalog.pg_namespace s
        ON s.nspname OPERATOR(pg_catalog.=)
           CASE p.nspname WHEN '$user' THEN CURRENT_USER::pg_catalog.text ELSE p.nspname END
)
SELECT c.oid,
       $3::pg_catalog.text IS NOT NULL
       OR EXISTS (SELECT 1 FROM path p
                   WHERE p.oid OPERATOR(pg_catalog.=) c.relnamespace
                     AND NOT EXISTS (SELECT 1 FROM path b
                                       JOIN pg_catalog.pg_class o ON o.relnamespace OPERATOR(pg_catalog.=) b.oid
                                      WHERE b.n OPERATOR(pg_catalog.<) p.n
                                        AND o.relname OPERATOR(pg_catalog.=) c.relname
                                        AND b.oid OPERATOR(pg_catalog.<>) c.relnamespace))
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
