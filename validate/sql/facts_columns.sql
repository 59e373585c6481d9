-- Columns of the relations $1: type and modifier below any domain, whether that domain checks, and what the column has.
WITH RECURSIVE ty AS (
    SELECT t.oid AS top, t.oid, t.typbasetype, t.typtypmod, t.typtype, t.typnotnull,
           EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid OPERATOR(pg_catalog.=) t.oid) AS checked
      FROM pg_catalog.pg_type t
     WHERE t.oid OPERATOR(pg_catalog.=) ANY (SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]))
    UNION ALL
    SELECT ty.top, t.oid, t.typbasetype, ty.typtypmod, t.typtype, t.typnotnull OR ty.typnotnull,
           ty.checked OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid OPERATOR(pg_catalog.=) t.oid)
      FROM ty JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) ty.typbasetype AND ty.typtype OPERATOR(pg_catalog.=) 'd'
)
SELECT a.attrelid, a.attname, ty.oid, CASE WHEN a.atttypid OPERATOR(pg_catalog.=) ty.oid THEN a.atttypmod ELSE ty.typtypmod END,
       ty.checked OR ty.typnotnull, a.attnotnull, a.attgenerated OPERATOR(pg_catalog.<>) '', a.attidentity OPERATOR(pg_catalog.<>) '',
       s.null_frac, s.n_distinct, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attcollation, a.atthasdef
  FROM pg_catalog.pg_attribute a
  JOIN ty ON ty.top OPERATOR(pg_catalog.=) a.atttypid AND ty.typtype OPERATOR(pg_catalog.<>) 'd'
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  LEFT JOIN pg_catalog.pg_stats s ON s.schemaname OPERATOR(pg_catalog.=) n.nspname AND s.tablename OPERATOR(pg_catalog.=) c.relname
       AND s.attname OPERATOR(pg_catalog.=) a.attname AND NOT s.inherited
 WHERE a.attrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]) AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
