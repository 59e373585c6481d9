-- The names asked for, and the schemas in which each is looked for, in order.
WITH item AS (
    -- "" is NULL, else "=TEXT"
    SELECT i.space, i.n, CASE WHEN i.schema OPERATOR(pg_catalog.<>) '' THEN pg_catalog.substr(i.schema, 2) END AS schema,
           CASE WHEN i.name OPERATOR(pg_catalog.<>) '' THEN pg_catalog.substr(i.name, 2) END AS name,
           CASE WHEN i.part OPERATOR(pg_catalog.<>) '' THEN pg_catalog.substr(i.part, 2) END AS part
      FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.int4[]), pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[]), pg_catalog.unnest($4::pg_catalog.text[]))
           WITH ORDINALITY i (space, schema, name, part, n)
), path AS (
    SELECT s.oid, p.n
      FROM (SELECT 0 AS n, 'pg_catalog'::pg_catalog.text AS name
            UNION ALL
            SELECT w.n::pg_catalog.int4,
                   pg_catalog.replace(pg_catalog.btrim(pg_catalog.btrim(w.word), '"'), '""', '"')
              FROM pg_catalog.regexp_split_to_table($5, ',') WITH ORDINALITY w (word, n)) p
      JOIN pg_catalog.pg_namespace s
        ON s.nspname OPERATOR(pg_catalog.=) CASE p.name WHEN '$user' THEN CURRENT_USER::pg_catalog.text ELSE p.name END
), place AS (
    SELECT i.n, s.oid, 0 AS rank FROM item i JOIN pg_catalog.pg_namespace s ON s.nspname OPERATOR(pg_catalog.=) i.schema
    UNION ALL
    SELECT i.n, p.oid, p.n FROM item i CROSS JOIN path p WHERE i.schema IS NULL
