-- Names to OIDs (routines: closure_routines.sql).  $1 spaces (0 relation, 1 type, 2 schema, 4 extension, 5 constraint, 6 statistics), $2 schemas or NULL,
-- $3 names, $4 constraints' names or NULL, $5 the search path as SHOW prints it.  One row per object found, the
-- number of its item first; last an index's table, a partition's parent, a foreign key's referenced table.
WITH item AS (
    -- "" is NULL, else "=TEXT"
    SELECT i.space, i.n, CASE WHEN i.schema OPERATOR(pg_catalog.<>) '' THEN pg_catalog.substr(i.schema, 2) END AS schema,
           CASE WHEN i.name OPERATOR(pg_catalog.<>) '' THEN pg_catalog.substr(i.name, 2) END AS name,
           CASE WHEN i.part OPERATOR(pg_catalog.<>) '' THEN pg_catalog.substr(i.part, 2) END AS part
      FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.int4[]), pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[]), pg_catalog.unnest($4::pg_catalog.text[]))
           WITH ORDINALITY i (space, schema, name, part, n)
), path AS (
    SELECT s.oid, p.n
      FROM (SELECT 0 AS n, 'pg_catalog'::pg_catalog.text AS name
            UNION ALL
            SELECT w.n::pg_catalog.int4,
                   pg_catalog.replace(pg_catalog.btrim(pg_catalog.btrim(w.word), '"'), '""', '"')
              FROM pg_catalog.regexp_split_to_table($5, ',') WITH ORDINALITY w (word, n)) p
      JOIN pg_catalog.pg_namespace s
        ON s.nspname OPERATOR(pg_catalog.=) CASE p.name WHEN '$user' THEN CURRENT_USER::pg_catalog.text ELSE p.name END
), place AS (
    SELECT i.n, s.oid, 0 AS rank FROM item i JOIN pg_catalog.pg_namespace s ON s.nspname OPERATOR(pg_catalog.=) i.schema
    UNION ALL
    SELECT i.n, p.oid, p.n FROM item i CROSS JOIN path p WHERE i.schema IS NULL
), relation AS (
    SELECT DISTINCT ON (i.n) i.n, i.space, i.part, c.oid, c.relkind,
           CASE WHEN c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['i', 'I']::pg_catalog."char"[])
                THEN (SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indexrelid OPERATOR(pg_catalog.=) c.oid)
                WHEN c.relispartition
                THEN (SELECT h.inhparent FROM pg_catalog.pg_inherits h WHERE h.inhrelid OPERATOR(pg_catalog.=) c.oid LIMIT 1) END AS up
      FROM item i JOIN place p USING (n)
      JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) p.oid AND c.relname OPERATOR(pg_catalog.=) i.name
     WHERE i.space OPERATOR(pg_catalog.=) ANY (ARRAY[0, 5])
     ORDER BY i.n, p.rank
)
SELECT n, 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, oid, relkind::pg_catalog.text, up
  FROM relation WHERE space OPERATOR(pg_catalog.=) 0
UNION ALL
SELECT r.n, 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid, k.oid, k.contype::pg_catalog.text, k.confrelid
  FROM relation r JOIN pg_catalog.pg_constraint k
    ON k.conrelid OPERATOR(pg_catalog.=) r.oid AND k.conname OPERATOR(pg_catalog.=) r.part
 WHERE r.space OPERATOR(pg_catalog.=) 5
UNION ALL
(SELECT DISTINCT ON (i.n) i.n, 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid, t.oid, t.typtype::pg_catalog.text, NULL::pg_catalog.oid
   FROM item i JOIN place p USING (n)
   JOIN pg_catalog.pg_type t ON t.typnamespace OPERATOR(pg_catalog.=) p.oid AND t.typname OPERATOR(pg_catalog.=) i.name
  WHERE i.space OPERATOR(pg_catalog.=) 1
  ORDER BY i.n, p.rank)
UNION ALL
SELECT i.n, 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid, s.oid, '', NULL::pg_catalog.oid
  FROM item i JOIN pg_catalog.pg_namespace s ON s.nspname OPERATOR(pg_catalog.=) i.name
 WHERE i.space OPERATOR(pg_catalog.=) 2
UNION ALL
SELECT i.n, 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid, e.oid, '', NULL::pg_catalog.oid
  FROM item i JOIN pg_catalog.pg_extension e ON e.extname OPERATOR(pg_catalog.=) i.name
 WHERE i.space OPERATOR(pg_catalog.=) 4
UNION ALL
SELECT i.n, x.tableoid, x.oid, '', x.stxrelid
  FROM item i JOIN place p USING (n)
  JOIN pg_catalog.pg_statistic_ext x ON x.stxnamespace OPERATOR(pg_catalog.=) p.oid AND x.stxname OPERATOR(pg_catalog.=) i.name
 WHERE i.space OPERATOR(pg_catalog.=) 6
ORDER BY 1
