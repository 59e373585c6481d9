create type color as enum ('red', 'green', 'blue');
create domain pos as int check (value > 0);
create table a (k int primary key, txt text, num numeric(10,2), dbl double precision, r real, i int, b bigint, s smallint,
  ts timestamptz, t timestamp, d date, v varchar(20), c char(8), e color, es color[], j json, jb jsonb, u uuid, bo boolean,
  code text, gen int generated always as (k * 2) stored, big numeric, fl text, day text, bits bit varying(8), tm time(3), secret bytea);
insert into a (k, txt, num, dbl, r, i, b, s, ts, t, d, v, c, e, es, j, jb, u, bo, code, big, fl, day, bits, tm, secret)
select g, case when g % 3 = 0 then null when g % 5 = 0 then 'long text number ' || g else 't' || g % 4 end,
  case when g % 7 = 0 then null when g % 2 = 0 then g else g + 0.37 end,
  case when g % 2 = 0 then g else g + 1e-9 end, g * 1.1,
  case when g % 4 = 0 then null else g * 1000 end, case when g % 9 = 0 then 5000000000 + g else g end, g % 100,
  '2026-03-29 00:30:00+00'::timestamptz + g * interval '17 minutes 3.123456 seconds',
  '2026-03-29 00:30:00'::timestamp + case when g % 2 = 0 then g * interval '1 day' else g * interval '1 hour' end,
  '2026-01-01'::date + g, case when g % 6 = 0 then repeat('x', 15) else 'v' || g end, 'c' || g % 5,
  (array['red', 'green', 'blue'])[1 + g % 3]::color, array['red', (array['red', 'green', 'blue'])[1 + g % 3]]::color[],
  case when g % 2 = 0 then '{"a":1, "a":2}' else '{"a": 1}' end::json, ('{"n": ' || g || '}')::jsonb,
  md5(g::text)::uuid, g % 2 = 0, case when g % 10 = 0 then '00' || g else g::text end,
  case when g % 8 = 0 then 12345678.9 else g end, case when g % 3 = 0 then '1e3' else g || '.5' end, '2026-01-' || lpad((1 + g % 28)::text, 2, '0'),
  (g % 16)::bit(4)::varbit, ('10:00:00'::time + g * interval '1.5 milliseconds')::time(3), decode(md5(g::text), 'hex')
  from generate_series(1, 200) g;
create table p (k int primary key, name text, u int unique);
create table ch (k int primary key, p int references p (k) on delete cascade, note text, n int);
create table gc (k int primary key, ch int references ch (k) on delete cascade, note text);
create table sn (k int primary key, p int references p (k) on delete set null, note text);
insert into p select g, case when g % 2 = 0 then 'n' || g end, g from generate_series(1, 50) g;
insert into ch select g, 1 + g % 50, case when g % 4 = 0 then 'x' end, g from generate_series(1, 120) g;
insert into gc select g, 1 + g % 120, 'y' from generate_series(1, 150) g;
insert into sn select g, case when g % 2 = 0 then 1 + g % 50 end, 'z' from generate_series(1, 60) g;
create table part (k int primary key, val text) partition by range (k);
create table part_1 partition of part for values from (0) to (50);
create table part_2 partition of part for values from (50) to (200);
insert into part select g, case when g % 3 = 0 then 'v' end from generate_series(1, 150) g;
create table base (k int, x text);
create table derived (y text) inherits (base);
insert into base select g, 'b' from generate_series(1, 30) g;
insert into derived select 100 + g, 'd', case when g % 2 = 0 then 'y' end from generate_series(1, 40) g;
create schema old;
create table old.one (k int primary key, v text);
create table old.two (k int primary key, v color);
insert into old.one select g, 'v' from generate_series(1, 25) g;
insert into old.two select g, 'red' from generate_series(1, 35) g;
create table empty (k int primary key, v text);
create table nulls (k int primary key, v text, w int);
insert into nulls (k) select g from generate_series(1, 20) g;
create table dup (k int primary key, a int, b int);
insert into dup select g, g % 10, case when g % 2 = 0 then g % 6 end from generate_series(1, 40) g;
create table wide (k int primary key, a int, b int, c int, d int);
insert into wide select g, g, g, case when g % 2 = 0 then g end, null from generate_series(1, 30) g;
create table ref (k int primary key, to_p int, to_dup int);
insert into ref select g, case when g % 5 = 0 then 1000 + g else 1 + g % 50 end, g from generate_series(1, 40) g;
analyze;
create domain little as int;
create domain littler as little;
create table dom (k int primary key, a little, b littler);
insert into dom select g, g, case when g % 2 = 0 then g + 10 end from generate_series(1, 10) g;
analyze dom;
create domain later as int;
create table held (k int primary key, v later, w later);
insert into held select g, g - 5, g from generate_series(1, 10) g;
alter domain later add constraint above check (value > 0) not valid;
alter domain later add constraint below check (value < 100) not valid;
create domain boxed as int;
create table boxes (k int primary key, v boxed[]);
create domain plain as int;
create table plains (k int primary key, v plain);
insert into plains values (1, 1), (2, -2);
create function twice(int) returns int language sql immutable as 'select $1 * 2';
create function twice(text) returns text language sql immutable as 'select $1 || $1';
create function twice(int, int) returns int language sql immutable as 'select $1 * $2';
create view doubled as select k, twice(v::int) as v from plains;
create table checked (k int primary key, constraint even check (twice(k, 2) > 0));
analyze held;
-- Foreign keys of a single partition, and of all.
create table owner (k int primary key);
create table thing (k int primary key, o int, note text) partition by range (k);
create table thing1 partition of thing for values from (0) to (6);
create table thing2 partition of thing for values from (6) to (20);
alter table thing1 add foreign key (o) references owner on delete cascade;
create table guarded (k int primary key, o int) partition by range (k);
create table guarded1 partition of guarded for values from (0) to (20);
alter table guarded1 add foreign key (o) references owner;
create table part_of (k int primary key, o int references owner on delete cascade) partition by range (k);
create table part_of1 partition of part_of for values from (0) to (20);
insert into owner select generate_series(1, 10);
insert into thing select g, g, 'n' from generate_series(1, 10) g;
insert into guarded values (1, 9);
insert into part_of select g, g from generate_series(1, 8) g;
-- A key on several columns; a table whose rows hang on one another, and others on them.
create table pairs (k int primary key, a int, b int, unique (a, b));
create table paired (k int primary key, a int, b int, foreign key (a, b) references pairs (a, b) on delete cascade);
create table kept (k int primary key, a int, b int, foreign key (a, b) references pairs (a, b));
create table tree (k int primary key, up int references tree on delete cascade, note text);
create table leaf (k int primary key, t int references tree on delete cascade);
insert into pairs select g, g, g * 2 from generate_series(1, 10) g;
insert into paired select g, g, g * 2 from generate_series(1, 6) g;
insert into kept values (1, 9, 18);
insert into tree select g, nullif(g / 2, 0), 't' from generate_series(1, 20) g;
insert into leaf select g, g from generate_series(1, 20) g;
