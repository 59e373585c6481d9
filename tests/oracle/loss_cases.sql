drop table a
drop table gc
drop table empty
drop table nulls
drop table wide
drop table part
drop table part_1
drop table derived
drop table base cascade
drop table old.one
drop table gc, ch
drop table p cascade
drop table wide, dup, nulls
alter table a drop column txt
alter table a drop column num
alter table a drop column gen
alter table a drop column j
alter table a drop column secret
alter table a drop column txt, drop column num
alter table nulls drop column v
alter table empty drop column v
alter table part drop column val
alter table base drop column x
alter table p drop column name
alter table p drop column u cascade
alter table wide drop column d
drop type color cascade
drop schema old cascade
truncate a
truncate part
truncate part_2
truncate p cascade
truncate ch cascade
truncate only base
truncate base
truncate wide, dup
delete from a
delete from a where k <= 10
delete from a where txt is null
delete from a where k < 0
delete from wide where c is null
delete from p where k = 7
delete from p where k between 1 and 9
delete from p
delete from ch where note is not null
delete from ch
delete from gc
delete from part where k > 100
delete from only base
delete from base
delete from a x where x.k in (select k from wide)
update a set txt = null
update a set txt = 'same' where k <= 20
update a set num = num
update a set num = 5
update a set num = num * 2 where k % 2 = 0
update a set txt = upper(txt)
update nulls set v = 'x'
update wide set a = 0, c = 0
update a set j = '{}' where k < 5
update part set val = 'w'
update a set bo = not bo
update a set e = 'red'
alter table a alter column num type int
alter table a alter column num type numeric(10,1)
alter table a alter column num type numeric(12,2)
alter table a alter column num type numeric(12,4)
alter table a alter column num type double precision
alter table a alter column num type text
alter table a alter column dbl type real
alter table a alter column dbl type int
alter table a alter column dbl type numeric(10,2)
alter table a alter column r type double precision
alter table a alter column r type numeric(8,2)
alter table a alter column i type bigint
alter table a alter column i type smallint
alter table a alter column b type int
alter table a alter column b type numeric
alter table a alter column big type int
alter table a alter column big type numeric(6,2)
alter table a alter column ts type timestamp
alter table a alter column ts type date
alter table a alter column ts type timestamptz(0)
alter table a alter column t type date
alter table a alter column t type time using t::time
alter table a alter column d type timestamp
alter table a alter column d type text
alter table a alter column v type varchar(30)
alter table a alter column v type varchar(10)
alter table a alter column v type varchar(10) using v::varchar(10)
alter table a alter column v type varchar(10) using left(v, 10)
alter table a alter column v type text
alter table a alter column c type text
alter table a alter column txt type char(20)
alter table a alter column txt type varchar(3) using txt::varchar(3)
alter table a alter column e type text
alter table a alter column j type jsonb
alter table a alter column jb type json
alter table a alter column u type text
alter table a alter column bo type int using bo::int
alter table a alter column code type int using code::int
alter table a alter column fl type int using fl::int
alter table a alter column fl type numeric using fl::numeric
alter table a alter column day type date using day::date
alter table a alter column txt type int using length(txt)
alter table a alter column s type pos
alter table a alter column i type pos
alter table a alter column bits type bit varying(3)
alter table a alter column tm type time(1)
alter table a alter column tm type time(6)
alter table part alter column val type varchar(5)
alter table a alter column txt set not null
alter table a alter column k set not null
alter table a alter column e set not null
alter table nulls alter column v set not null
alter table dup add unique (a)
alter table dup add unique (a, b)
alter table dup add unique (k)
create unique index on dup (b)
create unique index on dup (a) where k < 5
create unique index on dup ((a + b))
alter table dup add constraint x check (a < 9)
alter table dup add constraint x check (a < 100)
alter table ref add foreign key (to_p) references p
alter table ref add foreign key (to_dup) references dup (k)
alter table ref add foreign key (to_p) references p (u)
alter table wide add column z int not null
alter table empty add column z int not null
alter table empty alter column v set not null
alter table wide add primary key (a)
alter table dup drop constraint dup_pkey, add primary key (b)
alter table dup add exclude (a with =)
alter table dup add exclude (k with =)
alter table dup add exclude ((a + k) with =)
alter table dup add exclude (a with =) where (k < 3)
alter domain little add check (value > 0)
alter domain little add check (value < 15)
alter domain little add constraint x check (value <> 3)
alter domain little set not null
alter domain littler set not null
alter domain littler add check (value > 15)
alter domain little add check (value > 100) not valid
delete from ch using p where p.k = ch.p and p.name is null
delete from ch x using p y, wide w where y.k = x.p and w.a = x.n
delete from a using (select k from wide where c is null) w where w.k = a.k
delete from p using ch where ch.p = p.k and ch.note is not null
delete from part using wide where part.k = wide.a
delete from base using wide where base.k = wide.k
with w as (select k from wide where k < 8) delete from a using w where a.k = w.k
with w as (select k from wide where k < 8), v as (select k from w where k > 3) delete from a where k in (select k from v)
with recursive r (n) as (select 1 union all select n + 1 from r where n < 9) delete from a using r where a.k = r.n
with d as (delete from gc where k < 20 returning ch) select count(*) from d
with old as (select k from wide where k < 5), d as (delete from gc using old where gc.k = old.k returning gc.k) select count(*) from d
with d as (delete from wide where k < 4 returning k) insert into empty select k, 'x' from d
with u as (update wide set a = 0 where k < 4 returning k) select count(*) from u
delete from a where exists (select from wide where wide.k = a.k)
delete from ch using p where p.k = ch.p
update a set txt = p.name from p where p.k = a.k
update a set txt = p.name, num = p.u from p where p.k = a.k and a.k < 20
update wide x set c = y.k from dup y where y.k = x.k
update a set num = 1 from wide where wide.k = a.k
update wide set (a, b) = (0, b)
update wide set (a, c) = (k, 7) where k < 10
with w as (select k, 'new' as v from wide where k < 8) update a set txt = w.v from w where w.k = a.k
update part set val = w.a::text from wide w where w.k = part.k
update a set txt = 'x' from ch where ch.p = a.k
update p set name = (select max(note) from ch where ch.p = p.k)
merge into p using ch on ch.k = p.k when matched and p.name is null then delete when matched then update set name = 'm' -- since 15
merge into wide w using dup d on d.k = w.k when matched and d.a > 5 then do nothing when matched then update set a = d.a, c = null when not matched then insert (k) values (d.k) -- since 15
merge into wide using (select k, a from dup where b is null) s on s.k = wide.k when matched then delete -- since 15
merge into p using wide on wide.k = p.k when matched and wide.c is null then delete -- since 15
merge into empty using wide on wide.k = empty.k when not matched then insert values (wide.k, 'x') -- since 15
insert into wide values (1, 5, 5), (2, 2, 2), (99, 1, 1) on conflict (k) do update set a = excluded.a, b = excluded.b
insert into wide as w (k, a) select k, a from dup on conflict (k) do update set a = excluded.a where w.a <> excluded.a
insert into wide (k, a) values (3, 4), (4, 4) on conflict on constraint wide_pkey do update set a = excluded.a, d = 1
insert into p (k, name, u) values (100, 'x', 8), (101, 'y', 60) on conflict (u) do update set name = excluded.name || p.name
with s as (select k from dup where k < 6) insert into wide (k) select k from s on conflict (k) do update set c = null
insert into wide (k, a) select k, a from dup on conflict do nothing
insert into dup values (7, 0, 0) on conflict (k) do update set (a, b) = (excluded.a, excluded.b)
alter table p drop column name; alter table p add column name text; delete from p where name is null -- bound
alter table p drop column name; alter table p add column name text; delete from p where name = 'n2' -- bound
alter table p drop column name, add column name text; update p set u = -k where name is null -- bound
alter table p drop column name, add column name text default 'q'; update p set name = 'z'
alter table p rename name to old; alter table p add column name text; delete from p where name is null -- bound
alter table wide rename a to z; alter table wide rename b to a; delete from wide where a > 10 and d is null -- bound
alter table a alter v type varchar(100); alter table a alter v type varchar(120)
alter table dup rename a to z; alter table dup rename b to a; alter table dup add unique (a)
alter table dup rename a to z; alter table dup add unique (z)
alter table ref rename to_p to x; alter table ref add foreign key (x) references p
alter table nulls rename v to z; alter table nulls add primary key (z)
alter table nulls rename v to z; alter table nulls alter z set not null
update nulls set v = 'x' where v is null; alter table nulls alter v set not null
update nulls set v = coalesce(v, 'q'); alter table nulls alter v set not null
update nulls set v = null where v is null; alter table nulls alter v set not null
alter table part add column z int; alter table part alter z set not null
alter table empty add column z int; alter table empty alter z set not null
alter table p add column z int default 5; alter table p alter z set not null
alter table p add column z int; update p set z = 3; alter table p alter z set not null
alter domain later validate constraint above
alter domain later validate constraint below
alter domain boxed add constraint x check (value > 0)
alter domain boxed set not null
alter domain boxed add constraint x check (value > 0) not valid
alter domain plain add constraint x check (value > 0) not valid; alter domain plain validate constraint x
alter domain plain add constraint x check (value > -9) not valid; alter domain plain validate constraint x
drop function twice(int)
drop function twice(text)
drop function twice(int, int)
drop function twice(int) cascade
drop view doubled; drop function twice(pg_catalog.int4)
alter table checked drop constraint even; drop function twice(int, integer)
delete from owner where k < 8
delete from owner where k = 9
delete from pairs where a between 5 and 7
delete from pairs where a = 9
delete from tree where k = 4
delete from tree where k in (2, 5) or note = 'x'
delete from tree t using leaf l where l.t = t.k and l.k = 3
