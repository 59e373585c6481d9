-- Of the functions' names $1 those that mean none, in any schema, that is volatile: what is not volatile cannot write.
SELECT p.proname FROM pg_catalog.pg_proc p WHERE p.proname OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])
 GROUP BY p.proname HAVING pg_catalog.max(p.provolatile::pg_catalog.text) OPERATOR(pg_catalog.<>) 'v'
