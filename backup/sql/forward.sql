-- $1, $2, $3: schemas (NULL: any), names, and what is written (bits of pg_trigger.tgtype) of the relations that
-- the way forward writes.  The first of them by which other tables might be written too, or that is not there to be
-- looked at: a view, a rule, a user's trigger, a foreign key that carries on.
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
    SELECT i.inhrelid, t.name, t.events
      FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) t.oid
)
SELECT w.name FROM written w
 WHERE NOT EXISTS (SELECT FROM tree t WHERE t.name OPERATOR(pg_catalog.=) w.name)
UNION ALL
SELECT t.name FROM tree t JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.oid
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
 LIMIT 1
