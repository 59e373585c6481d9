-- $1: a table.  Foreign keys of other tables whose rows a deletion in it would take along or empty; the
-- condition that joins a row f of the other table with a row t of this one.
SELECT n.nspname, c.relname, k.conname, k.conrelid,
       (SELECT pg_catalog.string_agg('t.' || pg_catalog.quote_ident(ta.attname) || ' OPERATOR('
                                     || pg_catalog.quote_ident(n2.nspname) || '.' || o.oprname || ') f.'
                                     || pg_catalog.quote_ident(fa.attname), ' AND ' ORDER BY u.pos)
          FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop))
               WITH ORDINALITY u (fnum, tnum, op, pos)
          JOIN pg_catalog.pg_attribute fa ON fa.attrelid = k.conrelid AND fa.attnum = u.fnum
          JOIN pg_catalog.pg_attribute ta ON ta.attrelid = k.confrelid AND ta.attnum = u.tnum
          JOIN pg_catalog.pg_operator o ON o.oid = u.op
          JOIN pg_catalog.pg_namespace n2 ON n2.oid = o.oprnamespace)
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.confrelid = $1::pg_catalog.oid AND k.conrelid <> k.confrelid
   AND k.confdeltype IN ('c', 'n', 'd')
 ORDER BY 1, 2, 3
