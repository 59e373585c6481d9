-- Routines whose text holds one of the words $1: name with arguments, language, text, CREATE FUNCTION, the tables whose
-- trigger function it is (one a line), its name alone, its schema.  What stands in pg_depend (a body in standard SQL) and
-- what extensions bring is left out.
SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text, l.lanname, p.prosrc,
       CASE WHEN l.lanname OPERATOR(pg_catalog.=) 'plpgsql' THEN pg_catalog.pg_get_functiondef(p.oid) END,
       (SELECT pg_catalog.string_agg(DISTINCT g.tgrelid::pg_catalog.int8::pg_catalog.text, E'\n') FROM pg_catalog.pg_trigger g
         WHERE g.tgfoid OPERATOR(pg_catalog.=) p.oid),
       p.proname, n.nspname
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
 WHERE n.nspname OPERATOR(pg_catalog.<>) ALL (ARRAY['pg_catalog', 'information_schema']::pg_catalog.name[])
   AND l.lanname OPERATOR(pg_catalog.<>) ALL (ARRAY['c', 'internal']::pg_catalog.name[])
   AND p.prokind OPERATOR(pg_catalog.=) ANY (ARRAY['f', 'p']::pg_catalog."char"[])
   AND EXISTS (SELECT FROM pg_catalog.unnest($1::pg_catalog.text[]) w
                WHERE pg_catalog.strpos(pg_catalog.lower(p.prosrc), pg_catalog.lower(w)) OPERATOR(pg_catalog.>) 0)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid OPERATOR(pg_catalog.=) p.tableoid AND d.objid OPERATOR(pg_catalog.=) p.oid
                      AND d.deptype OPERATOR(pg_catalog.=) 'e')
   AND pg_catalog.to_jsonb(p) OPERATOR(pg_catalog.->>) 'prosqlbody' IS NULL
 ORDER BY 1
