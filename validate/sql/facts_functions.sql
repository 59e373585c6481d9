-- The most volatile function of each name $1, in any schema: 'i', 's' or 'v'.
SELECT p.proname, pg_catalog.max(p.provolatile::pg_catalog.text)
  FROM pg_catalog.pg_proc p WHERE p.proname OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[]) GROUP BY p.proname
