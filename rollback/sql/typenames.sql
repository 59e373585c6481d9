-- $1: numbers of parts; $2: their types as the plan writes them; $3: "=" and their COLLATE, or "-": the type's own.
SELECT w.n, coalesce(t.oid, 0)::pg_catalog.int8,
       coalesce(CASE WHEN w.coll = '-' THEN t.typcollation ELSE pg_catalog.to_regcollation(nullif(pg_catalog.substr(w.coll, 2), ''))
                END, 0)::pg_catalog.int8
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.int4[]), pg_catalog.unnest($2::pg_catalog.text[]),
                  pg_catalog.unnest($3::pg_catalog.text[])) AS w (n, type, coll)
  LEFT JOIN pg_catalog.pg_type t ON t.oid = pg_catalog.to_regtype(w.type)
