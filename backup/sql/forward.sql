-- $1, $2, $3: schemas (NULL: any), names, and what is written (bits of pg_trigger.tgtype) of the relations that
-- the way forward writes; $4: it also has expressions evaluated, be it those of defaults and checks.
-- By what other tables might be written too: a relation that is a view, has a rule or a trigger of a user's or a foreign
-- key that carries on, or is not there to be looked at; an event trigger; a function that is no trigger's and may write
-- (32 is TRUNCATE, which goes along foreign keys).
WITH RECURSIVE written AS (
    SELECT w.schema, w.name, w.events
      FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]),
                      pg_catalog.unnest($3::pg_catalog.int4[])) AS w(schema, name, events)
), tree AS (
    SELECT c.oid, w.name, w.events
      FROM written w
      JOIN pg_catalog.pg_class c ON c.relname OPERATOR(pg_catalog.=) w.name
      JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE w.schema IS NULL OR n.nspname OPERATOR(pg_catalog.=) w.schema
    UNION
    SELECT x.oid, t.name, x.events
      FROM tree t
     CROSS JOIN LATERAL (
           SELECT i.inhrelid AS oid, t.events
             FROM pg_catalog.pg_inherits i WHERE i.inhparent OPERATOR(pg_catalog.=) t.oid
            UNION ALL
           SELECT k.conrelid, 32
             FROM pg_catalog.pg_constraint k
            WHERE k.contype OPERATOR(pg_catalog.=) 'f' AND k.confrelid OPERATOR(pg_catalog.=) t.oid
              AND (t.events OPERATOR(pg_catalog.&) 32) OPERATOR(pg_catalog.<>) 0
           ) x
), writer AS (
    SELECT p.oid, p.proname
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
     WHERE p.provolatile OPERATOR(pg_catalog.=) 'v' AND l.lanname <> ALL (ARRAY['internal', 'c'])
       AND p.prorettype <> ALL (ARRAY['pg_catalog.trigger', 'pg_catalog.event_trigger']::pg_catalog.regtype[])
       AND p.pronamespace OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.regnamespace
       AND p.pronamespace OPERATOR(pg_catalog.<>) 'information_schema'::pg_catalog.regnamespace
       AND (l.lanname <> ALL (ARRAY['sql', 'plpgsql']) OR p.prosrc OPERATOR(pg_catalog.=) ''
            OR p.prosrc OPERATOR(pg_catalog.~*) 'insert|update|merge|copy|alter|execute')
)
SELECT 'r', w.name FROM written w
 WHERE NOT EXISTS (SELECT FROM tree t WHERE t.name OPERATOR(pg_catalog.=) w.name)
UNION ALL
SELECT 'r', t.name FROM tree t JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.oid
 WHERE c.relkind NOT IN ('r', 'p')
    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite w
                WHERE w.ev_class OPERATOR(pg_catalog.=) t.oid AND w.ev_type OPERATOR(pg_catalog.<>) '1')
    OR EXISTS (SELECT FROM pg_catalog.pg_trigger g
                WHERE g.tgrelid OPERATOR(pg_catalog.=) t.oid AND NOT g.tgisinternal
                  AND (g.tgtype::pg_catalog.int4 OPERATOR(pg_catalog.&) t.events) OPERATOR(pg_catalog.<>) 0)
    OR EXISTS (SELECT FROM pg_catalog.pg_constraint k
                WHERE k.contype OPERATOR(pg_catalog.=) 'f' AND k.confrelid OPERATOR(pg_catalog.=) t.oid
                  AND ((k.confdeltype IN ('c', 'n', 'd') AND (t.events OPERATOR(pg_catalog.&) 8) OPERATOR(pg_catalog.<>) 0)
                    OR (k.confupdtype IN ('c', 'n', 'd') AND (t.events OPERATOR(pg_catalog.&) 16) OPERATOR(pg_catalog.<>) 0)))
UNION ALL
SELECT 'e', e.evtname FROM pg_catalog.pg_event_trigger e
 WHERE e.evtenabled IN ('O', 'A') AND e.evtevent OPERATOR(pg_catalog.<>) 'login'
UNION ALL
SELECT 'f', p.proname FROM writer p
 WHERE $4::pg_catalog.bool
    OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                 JOIN pg_catalog.pg_constraint k ON k.oid OPERATOR(pg_catalog.=) d.objid
                WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
                  AND d.refobjid OPERATOR(pg_catalog.=) p.oid
                  AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_constraint'::pg_catalog.regclass
                  AND k.contypid OPERATOR(pg_catalog.<>) 0)
 LIMIT 1
