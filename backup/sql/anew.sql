-- $1: a table; $2: the columns that are written.  May rows that change be deleted and inserted instead?  Only so can
-- they exchange values that must be unique.  Not where other rows refer to them, or would lose a column.
SELECT EXISTS (SELECT FROM pg_catalog.pg_index i
                WHERE i.indrelid = $1::pg_catalog.oid AND (i.indisunique OR i.indisexclusion) AND NOT i.indisprimary)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = $1::pg_catalog.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                    WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
                      AND a.attgenerated = '' AND a.attname <> ALL ($2::pg_catalog.text[]))
   AND pg_catalog.has_table_privilege($1::pg_catalog.oid, 'DELETE')
