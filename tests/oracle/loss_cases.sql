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
