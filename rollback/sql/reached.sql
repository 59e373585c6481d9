-- What hangs on some objects, themselves included: class and oid.
-- $1: pg_depend's class ids, $2: its object ids, side by side.
WITH RECURSIVE reached (classid, objid) AS (
    SELECT c, o FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.oid[])) AS r (c, o)
    UNION
    SELECT d.classid, d.objid
    FROM reached r JOIN pg_catalog.pg_depend d ON d.refclassid = r.classid AND d.refobjid = r.objid
    -- What an extension brought goes with it; that may be a language as old as the cluster.
    WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S', 'e')
      AND (d.objid >= 16384 OR d.classid = 'pg_catalog.pg_language'::pg_catalog.regclass)
)
SELECT classid::pg_catalog.int8, objid::pg_catalog.int8 FROM reached
-- A view's own rule is what depends; the view goes with it.
UNION
SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int8, w.ev_class::pg_catalog.int8
FROM reached r JOIN pg_catalog.pg_rewrite w ON w.oid = r.objid AND r.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
