-- $1: tables, $2: sequences.  The sequences themselves and those that the tables own or draw on.
SELECT n.nspname, s.relname, pg_catalog.format_type(q.seqtypid, NULL), tn.nspname, t.relname, a.attname
  FROM pg_catalog.pg_class s
  JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
  JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
  LEFT JOIN pg_catalog.pg_depend d
         ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.oid AND d.objsubid = 0
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
  LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
  LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE s.relkind = 'S' AND s.relpersistence <> 't'
   AND (s.oid = ANY ($2::pg_catalog.oid[])
        OR d.refobjid = ANY ($1::pg_catalog.oid[])
        OR s.oid IN (SELECT u.refobjid
                       FROM pg_catalog.pg_attrdef ad
                       JOIN pg_catalog.pg_depend u
                         ON u.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND u.objid = ad.oid
                        AND u.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      WHERE ad.adrelid = ANY ($1::pg_catalog.oid[])))
 ORDER BY 1, 2
