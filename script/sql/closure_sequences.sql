-- Sequences owned by the relations $1 (serial, identity, OWNED BY), and their names.
SELECT s.oid, n.nspname, s.relname
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_class s ON s.oid OPERATOR(pg_catalog.=) d.objid AND s.relkind OPERATOR(pg_catalog.=) 'S'
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) s.relnamespace
 WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.refobjid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
   AND d.deptype OPERATOR(pg_catalog.=) ANY (ARRAY['a', 'i']::pg_catalog."char"[])
UNION
SELECT s.oid, n.nspname, s.relname
  FROM pg_catalog.pg_class s JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) s.relnamespace
 WHERE s.relkind OPERATOR(pg_catalog.=) 'S' AND s.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
 ORDER BY 2, 3
