-- Routines' names to OIDs; parameters and answer as closure_resolve.sql has them.  $1 is 3 for each, $4 the types of the
-- arguments as SQL, one a line, or NULL.  Of overloaded ones the one that is meant; all of that name where none
-- has just these arguments: a type may be the script's.
-- include: closure_place.part.sql
), named AS (
    SELECT i.n, f.oid, f.provolatile, p.rank,
           i.part IS NOT NULL AND f.proargtypes::pg_catalog.text OPERATOR(pg_catalog.=) pg_catalog.array_to_string(ARRAY(
               SELECT COALESCE(pg_catalog.to_regtype(a.name)::pg_catalog.oid, 0)
                 FROM pg_catalog.unnest(pg_catalog.string_to_array(i.part, E'\n')) WITH ORDINALITY a (name, n)
                ORDER BY a.n), ' ') AS meant
      FROM item i JOIN place p USING (n)
      JOIN pg_catalog.pg_proc f ON f.pronamespace OPERATOR(pg_catalog.=) p.oid AND f.proname OPERATOR(pg_catalog.=) i.name
     WHERE i.space OPERATOR(pg_catalog.=) 3
)
SELECT f.n, 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid, f.oid, f.provolatile::pg_catalog.text, NULL::pg_catalog.oid
  FROM named f
 WHERE CASE WHEN EXISTS (SELECT FROM named m WHERE m.n OPERATOR(pg_catalog.=) f.n AND m.meant)
            THEN f.meant AND f.rank OPERATOR(pg_catalog.=) (SELECT pg_catalog.min(m.rank) FROM named m WHERE m.n OPERATOR(pg_catalog.=) f.n AND m.meant)
            ELSE true END
 ORDER BY 1
