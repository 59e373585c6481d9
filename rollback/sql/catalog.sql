-- Every user object as verification sees it: kind, oid, column number, its table, name, definition,
-- file node, and whether it is invalid.  With the line that begins with LOCKED: only what hangs on relations
-- that this transaction has locked.
WITH spaces AS (
    SELECT oid, nspname FROM pg_catalog.pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND nspname !~ '^pg_(toast_)?temp_'
), relations AS (
    SELECT c.*, n.nspname,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS ident
    FROM pg_catalog.pg_class c JOIN spaces n ON n.oid = c.relnamespace
    --LOCKED WHERE c.oid IN (SELECT l.relation FROM pg_catalog.pg_locks l WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation')
)
SELECT 'relation', c.oid, 0, c.oid, c.ident,
       c.relkind::text || c.relpersistence::text, c.relfilenode::bigint,
       c.relkind IN ('i', 'I') AND NOT coalesce((SELECT i.indisvalid AND i.indisready
                                                FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid), true)
FROM relations c
UNION ALL
SELECT 'column', a.attrelid, a.attnum::int, a.attrelid,
       c.ident || '.' || pg_catalog.quote_ident(a.attname),
       a.atttypid::text || ' ' || a.atttypmod, 0, false
FROM pg_catalog.pg_attribute a JOIN relations c ON c.oid = a.attrelid
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm', 'f')
UNION ALL
SELECT 'constraint', k.oid, 0, k.conrelid, c.ident || ' constraint ' || pg_catalog.quote_ident(k.conname),
       k.contype::text, 0, NOT k.convalidated
FROM pg_catalog.pg_constraint k JOIN relations c ON c.oid = k.conrelid
UNION ALL
SELECT 'trigger', t.oid, 0, t.tgrelid, c.ident || ' trigger ' || pg_catalog.quote_ident(t.tgname),
       t.tgenabled::text, 0, false
FROM pg_catalog.pg_trigger t JOIN relations c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
