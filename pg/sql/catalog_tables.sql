-- $1: OIDs of relations. One row for each that there is.
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence,
       pg_catalog.pg_get_userbyid(c.relowner),
       CASE WHEN c.relispartition
            THEN (SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid OPERATOR(pg_catalog.=) c.oid LIMIT 1) END,
       EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i WHERE i.inhparent OPERATOR(pg_catalog.=) c.oid),
       (SELECT e.extname FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
         WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
           AND d.objid OPERATOR(pg_catalog.=) c.oid
           AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
           AND d.deptype OPERATOR(pg_catalog.=) 'e' LIMIT 1),
       CASE WHEN c.relkind IN ('r', 'm', 't', 'S', 'i')
            THEN pg_catalog.pg_relation_size(c.oid)
                 OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8
            ELSE 0 END,
       c.reltuples,
       CASE WHEN c.relkind IN ('r', 'm', 't', 'S')
            THEN pg_catalog.pg_total_relation_size(c.oid) ELSE 0 END,
       c.relrowsecurity
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE c.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
 ORDER BY c.oid
