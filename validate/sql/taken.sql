-- Names that a script gives and the server has given already.  $1 what ('relation', 'type', 'constraint', 'column', 'trigger',
-- 'label', 'schema', 'extension'), $2 schemas or NULL, $3 names, $4 the relation (or enum) that it belongs to, or 0.
-- The item's number, class and OID of what bears the name.
WITH item AS (
    SELECT i.* FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[]), pg_catalog.unnest($4::pg_catalog.oid[]))
           WITH ORDINALITY i (what, schema, name, owner, n)
), path AS (
    SELECT s.oid FROM pg_catalog.pg_settings g,
           LATERAL pg_catalog.regexp_split_to_table(CASE WHEN g.setting OPERATOR(pg_catalog.=) ANY (ARRAY['', '""']) THEN g.reset_val ELSE g.setting END, ',')
                   WITH ORDINALITY w (word, n)
      JOIN pg_catalog.pg_namespace s
        ON s.nspname OPERATOR(pg_catalog.=) CASE pg_catalog.btrim(pg_catalog.btrim(w.word), '"') WHEN '$user' THEN CURRENT_USER::pg_catalog.text
                                                 ELSE pg_catalog.replace(pg_catalog.btrim(pg_catalog.btrim(w.word), '"'), '""', '"') END
     WHERE g.name OPERATOR(pg_catalog.=) 'search_path' AND s.nspname OPERATOR(pg_catalog.<>) 'pg_catalog'
     ORDER BY w.n LIMIT 1
), place AS (
    SELECT i.*, COALESCE(c.relnamespace, t.typnamespace, s.oid, CASE WHEN i.schema IS NULL THEN (SELECT p.oid FROM path p) END) AS namespace
      FROM item i
      LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.owner AND i.what OPERATOR(pg_catalog.<>) 'type'
      LEFT JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) i.owner AND i.what OPERATOR(pg_catalog.=) 'type'
      LEFT JOIN pg_catalog.pg_namespace s ON s.nspname OPERATOR(pg_catalog.=) i.schema
)
SELECT i.n, c.tableoid, c.oid
  FROM place i JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) i.namespace AND c.relname OPERATOR(pg_catalog.=) i.name
 WHERE i.what OPERATOR(pg_catalog.=) 'relation'
UNION ALL
SELECT i.n, COALESCE(c.tableoid, t.tableoid), COALESCE(c.oid, t.oid)
  FROM place i JOIN pg_catalog.pg_type t ON t.typnamespace OPERATOR(pg_catalog.=) i.namespace AND t.typname OPERATOR(pg_catalog.=) i.name
  LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.typrelid
 WHERE i.what OPERATOR(pg_catalog.=) 'type' AND t.typcategory OPERATOR(pg_catalog.<>) 'A'
UNION ALL
SELECT i.n, k.tableoid, k.oid
  FROM place i JOIN pg_catalog.pg_constraint k ON k.conrelid OPERATOR(pg_catalog.=) i.owner AND k.conname OPERATOR(pg_catalog.=) i.name
 WHERE i.what OPERATOR(pg_catalog.=) 'constraint' AND i.owner OPERATOR(pg_catalog.<>) 0
UNION ALL
SELECT i.n, a.tableoid, i.owner
  FROM place i JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.owner AND a.attname OPERATOR(pg_catalog.=) i.name
 WHERE i.what OPERATOR(pg_catalog.=) 'column' AND NOT a.attisdropped
UNION ALL
SELECT i.n, g.tableoid, g.oid
  FROM place i JOIN pg_catalog.pg_trigger g ON g.tgrelid OPERATOR(pg_catalog.=) i.owner AND g.tgname OPERATOR(pg_catalog.=) i.name
 WHERE i.what OPERATOR(pg_catalog.=) 'trigger' AND NOT g.tgisinternal
UNION ALL
SELECT i.n, l.tableoid, i.owner
  FROM place i JOIN pg_catalog.pg_enum l ON l.enumtypid OPERATOR(pg_catalog.=) i.owner AND l.enumlabel OPERATOR(pg_catalog.=) i.name
 WHERE i.what OPERATOR(pg_catalog.=) 'label'
UNION ALL
SELECT i.n, s.tableoid, s.oid
  FROM place i JOIN pg_catalog.pg_namespace s ON s.nspname OPERATOR(pg_catalog.=) i.name
 WHERE i.what OPERATOR(pg_catalog.=) 'schema'
UNION ALL
SELECT i.n, x.tableoid, x.oid
  FROM place i JOIN pg_catalog.pg_extension x ON x.extname OPERATOR(pg_catalog.=) i.name
 WHERE i.what OPERATOR(pg_catalog.=) 'extension'
 ORDER BY 1
