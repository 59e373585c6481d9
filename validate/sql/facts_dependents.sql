-- Members of an extension fall with it.
-- What keeps RESTRICT from dropping, or a type from changing: $1 classid, $2 objid, $3 column or NULL.
-- Direct dependents that do not fall by themselves: the root's number, the dependent in words, its relation (a view, the
-- table of a constraint), that relation's kind, a constraint's name, the dependency's type.
SELECT DISTINCT r.n, pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid),
       COALESCE(w.ev_class, k.conrelid, c.oid, f.adrelid, 0), COALESCE(wc.relkind, c.relkind)::pg_catalog.text, k.conname,
       d.deptype::pg_catalog.text, d.classid::pg_catalog.regclass::pg_catalog.text
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.oid[]), pg_catalog.unnest($3::pg_catalog.text[]))
       WITH ORDINALITY r (classid, objid, col, n)
  LEFT JOIN pg_catalog.pg_attribute a ON r.col IS NOT NULL AND a.attrelid OPERATOR(pg_catalog.=) r.objid AND a.attname OPERATOR(pg_catalog.=) r.col
  JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) r.classid AND d.refobjid OPERATOR(pg_catalog.=) r.objid
   AND (r.col IS NULL OR d.refobjsubid OPERATOR(pg_catalog.=) a.attnum)
  LEFT JOIN pg_catalog.pg_rewrite w ON w.tableoid OPERATOR(pg_catalog.=) d.classid AND w.oid OPERATOR(pg_catalog.=) d.objid
  LEFT JOIN pg_catalog.pg_class wc ON wc.oid OPERATOR(pg_catalog.=) w.ev_class
  LEFT JOIN pg_catalog.pg_constraint k ON k.tableoid OPERATOR(pg_catalog.=) d.classid AND k.oid OPERATOR(pg_catalog.=) d.objid
  LEFT JOIN pg_catalog.pg_class c ON c.tableoid OPERATOR(pg_catalog.=) d.classid AND c.oid OPERATOR(pg_catalog.=) d.objid
  LEFT JOIN pg_catalog.pg_attrdef f ON f.tableoid OPERATOR(pg_catalog.=) d.classid AND f.oid OPERATOR(pg_catalog.=) d.objid
 WHERE d.deptype OPERATOR(pg_catalog.=) ANY (ARRAY['n']::pg_catalog."char"[])
   AND NOT (d.classid OPERATOR(pg_catalog.=) r.classid AND d.objid OPERATOR(pg_catalog.=) r.objid)
   AND (r.col IS NOT NULL OR COALESCE(k.conrelid, f.adrelid, 0) OPERATOR(pg_catalog.<>) r.objid)
   AND (w.ev_class IS NULL OR w.ev_class OPERATOR(pg_catalog.<>) r.objid)
   -- What falls by itself with the root: a check, a trigger or a default of the table that goes, a constraint
   -- of the column that goes.
   AND NOT EXISTS (
           SELECT 1 FROM pg_catalog.pg_depend o
            WHERE o.classid OPERATOR(pg_catalog.=) d.classid AND o.objid OPERATOR(pg_catalog.=) d.objid
              AND (o.refclassid OPERATOR(pg_catalog.=) r.classid AND o.refobjid OPERATOR(pg_catalog.=) r.objid
                   AND (r.col IS NULL OR o.refobjsubid OPERATOR(pg_catalog.=) a.attnum)
                   -- the functions of a range type's multirange
                   OR r.col IS NULL AND EXISTS (
                          SELECT 1 FROM pg_catalog.pg_depend m
                           WHERE m.classid OPERATOR(pg_catalog.=) o.refclassid AND m.objid OPERATOR(pg_catalog.=) o.refobjid
                             AND m.refclassid OPERATOR(pg_catalog.=) r.classid AND m.refobjid OPERATOR(pg_catalog.=) r.objid
                             AND m.deptype OPERATOR(pg_catalog.=) 'i'::pg_catalog."char"))
              AND o.deptype OPERATOR(pg_catalog.=) ANY (ARRAY['a', 'i', 'P', 'S']::pg_catalog."char"[]))
 ORDER BY 1, 2
