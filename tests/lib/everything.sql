-- Every type and every oddity of a table that a backup must bring back to the byte.  Text beyond ASCII is
-- made with :odd, an expression, so that the same file serves databases in any encoding.
-- Before 14 a numeric is never infinite and a range never many.
SELECT CASE WHEN m THEN 'Infinity' ELSE '1e300' END AS infinite, CASE WHEN m THEN 'int4multirange' ELSE 'text' END AS multirange
  FROM (SELECT current_setting('server_version_num')::int >= 140000 AS m) v \gset
SET standard_conforming_strings = on;

CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'very "happy"');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN short AS varchar(10) NOT NULL DEFAULT 'x';
CREATE TYPE span AS RANGE (subtype = int);

CREATE TABLE scalars (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    si smallint, i int, bi bigint, r real, d double precision, n numeric, n2 numeric(12,2),
    b boolean, t text, v varchar(30), c char(5), nm name, ch "char", by bytea, u uuid,
    dt date, tm time, tz timetz, ts timestamp, tstz timestamptz, iv interval,
    ip inet, cd cidr, mac macaddr, m8 macaddr8, bt bit(5), vb bit varying, mo money,
    js json, jb jsonb, x xml, tsv tsvector, tsq tsquery,
    pt point, ln line, ls lseg, bx box, pa path, po polygon, ci circle,
    o oid, rc regclass, lsn pg_lsn, tid tid, x8 xid8
);
INSERT INTO scalars (si, i, bi, r, d, n, n2, b, t, v, c, nm, ch, by, u, dt, tm, tz, ts, tstz, iv, ip, cd, mac, m8,
                     bt, vb, mo, js, jb, x, tsv, tsq, pt, ln, ls, bx, pa, po, ci, o, rc, lsn, tid, x8)
VALUES
(-32768, -2147483648, -9223372036854775808, '-Infinity', '-Infinity', 'NaN', -0.10, true, '', '', '', 'n', 'x', '',
 '00000000-0000-0000-0000-000000000000', '4713-01-01 BC', '00:00', '00:00+14', '4713-01-01 00:00:00 BC', '-infinity',
 '-178000000 years', '0.0.0.0/0', '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', B'00000', B'', '-$1.00',
 '{"a":1,  "a" : 2, "b":[ ]}', '{"z": null, "a": 1e3}', '<a b="1">&amp;</a>', 'a:1A b:2,3 ''it''''s'':4', '''fat'' & !rat',
 '(0,0)', '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1)]', '((0,0),(1,1),(2,0))', '<(0,0),1>', 0, 'pg_class', '0/0', '(0,1)', '0'),
(32767, 2147483647, 9223372036854775807, 'NaN', 'NaN', :'infinite', 9999999999.99, false, E'\t\n\r\b\f\v\\ "quoted" ''single''',
 'a', 'ab', 'other', ' ', '\x00ff5c0a0922', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'infinity', '24:00', '23:59:59.999999-12',
 'infinity', '294276-12-31 23:59:59.999999', '-1 mon +2 days -03:04:05.678', '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03',
 '08:00:2b:01:02:03:04:05', B'10101', B'1100110011', '$92,233,720,368,547,758.07', '"\u0001 \n"', '"\u0001 \n"', '<?xml version="1.0"?><r/>',
 '', '', '(1e300,-1e-300)', '{0,1,-5}', '[(-1,-1),(1,1)]', '(5,5),(-5,-5)', '((0,0),(1,1))', '((0,0))', '<(1,2),3>', 4294967295,
 NULL, 'FFFFFFFF/FFFFFFFF', '(4294967295,65535)', '18446744073709551615'),
