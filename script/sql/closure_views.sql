-- What the views and materialized views $1 read, down to the tables: the root's number, the relation.
WITH RECURSIVE v AS (
    SELECT r.n, r.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY r (oid, n)
    UNION
    SELECT v.n, d.refobjid
      FROM v
      JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) v.oid
       AND (c.relkind OPERATOR(pg_catalog.=) 'v' OR v.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]))
      JOIN pg_catalog.pg_rewrite w ON w.ev_class OPERATOR(pg_catalog.=) v.oid AND w.rulename OPERATOR(pg_catalog.=) '_RETURN'
      JOIN pg_catalog.pg_depend d ON d.classid OPERATOR(pg_catalog.=) w.tableoid AND d.objid OPERATOR(pg_catalog.=) w.oid
       AND d.refclassid OPERATOR(pg_catalog.=) c.tableoid AND d.deptype OPERATOR(pg_catalog.=) 'n'
)
SELECT v.n, v.oid FROM v WHERE v.oid OPERATOR(pg_catalog.<>) ($1::pg_catalog.oid[])[v.n]
