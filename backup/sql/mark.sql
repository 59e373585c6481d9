-- One line that changes with whatever others write in the catalog that pg_dump -s reads: how many rows there are of
-- users' objects, and a sum of hashes of which row and which transaction wrote it.  Temporary tables come and go.
WITH spaces (oid, xmin) AS (
    SELECT n.oid, n.xmin FROM pg_catalog.pg_namespace AS n WHERE n.nspname !~ '^pg_(toast|temp)'
), relations (oid, xmin) AS (
    SELECT c.oid, c.xmin FROM pg_catalog.pg_class AS c
    WHERE c.oid >= 16384 AND c.relpersistence <> 't' AND c.relkind <> 't' AND c.relnamespace IN (SELECT s.oid FROM spaces AS s)
), wrote (catalog, a, b, x) AS (
    SELECT 0, s.oid, 0, s.xmin FROM spaces AS s
    UNION ALL SELECT 1, r.oid, 0, r.xmin FROM relations AS r
    UNION ALL SELECT 2, a.attrelid, a.attnum, a.xmin FROM pg_catalog.pg_attribute AS a JOIN relations AS r ON r.oid = a.attrelid WHERE a.attnum > 0
    UNION ALL SELECT 3, d.oid, 0, d.xmin FROM pg_catalog.pg_attrdef AS d JOIN relations AS r ON r.oid = d.adrelid
    UNION ALL SELECT 4, i.indexrelid, 0, i.xmin FROM pg_catalog.pg_index AS i JOIN relations AS r ON r.oid = i.indrelid
    UNION ALL SELECT 5, k.oid, 0, k.xmin FROM pg_catalog.pg_constraint AS k WHERE k.connamespace IN (SELECT s.oid FROM spaces AS s) AND k.oid >= 16384
    UNION ALL SELECT 6, t.oid, 0, t.xmin FROM pg_catalog.pg_trigger AS t JOIN relations AS r ON r.oid = t.tgrelid
    UNION ALL SELECT 7, w.oid, 0, w.xmin FROM pg_catalog.pg_rewrite AS w JOIN relations AS r ON r.oid = w.ev_class
    UNION ALL SELECT 8, p.oid, 0, p.xmin FROM pg_catalog.pg_policy AS p
    UNION ALL SELECT 9, s.oid, 0, s.xmin FROM pg_catalog.pg_statistic_ext AS s
    UNION ALL SELECT 10, h.inhrelid, h.inhseqno, h.xmin FROM pg_catalog.pg_inherits AS h JOIN relations AS r ON r.oid = h.inhrelid
    UNION ALL SELECT 11, q.seqrelid, 0, q.xmin FROM pg_catalog.pg_sequence AS q JOIN relations AS r ON r.oid = q.seqrelid
    UNION ALL SELECT 12, t.oid, 0, t.xmin FROM pg_catalog.pg_type AS t WHERE t.oid >= 16384 AND t.typnamespace IN (SELECT s.oid FROM spaces AS s)
    UNION ALL SELECT 13, e.oid, 0, e.xmin FROM pg_catalog.pg_enum AS e
    UNION ALL SELECT 14, p.oid, 0, p.xmin FROM pg_catalog.pg_proc AS p WHERE p.oid >= 16384 AND p.pronamespace IN (SELECT s.oid FROM spaces AS s)
    UNION ALL SELECT 15, o.oid, 0, o.xmin FROM pg_catalog.pg_operator AS o WHERE o.oid >= 16384
    UNION ALL SELECT 16, o.oid, 0, o.xmin FROM pg_catalog.pg_opclass AS o WHERE o.oid >= 16384
    UNION ALL SELECT 17, l.oid, 0, l.xmin FROM pg_catalog.pg_collation AS l WHERE l.oid >= 16384
    UNION ALL SELECT 18, k.oid, 0, k.xmin FROM pg_catalog.pg_cast AS k WHERE k.oid >= 16384
    UNION ALL SELECT 19, e.oid, 0, e.xmin FROM pg_catalog.pg_extension AS e
    UNION ALL SELECT 20, d.objoid, d.objsubid, d.xmin FROM pg_catalog.pg_description AS d
              WHERE d.objoid >= 16384
)
SELECT pg_catalog.count(*)::pg_catalog.text || ' ' || coalesce(pg_catalog.sum(pg_catalog.hashtextextended(
           pg_catalog.concat_ws(' ', w.catalog, w.a, w.b, w.x), 0)), 0)::pg_catalog.text
FROM wrote AS w
