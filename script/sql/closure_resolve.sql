-- Names to OIDs (routines: closure_routines.sql).  $1 spaces (0 relation, 1 type, 2 schema, 4 extension, 5 constraint, 6 statistics), $2 schemas or NULL,
-- $3 names, $4 constraints' names or NULL, $5 the search path as SHOW prints it.  One row per object found, the
-- number of its item first; last an index's table, a partition's parent, a foreign key's referenced table.
-- include: closure_place.part.sql
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
