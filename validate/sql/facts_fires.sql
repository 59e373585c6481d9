-- $1: relations.  The users' triggers and rules that a write would set off: the relation, what it is, and whether by
-- INSERT, UPDATE, DELETE, TRUNCATE.  The server's own trigger functions are known to write nothing else.
SELECT g.tgrelid, 'trigger ' OPERATOR(pg_catalog.||) pg_catalog.quote_ident(g.tgname),
       g.tgtype OPERATOR(pg_catalog.&) 4::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0,
       g.tgtype OPERATOR(pg_catalog.&) 16::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0,
       g.tgtype OPERATOR(pg_catalog.&) 8::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0,
       g.tgtype OPERATOR(pg_catalog.&) 32::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0
  FROM pg_catalog.pg_trigger g
  JOIN pg_catalog.pg_proc f ON f.oid OPERATOR(pg_catalog.=) g.tgfoid
 WHERE g.tgrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
   AND NOT g.tgisinternal
   AND g.tgenabled OPERATOR(pg_catalog.=) ANY (ARRAY['O', 'A']::pg_catalog."char"[])
   AND f.pronamespace OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.regnamespace
UNION ALL
SELECT w.ev_class, 'rule ' OPERATOR(pg_catalog.||) pg_catalog.quote_ident(w.rulename),
       w.ev_type OPERATOR(pg_catalog.=) '3', w.ev_type OPERATOR(pg_catalog.=) '2', w.ev_type OPERATOR(pg_catalog.=) '4', false
  FROM pg_catalog.pg_rewrite w
 WHERE w.ev_class OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
   AND w.ev_type OPERATOR(pg_catalog.<>) '1'
   AND w.ev_enabled OPERATOR(pg_catalog.=) ANY (ARRAY['O', 'A']::pg_catalog."char"[])
 ORDER BY 1, 2
