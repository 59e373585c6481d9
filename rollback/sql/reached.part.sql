-- What hangs on some objects, themselves included, and the relations among it or that it is part of.
-- $1: pg_depend's class ids, $2: its object ids, side by side.
WITH RECURSIVE reached (classid, objid) AS (
    SELECT c, o FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.oid[])) AS r (c, o)
    UNION
    SELECT d.classid, d.objid
    FROM reached r JOIN pg_catalog.pg_depend d ON d.refclassid = r.classid AND d.refobjid = r.objid
    WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S') AND d.objid >= 16384
), relations (oid) AS (
    SELECT objid FROM reached WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION SELECT i.indrelid FROM pg_catalog.pg_index i JOIN reached r ON r.objid = i.indexrelid AND r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION SELECT k.conrelid FROM pg_catalog.pg_constraint k JOIN reached r ON r.objid = k.oid AND r.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
    UNION SELECT t.tgrelid FROM pg_catalog.pg_trigger t JOIN reached r ON r.objid = t.oid AND r.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
    UNION SELECT p.polrelid FROM pg_catalog.pg_policy p JOIN reached r ON r.objid = p.oid AND r.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
    UNION SELECT w.ev_class FROM pg_catalog.pg_rewrite w JOIN reached r ON r.objid = w.oid AND r.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    UNION SELECT a.adrelid FROM pg_catalog.pg_attrdef a JOIN reached r ON r.objid = a.oid AND r.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    UNION SELECT s.stxrelid FROM pg_catalog.pg_statistic_ext s JOIN reached r ON r.objid = s.oid AND r.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass
    UNION SELECT h.inhparent FROM pg_catalog.pg_inherits h JOIN reached r ON r.objid = h.inhrelid AND r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
