-- What draws its numbers from a sequence: $1 the sequence's oid, or 0 and $2 a table's oid, $3 its column.
-- The sequence's names, where it starts, its increment; the columns that own it or have it as their default: oid, names, relkind,
-- column, reltuples, bytes.
SELECT n.nspname, c.relname, q.seqstart, q.seqincrement,
       t.oid, tn.nspname, t.relname, t.relkind::pg_catalog.text, a.attname, t.reltuples, pg_catalog.pg_table_size(t.oid)
  FROM pg_catalog.pg_sequence q
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) q.seqrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  LEFT JOIN (
           SELECT d.objid AS seq, d.refobjid AS rel, d.refobjsubid AS num
             FROM pg_catalog.pg_depend d
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjsubid OPERATOR(pg_catalog.>) 0
              AND d.deptype OPERATOR(pg_catalog.=) ANY (ARRAY['a', 'i']::pg_catalog."char"[])
           UNION
           SELECT d.refobjid, f.adrelid, f.adnum
             FROM pg_catalog.pg_depend d
             JOIN pg_catalog.pg_attrdef f ON f.oid OPERATOR(pg_catalog.=) d.objid
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass
              AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
       ) u ON u.seq OPERATOR(pg_catalog.=) c.oid
  LEFT JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) u.rel
  LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid OPERATOR(pg_catalog.=) t.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) u.rel AND a.attnum OPERATOR(pg_catalog.=) u.num
 WHERE CASE WHEN $1::pg_catalog.oid OPERATOR(pg_catalog.<>) 0 THEN c.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid
            ELSE u.rel OPERATOR(pg_catalog.=) $2::pg_catalog.oid AND a.attname OPERATOR(pg_catalog.=) $3::pg_catalog.text END
 ORDER BY 6, 7, 9
