-- $1: a table; $2: its key's columns.  What says that two values of each are the same key: the equality
-- of the operator class that a unique index over just these columns has, else of the type's own one.
SELECT k.name, pg_catalog.quote_ident(n.nspname), o.oprname
  FROM pg_catalog.unnest($2::pg_catalog.text[]) WITH ORDINALITY k (name, place)
  JOIN pg_catalog.pg_attribute a
    ON a.attrelid = $1::pg_catalog.oid AND a.attname = k.name AND a.attnum > 0 AND NOT a.attisdropped
  JOIN LATERAL (
       SELECT c.opcfamily, c.opcintype, c.opcmethod
         FROM pg_catalog.pg_opclass c
         LEFT JOIN (
              SELECT x.class
                FROM pg_catalog.pg_index i
               CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(i.indkey::pg_catalog.int2[]),
                                             pg_catalog.unnest(i.indclass::pg_catalog.oid[]))
                     WITH ORDINALITY x (attnum, class, n)
               WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                 AND i.indexprs IS NULL AND x.attnum = a.attnum AND x.n <= i.indnkeyatts
                 AND i.indnkeyatts = pg_catalog.cardinality($2::pg_catalog.text[])
                 AND NOT EXISTS (
                     SELECT 1
                       FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY y (attnum, n)
                       JOIN pg_catalog.pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = y.attnum
                      WHERE y.n <= i.indnkeyatts AND b.attname <> ALL ($2::pg_catalog.text[]))
               ORDER BY i.indisprimary DESC, i.indexrelid
               LIMIT 1
              ) own ON own.class = c.oid
        WHERE own.class IS NOT NULL OR (c.opcdefault AND c.opcintype = a.atttypid)
        ORDER BY own.class IS NULL
        LIMIT 1
       ) c ON true
  JOIN pg_catalog.pg_am am ON am.oid = c.opcmethod AND am.amname = 'btree'
  JOIN pg_catalog.pg_amop m
    ON m.amopfamily = c.opcfamily AND m.amopmethod = c.opcmethod AND m.amopstrategy = 3
   AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype
  JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
  JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
 ORDER BY k.place
