-- Columns that store values of the types $1 ($2 't') or of the row types of the relations $1 ('r'), also within arrays, domains,
-- ranges and other row types: the root's number, the table, the column.
WITH RECURSIVE holds (part, oid) AS MATERIALIZED ( -- once, and joined: a plan may name thousands of tables
    SELECT t.typbasetype, t.oid FROM pg_catalog.pg_type t WHERE t.typbasetype OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    UNION ALL
    SELECT t.typelem, t.oid FROM pg_catalog.pg_type t
     WHERE t.typelem OPERATOR(pg_catalog.<>) 0::pg_catalog.oid AND t.typcategory OPERATOR(pg_catalog.=) 'A'
    UNION ALL
    SELECT g.rngsubtype, g.rngtypid FROM pg_catalog.pg_range g
    UNION ALL
    SELECT a.atttypid, c.reltype FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
     WHERE a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped AND c.reltype OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
), ty AS (
    SELECT r.n, CASE r.what WHEN 't' THEN r.oid
                            ELSE (SELECT c.reltype FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) r.oid) END AS oid
      FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY r (oid, what, n)
    UNION
    SELECT ty.n, h.oid FROM ty JOIN holds h ON h.part OPERATOR(pg_catalog.=) ty.oid
)
SELECT DISTINCT ty.n, a.attrelid, a.attname
  FROM ty JOIN pg_catalog.pg_attribute a ON a.atttypid OPERATOR(pg_catalog.=) ty.oid AND a.attnum OPERATOR(pg_catalog.>) 0
                                        AND NOT a.attisdropped
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid AND c.relkind OPERATOR(pg_catalog.=) 'r'
 ORDER BY 1, 2, 3
