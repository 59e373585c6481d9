-- A stored column whose type holds domain $1 within (an array, a row, a range): the server then refuses to add a rule to the domain.
WITH RECURSIVE d (oid) AS (
         SELECT $1::pg_catalog.oid
          UNION
         SELECT t.oid FROM pg_catalog.pg_type t JOIN d ON t.typtype OPERATOR(pg_catalog.=) 'd' AND t.typbasetype OPERATOR(pg_catalog.=) d.oid
), within (inner_type, outer_type) AS (
         SELECT t.typelem, t.oid FROM pg_catalog.pg_type t
          WHERE t.typelem OPERATOR(pg_catalog.<>) 0 AND t.typcategory OPERATOR(pg_catalog.=) 'A'
          UNION ALL
         SELECT a.atttypid, c.reltype FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
          WHERE a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped AND c.reltype OPERATOR(pg_catalog.<>) 0
          UNION ALL
         SELECT r.rngsubtype, r.rngtypid FROM pg_catalog.pg_range r
), holder (oid) AS (
         SELECT w.outer_type FROM d JOIN within w ON w.inner_type OPERATOR(pg_catalog.=) d.oid
          UNION
         SELECT o.outer_type
           FROM holder h
           JOIN (SELECT w.inner_type, w.outer_type FROM within w
                  UNION ALL
                 SELECT t.typbasetype, t.oid FROM pg_catalog.pg_type t WHERE t.typtype OPERATOR(pg_catalog.=) 'd') o
             ON o.inner_type OPERATOR(pg_catalog.=) h.oid
)
SELECT n.nspname, c.relname, a.attname
  FROM holder h
  JOIN pg_catalog.pg_attribute a ON a.atttypid OPERATOR(pg_catalog.=) h.oid AND NOT a.attisdropped AND a.attnum OPERATOR(pg_catalog.>) 0
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid AND c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'p', 'm']::pg_catalog."char"[])
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 ORDER BY 1, 2, 3
 LIMIT 1
