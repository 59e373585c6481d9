-- Types by the SQL that names them ($1): itself, its base type, whether a domain on the way checks, its kind; NULLs where there is none.
WITH RECURSIVE word AS (
    SELECT w.n, w.word, pg_catalog.to_regtype(w.word)::pg_catalog.oid AS oid
      FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY w (word, n)
), ty AS (
    SELECT w.n, t.oid, t.typbasetype, t.typtype, t.typtypmod,
           t.typtype OPERATOR(pg_catalog.=) 'd' AND (t.typnotnull OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid OPERATOR(pg_catalog.=) t.oid)) AS checked
      FROM word w JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) w.oid
    UNION ALL
    SELECT ty.n, t.oid, t.typbasetype, t.typtype, ty.typtypmod,
           ty.checked OR (t.typtype OPERATOR(pg_catalog.=) 'd' AND (t.typnotnull OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid OPERATOR(pg_catalog.=) t.oid)))
      FROM ty JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) ty.typbasetype AND ty.typtype OPERATOR(pg_catalog.=) 'd'
)
SELECT w.n, w.oid, ty.oid, ty.checked, ty.typtype::pg_catalog.text, ty.typtypmod
  FROM word w LEFT JOIN ty ON ty.n OPERATOR(pg_catalog.=) w.n AND ty.typtype OPERATOR(pg_catalog.<>) 'd'
 ORDER BY w.n
