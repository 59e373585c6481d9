-- Would undo find each row of a table again, and give a column its value back, whatever the upgrade does to it?
-- $1: the table as the migration's search_path finds it; $2: the column, or NULL for any.
-- Not where the key would change, where only one row may have a value (rows may exchange theirs), nor below a parent.
SELECT EXISTS (SELECT FROM pg_catalog.pg_index i
               WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                                 WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                                   AND (NOT a.attnotnull OR a.attgenerated <> '' OR a.attname = $2)))
   AND $2 IS NOT NULL
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = $2
                   WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)
                     AND (a.attnum = ANY (i.indkey) OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
   AND c.relkind = 'r' AND NOT c.relhassubclass
FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)::pg_catalog.oid
