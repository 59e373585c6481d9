-- Indexes of the relations $1 and of what their foreign keys reference: table, index, its names, unique, valid, primary, its key columns (only plain ones), partial or on
-- expressions, kind, the partitioned index that it is part of, and every column that it stands on: keys, INCLUDE, expressions, predicate.
SELECT i.indrelid, i.indexrelid, n.nspname, c.relname, i.indisunique, i.indisvalid, i.indisprimary,
       (SELECT pg_catalog.string_agg(a.attname::pg_catalog.text, E'\n' ORDER BY u.n)
          FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY u (attnum, n)
          JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) u.attnum
         WHERE u.n OPERATOR(pg_catalog.<=) i.indnkeyatts),
       i.indpred IS NOT NULL OR i.indexprs IS NOT NULL, c.relkind::pg_catalog.text,
       (SELECT h.inhparent FROM pg_catalog.pg_inherits h WHERE h.inhrelid OPERATOR(pg_catalog.=) i.indexrelid LIMIT 1),
       (SELECT pg_catalog.string_agg(a.attname::pg_catalog.text, E'\n')
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid OPERATOR(pg_catalog.=) i.indrelid
           AND (a.attnum OPERATOR(pg_catalog.=) ANY (i.indkey::pg_catalog.int2[])
                OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                            WHERE d.classid OPERATOR(pg_catalog.=) c.tableoid AND d.objid OPERATOR(pg_catalog.=) c.oid
                              AND d.refclassid OPERATOR(pg_catalog.=) c.tableoid AND d.refobjid OPERATOR(pg_catalog.=) i.indrelid
                              AND d.refobjsubid OPERATOR(pg_catalog.=) a.attnum)))
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE i.indrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
    OR i.indrelid OPERATOR(pg_catalog.=) ANY (SELECT k.confrelid FROM pg_catalog.pg_constraint k
        WHERE k.contype OPERATOR(pg_catalog.=) 'f' AND k.conrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]))
