-- One line that changes with whatever is written in the catalog about some objects and what hangs on them:
-- how many rows there are, and the sum of hashes of which row and which transaction wrote it.  Plain columns
-- alone, so that nobody's locks are waited for.  $1: pg_depend's class ids, $2: its object ids, side by side.
-- include: reached.part.sql
), wrote (catalog, a, b, c, x) AS (
    SELECT 0, r.classid, r.objid, 0, '0'::pg_catalog.xid FROM reached r
    UNION ALL SELECT 1, k.oid, 0, 0, k.xmin FROM pg_catalog.pg_class k WHERE k.oid IN (SELECT oid FROM relations)
    UNION ALL SELECT 2, a.attrelid, 0, a.attnum, a.xmin FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND a.attrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 3, d.oid, 0, 0, d.xmin FROM pg_catalog.pg_attrdef d WHERE d.adrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 4, i.indexrelid, 0, 0, i.xmin FROM pg_catalog.pg_index i WHERE i.indrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 5, k.oid, 0, 0, k.xmin FROM pg_catalog.pg_constraint k WHERE k.conrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 6, t.oid, 0, 0, t.xmin FROM pg_catalog.pg_trigger t WHERE t.tgrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 7, w.oid, 0, 0, w.xmin FROM pg_catalog.pg_rewrite w WHERE w.ev_class IN (SELECT oid FROM relations)
    UNION ALL SELECT 8, p.oid, 0, 0, p.xmin FROM pg_catalog.pg_policy p WHERE p.polrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 9, s.oid, 0, 0, s.xmin FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 10, h.inhrelid, h.inhparent, 0, h.xmin FROM pg_catalog.pg_inherits h WHERE h.inhrelid IN (SELECT oid FROM relations) OR h.inhparent IN (SELECT oid FROM relations)
    UNION ALL SELECT 11, p.oid, 0, 0, p.xmin FROM pg_catalog.pg_publication_rel p WHERE p.prrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 12, s.seqrelid, 0, 0, s.xmin FROM pg_catalog.pg_sequence s WHERE s.seqrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 13, t.oid, 0, 0, t.xmin FROM pg_catalog.pg_type t JOIN reached r ON r.objid = t.oid AND r.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
    UNION ALL SELECT 14, e.oid, 0, 0, e.xmin FROM pg_catalog.pg_enum e JOIN reached r ON r.objid = e.enumtypid AND r.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
    UNION ALL SELECT 15, k.oid, 0, 0, k.xmin FROM pg_catalog.pg_constraint k JOIN reached r ON r.objid = k.contypid AND r.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
    UNION ALL SELECT 16, p.oid, 0, 0, p.xmin FROM pg_catalog.pg_proc p JOIN reached r ON r.objid = p.oid AND r.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    UNION ALL SELECT 17, n.oid, 0, 0, n.xmin FROM pg_catalog.pg_namespace n WHERE n.nspname <> 'pg_toast' AND n.nspname !~ '^pg_(toast_)?temp_'
    UNION ALL SELECT 18, d.classoid, d.objoid, d.objsubid, d.xmin FROM pg_catalog.pg_description d JOIN reached r ON r.objid = d.objoid AND r.classid = d.classoid
    UNION ALL SELECT 19, d.classoid, d.objoid, d.objsubid, d.xmin FROM pg_catalog.pg_description d WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid IN (SELECT oid FROM relations)
    UNION ALL SELECT 20, l.classoid, l.objoid, l.objsubid, l.xmin FROM pg_catalog.pg_seclabel l WHERE l.objoid IN (SELECT oid FROM relations)
)
SELECT pg_catalog.count(*)::pg_catalog.text || ' ' || coalesce(pg_catalog.sum(pg_catalog.hashtextextended(
           pg_catalog.concat_ws(' ', w.catalog, w.a, w.b, w.c, w.x), 0)), 0)::pg_catalog.text
FROM wrote w