(0, 0, 0, 0.1, 0.30000000000000004, 12345678901234567890.1234567890123, 0, NULL, '\N', '\.', 'null', 'NULL', '\', '\x', NULL,
 '0001-01-01 BC', '12:00:00.000001', '12:00:00+05:30', '0044-03-15 12:00:00 BC', '2024-10-27 01:30:00+00', '0', '::1', '192.168.0.0/16',
 NULL, NULL, B'11111', NULL, '0', 'null', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO scalars DEFAULT VALUES;
INSERT INTO scalars (t, v) VALUES (:odd, :odd);
INSERT INTO scalars (t) SELECT repeat(chr(1 + i % 126), i) FROM generate_series(1, 130) i;
INSERT INTO scalars (t) VALUES (repeat('long ', 400000)), (repeat(E'\\\t\n"', 300000));

CREATE TABLE made (
    id positive PRIMARY KEY, m mood, p pair, s short, sp span, ms :multirange,
    ia int[], ta text[], ma mood[], pa pair[], aa int[][], na numeric[], low int[],
    r1 int4range, r2 numrange, r3 tstzrange, r4 daterange
);
INSERT INTO made VALUES
(1, 'sad', '(1,"a ""b"" c")', 'abc', '[1,5)', '{[1,3),[5,7)}', '{1,NULL,3}', '{"a b",NULL,"NULL","","\\","{x}",","}',
 '{sad,"it''s ok"}', ARRAY[ROW(1, 'x')::pair, NULL, ROW(NULL, E'a\tb')::pair], '{{1,2},{3,4}}', '{NaN,1.50,-0.0}', '[-2:0]={7,8,9}',
 'empty', '(,5.5]', '[2024-01-01 00:00:00+00,infinity)', '[2024-01-01,2024-02-01)'),
(2, 'very "happy"', '(,)', 'é' || 'x', NULL, '{}', '{}', '{}', NULL, '{}', NULL, NULL, NULL, '(,)', 'empty', NULL, '(,)'),
(2147483647, NULL, NULL, '', '(,)', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TYPE inner_pair AS (p pair, l mood[]);
CREATE DOMAIN ints AS int[] CHECK (array_length(VALUE, 1) < 4);
CREATE DOMAIN whole AS pair CHECK ((VALUE).a > 0);
CREATE TABLE nested (ip inner_pair[], l ints, w whole, pd positive[], ra span[], ja json[], ba bytea[], tr tstzrange[], j2 jsonb[]);
INSERT INTO nested VALUES
(ARRAY[ROW(ROW(1, '("),\')::pair, '{sad,"very \"happy\""}')::inner_pair], '{1,NULL,3}', '(5,"x ""y"" \\")', '{1,2}', '{"[1,5)",empty}',
 ARRAY['{"a":  1, "a":2}']::json[], '{"\\x00ff"}', '{"[2024-01-01 00:00:00+00,infinity)"}', '{"{\"k\": [1, null]}"}'),
('{}', '{}', NULL, '{}', '{}', '{}', '{}', '{}', '{}'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- extensions that come with PostgreSQL
CREATE TABLE extended (id citext PRIMARY KEY, h hstore, ha hstore[], ca citext[]);
INSERT INTO extended VALUES
('Key', 'a=>1, "b c"=>NULL, "q\"uote"=>"back\\slash", ""=>""', '{"a=>1",NULL,"\"x y\"=>\"{,}\""}', '{A,b,NULL,"NULL",""}'),
(:odd, hstore('k', :odd), NULL, ARRAY[:odd]::citext[]),
('', '', '{}', '{}'), ('key2', NULL, NULL, NULL);

-- shape
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE no_rows (a int, b text);
CREATE TABLE one_text (t text);
INSERT INTO one_text VALUES (''), (NULL), ('\N'), ('\.'), ('null'), ('"'), ('[]');
CREATE TABLE holes (a int, gone1 text, b text, gone2 int, c text);
INSERT INTO holes VALUES (1, 'x', 'b', 5, 'c'), (2, NULL, NULL, NULL, NULL);
ALTER TABLE holes DROP COLUMN gone1, DROP COLUMN gone2, ADD COLUMN late text DEFAULT 'late', ADD COLUMN "A" int;
CREATE TABLE computed (a int PRIMARY KEY, twice int GENERATED ALWAYS AS (a * 2) STORED, b text);
INSERT INTO computed (a, b) VALUES (1, 'x'), (2, NULL);
CREATE TABLE only_computed (a int GENERATED ALWAYS AS (1) STORED);
INSERT INTO only_computed DEFAULT VALUES;
CREATE TABLE "we;ird ""x" (" a""b" int PRIMARY KEY, "select" text, "naïve" text, "tab	tab" int);
INSERT INTO "we;ird ""x" VALUES (1, 'x', :odd, 1), (2, NULL, NULL, NULL);
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema".users (id serial PRIMARY KEY, v text);
INSERT INTO "Odd Schema".users (v) SELECT 'u' || i FROM generate_series(1, 50) i;
CREATE UNLOGGED TABLE unlogged (a int);
INSERT INTO unlogged VALUES (1), (2);
CREATE TABLE by_default (id int GENERATED BY DEFAULT AS IDENTITY (START 100 INCREMENT -3 MINVALUE -1000 MAXVALUE 100) PRIMARY KEY, v text);
INSERT INTO by_default (v) VALUES ('a'), ('b'), ('c');
CREATE SEQUENCE loose INCREMENT 7;
SELECT nextval('loose'), nextval('loose');
CREATE SEQUENCE untouched START 42;
CREATE TABLE uses_loose (n bigint DEFAULT nextval('loose'));
INSERT INTO uses_loose DEFAULT VALUES;
CREATE TABLE collated (a text COLLATE "C", b text COLLATE "POSIX");
INSERT INTO collated VALUES ('b', 'A'), ('a', 'b');

-- families
CREATE TABLE parted (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2) PARTITION BY HASH (id);
CREATE TABLE parted_2a PARTITION OF parted_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_2b (v text, k int NOT NULL, id int NOT NULL);
ALTER TABLE parted_2 ATTACH PARTITION parted_2b FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE parted_d PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT i, i % 4, 'v' || i FROM generate_series(1, 200) i;
CREATE TABLE mother (id int PRIMARY KEY, v text);
CREATE TABLE child (extra int) INHERITS (mother);
INSERT INTO mother VALUES (1, 'm');
INSERT INTO child VALUES (2, 'c', 5);

-- foreign keys: a cycle, a table that refers to itself, a chain
CREATE TABLE hen (id int PRIMARY KEY, egg_id int NOT NULL);
CREATE TABLE egg (id int PRIMARY KEY, hen_id int NOT NULL REFERENCES hen);
ALTER TABLE hen ADD FOREIGN KEY (egg_id) REFERENCES egg DEFERRABLE INITIALLY IMMEDIATE;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO hen VALUES (1, 1), (2, 2);
INSERT INTO egg VALUES (1, 2), (2, 1);
COMMIT;
CREATE TABLE ring_a (id int PRIMARY KEY, b_id int);
CREATE TABLE ring_b (id int PRIMARY KEY, a_id int REFERENCES ring_a ON DELETE CASCADE);
INSERT INTO ring_a VALUES (1, 1), (2, NULL);
INSERT INTO ring_b VALUES (1, 2), (2, NULL);
ALTER TABLE ring_a ADD FOREIGN KEY (b_id) REFERENCES ring_b;
CREATE TABLE staff (id int PRIMARY KEY, boss int REFERENCES staff);
INSERT INTO staff VALUES (3, NULL), (2, 3), (1, 2);
CREATE TABLE aa_line (id int PRIMARY KEY, staff_id int REFERENCES staff);
INSERT INTO aa_line VALUES (1, 1), (2, 3);

-- triggers and rules that would spoil what is put back
CREATE TABLE watched (id int PRIMARY KEY, v text, changed timestamptz DEFAULT '2000-01-01 00:00:00+00');
INSERT INTO watched VALUES (1, 'a'), (2, 'b');
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.v := 'spoiled';
    RETURN NEW;
END $$;
CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION spoil();
CREATE TRIGGER always BEFORE INSERT OR UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION spoil();
ALTER TABLE watched ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER off BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION spoil();
ALTER TABLE watched DISABLE TRIGGER off;
CREATE TRIGGER replica BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION spoil();
ALTER TABLE watched ENABLE REPLICA TRIGGER replica;

-- row security: the owner is not subject to it, unless forced; a backup reads every row or fails
CREATE TABLE guarded (id int PRIMARY KEY, tenant int);
INSERT INTO guarded SELECT i, i % 2 FROM generate_series(1, 10) i;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON guarded USING (tenant = 1);
