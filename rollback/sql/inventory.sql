-- What undo must find again: everything about the named objects that pg_dump -s would write, one row
-- each: rank (the order in which they can be made), key, definition, and the SQL that makes it so (NULL:
-- only the upgrade can), the SQL that takes away what is there instead.
-- $1: qualified names ("public.users", quoted where needed) of relations, types and functions.
-- search_path is empty, so that what the server prints is qualified.
WITH wanted AS (
    SELECT DISTINCT name FROM pg_catalog.unnest($1::pg_catalog.text[]) name
), extension AS (
    SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), rel AS (
    SELECT c.*, w.name AS ident,
           CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                          WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS word
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN wanted w ON w.name = pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND NOT EXISTS (SELECT FROM extension e WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid)
), att AS (
    SELECT a.*, r.ident, r.word, r.relkind, r.relowner, t.typstorage, t.typcollation,
           pg_catalog.quote_ident(a.attname) AS col, pg_catalog.to_jsonb(a) AS j,
           (SELECT pg_catalog.array_agg(o) FROM pg_catalog.unnest(a.attoptions) o WHERE o !~ '^pg_') AS set_options
    FROM pg_catalog.pg_attribute a JOIN rel r ON r.oid = a.attrelid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p', 'm', 'f', 'v')
), typ AS (
    SELECT t.*, w.name AS ident
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    JOIN wanted w ON w.name = pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname)
    WHERE (t.typtype IN ('e', 'd', 'r')
           OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = t.typrelid AND k.relkind = 'c'))
      AND NOT EXISTS (SELECT FROM extension e WHERE e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND e.objid = t.oid)
), fun AS (
    SELECT p.*, p.oid::pg_catalog.regprocedure::pg_catalog.text AS ident,
           CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END AS word
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN wanted w ON w.name = pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname)
    WHERE NOT EXISTS (SELECT FROM extension e WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid)
), con AS (
    SELECT k.*, coalesce(r.ident, t.ident) AS ident, r.oid IS NOT NULL AS on_table,
           pg_catalog.quote_ident(k.conname) AS name
    FROM pg_catalog.pg_constraint k LEFT JOIN rel r ON r.oid = k.conrelid LEFT JOIN typ t ON t.oid = k.contypid
    WHERE (r.oid IS NOT NULL OR t.oid IS NOT NULL) AND k.contype NOT IN ('t', 'n')
      AND (k.conislocal OR k.conrelid = 0) AND k.conparentid = 0
), ind AS (
    SELECT i.*, r.ident AS on_ident, k.relkind, k.relname, k.reloptions, k.reltablespace,
           (SELECT h.inhparent::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_inherits h WHERE h.inhrelid = k.oid) AS part_of,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(k.relname) AS ident
    FROM pg_catalog.pg_index i JOIN rel r ON r.oid = i.indrelid JOIN pg_catalog.pg_class k ON k.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
), trg AS (
    SELECT t.*, r.ident AS on_ident, pg_catalog.quote_ident(t.tgname) AS name
    FROM pg_catalog.pg_trigger t JOIN rel r ON r.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND coalesce(pg_catalog.to_jsonb(t) ->> 'tgparentid', '0') = '0'
), pol AS (
    SELECT p.*, r.ident AS on_ident, pg_catalog.quote_ident(p.polname) AS name
    FROM pg_catalog.pg_policy p JOIN rel r ON r.oid = p.polrelid
), sta AS (
    SELECT s.*, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(s.stxname) AS ident
    FROM pg_catalog.pg_statistic_ext s JOIN rel r ON r.oid = s.stxrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
), owned AS (
    SELECT d.objid AS seq, a.ident || '.' || a.col AS owner, d.deptype
    FROM pg_catalog.pg_depend d JOIN att a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
), spaces AS (
    SELECT DISTINCT n.oid, n.nspname, n.nspowner, n.nspacl, pg_catalog.quote_ident(n.nspname) AS ident
    FROM pg_catalog.pg_namespace n JOIN wanted w ON w.name = pg_catalog.quote_ident(n.nspname)
), acl AS (
    SELECT 'schema ' || s.ident AS key, 'SCHEMA ' || s.ident AS target, ''::pg_catalog.text AS col,
           coalesce(s.nspacl, pg_catalog.acldefault('n', s.nspowner)) AS items, s.nspowner AS owner
    FROM spaces s
    UNION ALL
    SELECT pg_catalog.lower(r.word) || ' ' || r.ident AS key,
           CASE r.word WHEN 'SEQUENCE' THEN 'SEQUENCE ' ELSE 'TABLE ' END || r.ident AS target, ''::pg_catalog.text AS col,
           coalesce(r.relacl, pg_catalog.acldefault(CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", r.relowner)), r.relowner
    FROM rel r
    UNION ALL
    SELECT 'column ' || a.ident || '.' || a.col, 'TABLE ' || a.ident, ' (' || a.col || ')', a.attacl, a.relowner
    FROM att a WHERE a.attacl IS NOT NULL AND a.attacl <> '{}'
    UNION ALL
    SELECT pg_catalog.lower(f.word) || ' ' || f.ident, 'ROUTINE ' || f.ident, '',
           coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner)), f.proowner
    FROM fun f
    UNION ALL
    SELECT 'type ' || t.ident, 'TYPE ' || t.ident, '',
           coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner)), t.typowner
    FROM typ t
), granted AS (
    SELECT a.key, a.target, a.col, x.privilege_type AS privilege, x.is_grantable,
           CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END AS grantee,
           CASE WHEN x.grantor <> a.owner THEN pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantor)) END AS giver
    FROM acl a CROSS JOIN LATERAL pg_catalog.aclexplode(a.items) x
), described AS (
    SELECT d.*, i.type, i.identity
    FROM pg_catalog.pg_description d
    CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i
    WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND (d.objoid IN (SELECT oid FROM rel) OR d.objoid IN (SELECT indexrelid FROM ind))
       OR d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objoid IN (SELECT oid FROM spaces)
       OR d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objoid IN (SELECT oid FROM typ)
       OR d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid > 0 AND d.objoid IN (SELECT typrelid FROM typ WHERE typtype = 'c')
       OR d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objoid IN (SELECT oid FROM fun)
       OR d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objoid IN (SELECT oid FROM con)
       OR d.classoid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objoid IN (SELECT oid FROM trg)
       OR d.classoid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objoid IN (SELECT oid FROM pol)
       OR d.classoid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND d.objoid IN (SELECT oid FROM sta)
       OR d.classoid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
          AND d.objoid IN (SELECT w.oid FROM pg_catalog.pg_rewrite w JOIN rel ON rel.oid = w.ev_class WHERE w.rulename <> '_RETURN')
), items (rank, key, def, make, clear) AS (
    -- types
    SELECT 10, 'type ' || t.ident,
           CASE t.typtype
           WHEN 'e' THEN 'AS ENUM (' || coalesce((SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                                                 FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid), '') || ')'
           WHEN 'd' THEN 'AS ' || pg_catalog.format_type(t.typbasetype, t.typtypmod) || coalesce(' DEFAULT ' || t.typdefault, '')
                         || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
           WHEN 'c' THEN 'AS (' || coalesce((SELECT pg_catalog.string_agg(pg_catalog.quote_ident(x.attname) || ' ' || pg_catalog.format_type(x.atttypid, x.atttypmod)
                                                                  || coalesce((SELECT ' COLLATE ' || x.attcollation::pg_catalog.regcollation::pg_catalog.text FROM pg_catalog.pg_type y
                                                                               WHERE y.oid = x.atttypid AND y.typcollation <> x.attcollation), ''), ', ' ORDER BY x.attnum)
                                            FROM pg_catalog.pg_attribute x WHERE x.attrelid = t.typrelid AND x.attnum > 0 AND NOT x.attisdropped), '') || ')'
           ELSE (SELECT pg_catalog.concat_ws(', ', 'AS RANGE (' || pg_catalog.format_type(g.rngsubtype, NULL), o.opcname,
                                             CASE WHEN g.rngcollation <> 0 THEN g.rngcollation::pg_catalog.regcollation::pg_catalog.text END,
                                             CASE WHEN g.rngcanonical <> 0 THEN g.rngcanonical::pg_catalog.text END,
                                             CASE WHEN g.rngsubdiff <> 0 THEN g.rngsubdiff::pg_catalog.text END,
                                             pg_catalog.format_type((pg_catalog.to_jsonb(g) ->> 'rngmultitypid')::pg_catalog.oid, NULL)) || ')'
                 FROM pg_catalog.pg_range g JOIN pg_catalog.pg_opclass o ON o.oid = g.rngsubopc WHERE g.rngtypid = t.oid) END,
           NULL::pg_catalog.text, NULL::pg_catalog.text
    FROM typ t
    UNION ALL
    SELECT 80, 'owner of type ' || t.ident, pg_catalog.pg_get_userbyid(t.typowner)::pg_catalog.text,
           'ALTER TYPE ' || t.ident || ' OWNER TO ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(t.typowner)), NULL
    FROM typ t
    UNION ALL
    SELECT 5, 'schema ' || s.ident, '', 'CREATE SCHEMA ' || s.ident, NULL FROM spaces s
    UNION ALL
    SELECT 80, 'owner of schema ' || s.ident, pg_catalog.pg_get_userbyid(s.nspowner)::pg_catalog.text,
           'ALTER SCHEMA ' || s.ident || ' OWNER TO ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.nspowner)), NULL
    FROM spaces s
    -- routines
    UNION ALL
    SELECT 15, pg_catalog.lower(f.word) || ' ' || f.ident,
           CASE WHEN f.prokind = 'a'
                THEN (SELECT pg_catalog.concat_ws(' ', g.aggkind, g.aggtransfn, pg_catalog.format_type(g.aggtranstype, NULL), g.agginitval, g.aggfinalfn, g.aggcombinefn,
                                                  g.aggserialfn, g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn, pg_catalog.format_type(g.aggmtranstype, NULL),
                                                  g.aggminitval, g.aggsortop::pg_catalog.regoperator, g.aggfinalextra, g.aggfinalmodify, f.proparallel)
                      FROM pg_catalog.pg_aggregate g WHERE g.aggfnoid = f.oid)
                ELSE pg_catalog.pg_get_functiondef(f.oid) END,
           CASE WHEN f.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(f.oid) END, NULL
    FROM fun f
    UNION ALL
    SELECT 80, 'owner of ' || pg_catalog.lower(f.word) || ' ' || f.ident, pg_catalog.pg_get_userbyid(f.proowner)::pg_catalog.text,
           'ALTER ROUTINE ' || f.ident || ' OWNER TO ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(f.proowner)), NULL
    FROM fun f
    -- relations
    UNION ALL
    SELECT 20, pg_catalog.lower(r.word) || ' ' || r.ident,
           pg_catalog.concat_ws(' ', r.relkind, r.relpersistence, pg_catalog.pg_get_partkeydef(r.oid),
                                pg_catalog.pg_get_expr(r.relpartbound, r.oid),
                                (SELECT 'of ' || pg_catalog.string_agg(h.inhparent::pg_catalog.regclass::pg_catalog.text, ', ' ORDER BY h.inhseqno)
                                 FROM pg_catalog.pg_inherits h WHERE h.inhrelid = r.oid),
                                (SELECT 'in ' || s.spcname FROM pg_catalog.pg_tablespace s WHERE s.oid = r.reltablespace)),
           NULL, NULL
    FROM rel r WHERE r.relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT 30, pg_catalog.lower(r.word) || ' ' || r.ident, pg_catalog.pg_get_viewdef(r.oid),
           CASE r.relkind WHEN 'v' THEN 'CREATE OR REPLACE VIEW ' ELSE 'CREATE MATERIALIZED VIEW ' END || r.ident || ' AS '
           || pg_catalog.rtrim(pg_catalog.pg_get_viewdef(r.oid), E' ;\n') || CASE WHEN r.relkind = 'm' AND NOT r.relispopulated THEN ' WITH NO DATA' ELSE '' END,
           CASE r.relkind WHEN 'm' THEN 'DROP MATERIALIZED VIEW ' || r.ident END
    FROM rel r WHERE r.relkind IN ('v', 'm')
    UNION ALL
    SELECT 31, 'rows of materialized view ' || r.ident, r.relispopulated::pg_catalog.text,
           CASE WHEN r.relispopulated THEN 'REFRESH MATERIALIZED VIEW ' || r.ident
                ELSE 'REFRESH MATERIALIZED VIEW ' || r.ident || ' WITH NO DATA' END, NULL
    FROM rel r WHERE r.relkind = 'm'
    UNION ALL
    SELECT 20, 'sequence ' || r.ident,
           pg_catalog.concat_ws(' ', pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
                                (SELECT 'owned by ' || o.owner FROM owned o WHERE o.seq = r.oid)),
           pg_catalog.concat('ALTER SEQUENCE ', r.ident, ' AS ', pg_catalog.format_type(s.seqtypid, NULL), ' INCREMENT ', s.seqincrement,
                             ' MINVALUE ', s.seqmin, ' MAXVALUE ', s.seqmax, ' START ', s.seqstart, ' CACHE ', s.seqcache,
                             CASE WHEN s.seqcycle THEN ' CYCLE' ELSE ' NO CYCLE' END), NULL
    FROM rel r JOIN pg_catalog.pg_sequence s ON s.seqrelid = r.oid
    UNION ALL
    SELECT 27, 'persistence of sequence ' || r.ident, 'unlogged', 'ALTER SEQUENCE ' || r.ident || ' SET UNLOGGED', 'ALTER SEQUENCE ' || r.ident || ' SET LOGGED'
    FROM rel r WHERE r.relkind = 'S' AND r.relpersistence = 'u'
    UNION ALL
    SELECT 27, 'type of table ' || r.ident, r.reloftype::pg_catalog.regtype::pg_catalog.text,
           'ALTER TABLE ' || r.ident || ' OF ' || r.reloftype::pg_catalog.regtype::pg_catalog.text, 'ALTER TABLE ' || r.ident || ' NOT OF'
    FROM rel r WHERE r.reloftype <> 0
    -- where one stands is the backup's of tables alone: a script may move one without its table, or drop its column
    UNION ALL
    SELECT 33, 'value of sequence ' || r.ident,
           coalesce(pg_catalog.pg_sequence_last_value(r.oid)::pg_catalog.text || CASE WHEN s.seqincrement < 0 THEN ' descending' ELSE '' END,
                    'not called'),
           'SELECT pg_catalog.setval(' || pg_catalog.quote_literal(r.ident) || ', ' || pg_catalog.pg_sequence_last_value(r.oid)::pg_catalog.text || ')',
           -- setval alone would outlive a transaction that is rolled back
           CASE WHEN pg_catalog.pg_has_role(r.relowner, 'USAGE') THEN 'ALTER SEQUENCE ' || r.ident || ' RESTART' END
    FROM rel r JOIN pg_catalog.pg_sequence s ON s.seqrelid = r.oid
    WHERE CASE WHEN r.relkind = 'S' THEN pg_catalog.has_sequence_privilege(r.oid, 'USAGE, SELECT') END
    UNION ALL
    SELECT 25, 'options of ' || pg_catalog.lower(r.word) || ' ' || r.ident, pg_catalog.array_to_string(r.reloptions, ', '),
           'ALTER ' || r.word || ' ' || r.ident || ' SET (' || pg_catalog.array_to_string(r.reloptions, ', ') || ')',
           (SELECT 'ALTER ' || r.word || ' ' || r.ident || ' RESET (' || pg_catalog.string_agg(pg_catalog.split_part(o, '=', 1), ', ') || ')'
            FROM pg_catalog.unnest(r.reloptions) o)
    FROM rel r WHERE r.reloptions IS NOT NULL
    UNION ALL
    SELECT 25, 'options of the TOAST table of ' || r.ident, pg_catalog.array_to_string(x.reloptions, ', '),
           'ALTER TABLE ' || r.ident || ' SET (toast.' || pg_catalog.array_to_string(x.reloptions, ', toast.') || ')',
           (SELECT 'ALTER TABLE ' || r.ident || ' RESET (' || pg_catalog.string_agg('toast.' || pg_catalog.split_part(o, '=', 1), ', ') || ')'
            FROM pg_catalog.unnest(x.reloptions) o)
    FROM rel r JOIN pg_catalog.pg_class x ON x.oid = r.reltoastrelid WHERE x.reloptions IS NOT NULL AND r.relkind IN ('r', 'p')
    UNION ALL
    SELECT 80, 'owner of ' || pg_catalog.lower(r.word) || ' ' || r.ident, pg_catalog.pg_get_userbyid(r.relowner)::pg_catalog.text,
           'ALTER ' || r.word || ' ' || r.ident || ' OWNER TO ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r.relowner)), NULL
    FROM rel r WHERE NOT EXISTS (SELECT FROM owned o WHERE o.seq = r.oid)
    UNION ALL
    SELECT 60, 'row security of table ' || r.ident, pg_catalog.concat_ws(' ', r.relrowsecurity, r.relforcerowsecurity),
           'ALTER TABLE ' || r.ident || CASE WHEN r.relrowsecurity THEN ' ENABLE' ELSE ' DISABLE' END || ' ROW LEVEL SECURITY, '
           || CASE WHEN r.relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END || ' ROW LEVEL SECURITY', NULL
    FROM rel r WHERE r.relkind IN ('r', 'p')
    UNION ALL
    SELECT 61, 'replica identity of table ' || r.ident,
           pg_catalog.concat_ws(' ', r.relreplident, (SELECT i.ident FROM ind i WHERE i.indrelid = r.oid AND i.indisreplident AND r.relreplident = 'i')),
           'ALTER TABLE ' || r.ident || ' REPLICA IDENTITY '
           || CASE r.relreplident WHEN 'd' THEN 'DEFAULT' WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL'
              ELSE 'USING INDEX ' || (SELECT pg_catalog.quote_ident(i.relname) FROM ind i WHERE i.indrelid = r.oid AND i.indisreplident) END, NULL
    FROM rel r WHERE r.relkind IN ('r', 'p')
    -- columns
    UNION ALL
    SELECT 21, 'column ' || a.ident || '.' || a.col,
           pg_catalog.concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod),
                                CASE WHEN a.attcollation <> a.typcollation THEN 'COLLATE ' || a.attcollation::pg_catalog.regcollation::pg_catalog.text END,
                                nullif(a.attidentity, ''), nullif(a.attgenerated, ''),
                                CASE WHEN a.attgenerated <> '' THEN (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
                                                                     WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END,
                                -- INHERIT leaves it so, and nothing takes it back
                                CASE WHEN a.attislocal AND a.attinhcount > 0 THEN 'inherited, and its own' END),
           NULL, NULL
    FROM att a WHERE a.relkind <> 'v'
    UNION ALL
    SELECT 90, 'table ' || a.ident, pg_catalog.string_agg(a.col, ', ' ORDER BY a.attnum), NULL, NULL
    FROM att a WHERE a.relkind IN ('r', 'p', 'f') GROUP BY a.ident
    UNION ALL
    SELECT 22, 'default of column ' || a.ident || '.' || a.col, pg_catalog.pg_get_expr(d.adbin, d.adrelid),
           'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' SET DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid),
           'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' DROP DEFAULT'
    FROM pg_catalog.pg_attrdef d JOIN att a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attgenerated = ''
    UNION ALL
    SELECT 23, 'NOT NULL of column ' || a.ident || '.' || a.col, 'NOT NULL',
           'ALTER TABLE ' || a.ident || ' ALTER COLUMN ' || a.col || ' SET NOT NULL',
           'ALTER TABLE ' || a.ident || ' ALTER COLUMN ' || a.col || ' DROP NOT NULL'
    FROM att a WHERE a.attnotnull AND a.relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT 24, 'storage of column ' || a.ident || '.' || a.col, a.attstorage::pg_catalog.text,
           'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' SET STORAGE '
           || CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END,
           'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' SET STORAGE '
           || CASE a.typstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
    FROM att a WHERE a.attstorage <> a.typstorage AND a.relkind IN ('r', 'p', 'm')
    UNION ALL
    SELECT 24, 'compression of column ' || a.ident || '.' || a.col, a.j ->> 'attcompression',
           'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' SET COMPRESSION ' || CASE a.j ->> 'attcompression' WHEN 'l' THEN 'lz4' ELSE 'pglz' END,
           'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' SET COMPRESSION default'
    FROM att a WHERE coalesce(a.j ->> 'attcompression', '') <> ''
    UNION ALL
    SELECT 24, 'statistics target of column ' || a.ident || '.' || a.col, a.j ->> 'attstattarget',
           'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' SET STATISTICS ' || (a.j ->> 'attstattarget'),
           'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' SET STATISTICS -1'
    FROM att a WHERE coalesce(a.j ->> 'attstattarget', '-1') <> '-1' AND a.relkind IN ('r', 'p', 'm', 'f')
    UNION ALL
    SELECT 24, 'options of column ' || a.ident || '.' || a.col, pg_catalog.array_to_string(a.set_options, ', '),
           'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' SET (' || pg_catalog.array_to_string(a.set_options, ', ') || ')',
           (SELECT 'ALTER ' || a.word || ' ' || a.ident || ' ALTER COLUMN ' || a.col || ' RESET (' || pg_catalog.string_agg(pg_catalog.split_part(o, '=', 1), ', ') || ')'
            FROM pg_catalog.unnest(a.set_options) o)
    FROM att a WHERE a.set_options IS NOT NULL AND a.relkind IN ('r', 'p', 'm', 'f')
    -- constraints and indexes
    UNION ALL
    SELECT CASE k.contype WHEN 'f' THEN 45 WHEN 'c' THEN 41 ELSE 40 END,
           'constraint ' || k.name || ' of ' || CASE WHEN k.on_table THEN 'table ' ELSE 'domain ' END || k.ident,
           pg_catalog.pg_get_constraintdef(k.oid) || CASE WHEN k.convalidated THEN '' ELSE ' (not validated)' END,
           'ALTER ' || CASE WHEN k.on_table THEN 'TABLE ' ELSE 'DOMAIN ' END || k.ident || ' ADD CONSTRAINT ' || k.name || ' ' || pg_catalog.pg_get_constraintdef(k.oid),
           'ALTER ' || CASE WHEN k.on_table THEN 'TABLE ' ELSE 'DOMAIN ' END || k.ident || ' DROP CONSTRAINT ' || k.name
    FROM con k
    UNION ALL
    SELECT 42, 'index ' || i.ident, pg_catalog.pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END,
           CASE WHEN i.relkind = 'i' THEN pg_catalog.pg_get_indexdef(i.indexrelid)
                ELSE pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') END,
           'DROP INDEX ' || i.ident
    FROM ind i
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
      AND i.part_of IS NULL
    -- a partition's own part of an index comes with that, under a name that the server gives it
    UNION ALL
    SELECT 46, 'index ' || i.ident || ' of ' || i.part_of, 'on ' || i.on_ident,
           'DO $mig$ BEGIN EXECUTE (SELECT pg_catalog.format(''ALTER INDEX %s RENAME TO %I'', h.inhrelid::pg_catalog.regclass, '
           || pg_catalog.quote_literal(i.relname) || '::pg_catalog.text) FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_index x ON x.indexrelid = h.inhrelid WHERE h.inhparent = '
           || pg_catalog.quote_literal(i.part_of) || '::pg_catalog.regclass AND x.indrelid = ' || pg_catalog.quote_literal(i.on_ident) || '::pg_catalog.regclass); END $mig$', NULL
    FROM ind i WHERE i.part_of IS NOT NULL
    UNION ALL
    SELECT 47, 'options of index ' || i.ident, pg_catalog.array_to_string(i.reloptions, ', '),
           'ALTER INDEX ' || i.ident || ' SET (' || pg_catalog.array_to_string(i.reloptions, ', ') || ')',
           (SELECT 'ALTER INDEX ' || i.ident || ' RESET (' || pg_catalog.string_agg(pg_catalog.split_part(o, '=', 1), ', ') || ')'
            FROM pg_catalog.unnest(i.reloptions) o)
    FROM ind i WHERE i.reloptions IS NOT NULL
    UNION ALL
    SELECT 47, 'tablespace of index ' || i.ident, s.spcname::pg_catalog.text,
           'ALTER INDEX ' || i.ident || ' SET TABLESPACE ' || pg_catalog.quote_ident(s.spcname), 'ALTER INDEX ' || i.ident || ' SET TABLESPACE pg_default'
    FROM ind i JOIN pg_catalog.pg_tablespace s ON s.oid = i.reltablespace
    UNION ALL
    SELECT 44, 'statistics target of column ' || x.attnum || ' of index ' || i.ident, pg_catalog.to_jsonb(x) ->> 'attstattarget',
           'ALTER INDEX ' || i.ident || ' ALTER COLUMN ' || x.attnum || ' SET STATISTICS ' || (pg_catalog.to_jsonb(x) ->> 'attstattarget'),
           'ALTER INDEX ' || i.ident || ' ALTER COLUMN ' || x.attnum || ' SET STATISTICS -1'
    FROM ind i JOIN pg_catalog.pg_attribute x ON x.attrelid = i.indexrelid AND NOT x.attisdropped
    WHERE coalesce(pg_catalog.to_jsonb(x) ->> 'attstattarget', '-1') <> '-1'
    UNION ALL
    SELECT 62, 'cluster of table ' || i.on_ident, i.ident, 'ALTER TABLE ' || i.on_ident || ' CLUSTER ON ' || pg_catalog.quote_ident(i.relname),
           'ALTER TABLE ' || i.on_ident || ' SET WITHOUT CLUSTER'
    FROM ind i WHERE i.indisclustered
    UNION ALL
    SELECT 43, 'statistics ' || s.ident, pg_catalog.pg_get_statisticsobjdef(s.oid), pg_catalog.pg_get_statisticsobjdef(s.oid), 'DROP STATISTICS ' || s.ident
    FROM sta s
    UNION ALL
    SELECT 44, 'target of statistics ' || s.ident, pg_catalog.to_jsonb(s) ->> 'stxstattarget',
           'ALTER STATISTICS ' || s.ident || ' SET STATISTICS ' || (pg_catalog.to_jsonb(s) ->> 'stxstattarget'), 'ALTER STATISTICS ' || s.ident || ' SET STATISTICS -1'
    FROM sta s WHERE coalesce(pg_catalog.to_jsonb(s) ->> 'stxstattarget', '-1') <> '-1'
    UNION ALL
    SELECT 80, 'owner of statistics ' || s.ident, pg_catalog.pg_get_userbyid(s.stxowner)::pg_catalog.text,
           'ALTER STATISTICS ' || s.ident || ' OWNER TO ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.stxowner)), NULL
    FROM sta s
    -- triggers, rules, policies
    UNION ALL
    SELECT 50, 'trigger ' || t.name || ' of table ' || t.on_ident, pg_catalog.pg_get_triggerdef(t.oid), pg_catalog.pg_get_triggerdef(t.oid),
           'DROP TRIGGER ' || t.name || ' ON ' || t.on_ident
    FROM trg t
    UNION ALL
    SELECT 51, 'state of trigger ' || t.name || ' of table ' || t.on_ident, t.tgenabled::pg_catalog.text,
           'ALTER TABLE ' || t.on_ident || CASE t.tgenabled WHEN 'D' THEN ' DISABLE' WHEN 'A' THEN ' ENABLE ALWAYS' WHEN 'R' THEN ' ENABLE REPLICA' ELSE ' ENABLE' END
           || ' TRIGGER ' || t.name, NULL
    FROM trg t
    UNION ALL
    SELECT 52, 'rule ' || pg_catalog.quote_ident(w.rulename) || ' of ' || r.ident, pg_catalog.pg_get_ruledef(w.oid), pg_catalog.pg_get_ruledef(w.oid),
           'DROP RULE ' || pg_catalog.quote_ident(w.rulename) || ' ON ' || r.ident
    FROM pg_catalog.pg_rewrite w JOIN rel r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'
    UNION ALL
    SELECT 53, 'state of rule ' || pg_catalog.quote_ident(w.rulename) || ' of ' || r.ident, w.ev_enabled::pg_catalog.text,
           'ALTER TABLE ' || r.ident || CASE w.ev_enabled WHEN 'D' THEN ' DISABLE' WHEN 'A' THEN ' ENABLE ALWAYS' WHEN 'R' THEN ' ENABLE REPLICA' ELSE ' ENABLE' END
           || ' RULE ' || pg_catalog.quote_ident(w.rulename), NULL
    FROM pg_catalog.pg_rewrite w JOIN rel r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN' AND r.relkind IN ('r', 'p')
    UNION ALL
    SELECT 53, 'policy ' || p.name || ' of table ' || p.on_ident, d.def, 'CREATE POLICY ' || p.name || ' ON ' || p.on_ident || d.def,
           'DROP POLICY ' || p.name || ' ON ' || p.on_ident
    FROM pol p CROSS JOIN LATERAL (
        SELECT CASE WHEN p.polpermissive THEN ' AS PERMISSIVE' ELSE ' AS RESTRICTIVE' END
               || ' FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END
               || ' TO ' || (SELECT pg_catalog.string_agg(CASE o WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o)) END, ', ' ORDER BY 1)
                             FROM pg_catalog.unnest(p.polroles) o)
               || coalesce(' USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')', '')
               || coalesce(' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')', '') AS def) d
    -- comments, security labels, publications, privileges
    UNION ALL
    SELECT 70, 'comment on ' || d.type || ' ' || d.identity, d.description, 'COMMENT ON ' || o.object || ' IS ' || pg_catalog.quote_literal(d.description),
           'COMMENT ON ' || o.object || ' IS NULL'
    FROM described d CROSS JOIN LATERAL (
        SELECT CASE WHEN d.objsubid > 0 THEN 'COLUMN ' || d.identity
                    WHEN d.type IN ('table constraint', 'domain constraint')
                    THEN (SELECT 'CONSTRAINT ' || k.name || ' ON ' || CASE WHEN k.on_table THEN '' ELSE 'DOMAIN ' END || k.ident FROM con k WHERE k.oid = d.objoid)
                    WHEN d.type = 'statistics object' THEN 'STATISTICS ' || d.identity
                    ELSE pg_catalog.upper(d.type) || ' ' || d.identity END AS object) o
    UNION ALL
    SELECT 71, 'security label of ' || i.type || ' ' || i.identity || ' for ' || l.provider, l.label, NULL, NULL
    FROM pg_catalog.pg_seclabel l CROSS JOIN LATERAL pg_catalog.pg_identify_object(l.classoid, l.objoid, l.objsubid) i
    WHERE l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND l.objoid IN (SELECT oid FROM rel)
    UNION ALL
    SELECT 72, 'table ' || r.ident || ' in publication ' || pg_catalog.quote_ident(b.pubname), x.def,
           'ALTER PUBLICATION ' || pg_catalog.quote_ident(b.pubname) || ' ADD TABLE ONLY ' || r.ident || x.def,
           'ALTER PUBLICATION ' || pg_catalog.quote_ident(b.pubname) || ' DROP TABLE ONLY ' || r.ident
    FROM pg_catalog.pg_publication_rel p JOIN rel r ON r.oid = p.prrelid JOIN pg_catalog.pg_publication b ON b.oid = p.prpubid
    -- 15 and later have columns and a filter; the filter is readable in the view alone, for a parent under its partitions' names
    CROSS JOIN LATERAL (SELECT pg_catalog.concat((SELECT ' (' || pg_catalog.string_agg(a.col, ', ' ORDER BY a.attnum) || ')' FROM att a
                                                  WHERE a.attrelid = r.oid AND a.attnum::pg_catalog.text = ANY (pg_catalog.regexp_split_to_array(pg_catalog.to_jsonb(p) ->> 'prattrs', '[^0-9]+'))),
                                                 CASE WHEN pg_catalog.to_jsonb(p) ->> 'prqual' IS NOT NULL
                                                      THEN ' WHERE (' || (SELECT min(pg_catalog.to_jsonb(v) ->> 'rowfilter') FROM pg_catalog.pg_publication_tables v
                                                                          WHERE v.pubname = b.pubname AND v.schemaname = r.relnamespace::pg_catalog.regnamespace::pg_catalog.name AND v.tablename = r.relname) || ')' END) AS def) x
    UNION ALL
    SELECT 72, 'schema ' || s.ident || ' in publication ' || pg_catalog.quote_ident(b.pubname), '',
           'ALTER PUBLICATION ' || pg_catalog.quote_ident(b.pubname) || ' ADD TABLES IN SCHEMA ' || s.ident,
           'ALTER PUBLICATION ' || pg_catalog.quote_ident(b.pubname) || ' DROP TABLES IN SCHEMA ' || s.ident
    -- pg_publication_namespace, by its number: 13 and 14 have none
    FROM spaces s JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = s.oid AND d.classid = 6237
    JOIN pg_catalog.pg_depend p ON p.classid = d.classid AND p.objid = d.objid AND p.refclassid = 'pg_catalog.pg_publication'::pg_catalog.regclass
    JOIN pg_catalog.pg_publication b ON b.oid = p.refobjid
    UNION ALL
    SELECT 85, 'privileges of ' || g.grantee || ' on ' || g.key || CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END || coalesce(' from ' || g.giver, ''),
           g.privilege,
           CASE WHEN g.giver IS NULL THEN v.give ELSE f.head || v.give || f.tail END,
           CASE WHEN g.giver IS NULL THEN v.take ELSE f.head || v.take || f.tail END
    FROM (SELECT key, target, grantee, is_grantable, giver, pg_catalog.string_agg(privilege, ', ' ORDER BY privilege) AS privilege,
                 pg_catalog.string_agg(privilege || col, ', ' ORDER BY privilege) AS given FROM granted GROUP BY 1, 2, 3, 4, 5) g
    CROSS JOIN LATERAL (SELECT 'GRANT ' || g.given || ' ON ' || g.target || ' TO ' || g.grantee || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS give,
                               'REVOKE ' || g.given || ' ON ' || g.target || ' FROM ' || g.grantee AS take) v
    -- what somebody else than the owner has given is his to take back
    CROSS JOIN LATERAL (SELECT 'DO $mig$ DECLARE was pg_catalog.text := pg_catalog.current_setting(''role''); BEGIN SET LOCAL ROLE ' || g.giver || '; ' AS head,
                               '; PERFORM pg_catalog.set_config(''role'', was, true); END $mig$' AS tail) f
    UNION ALL
    SELECT 86, 'default privileges of ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.defaclrole)) || ' in schema ' || s.ident || ' on ' || p.word || ' for ' || p.grantee
               || CASE WHEN p.is_grantable THEN ' with grant option' ELSE '' END, p.given,
           'ALTER DEFAULT PRIVILEGES FOR ROLE ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.defaclrole)) || ' IN SCHEMA ' || s.ident || ' GRANT ' || p.given || ' ON ' || p.word
               || ' TO ' || p.grantee || CASE WHEN p.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END,
           'ALTER DEFAULT PRIVILEGES FOR ROLE ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.defaclrole)) || ' IN SCHEMA ' || s.ident || ' REVOKE ALL ON ' || p.word || ' FROM ' || p.grantee
    FROM spaces s JOIN (
        SELECT l.defaclrole, l.defaclnamespace, x.is_grantable,
               CASE l.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES' ELSE l.defaclobjtype::pg_catalog.text END AS word,
               CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END AS grantee,
               pg_catalog.string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type) AS given
        FROM pg_catalog.pg_default_acl l CROSS JOIN LATERAL pg_catalog.aclexplode(l.defaclacl) x
        GROUP BY 1, 2, 3, 4, 5) p ON p.defaclnamespace = s.oid
)
SELECT i.rank, i.key, i.def, i.make, i.clear FROM items i ORDER BY i.rank, i.key COLLATE "C"
