-- Run by generate: :rows rows in all, drawn with :seed.  Nothing here asks the clock or random().
select greatest(20, :rows / 15) as users, greatest(2, :rows / 7500) as companies, greatest(8, :rows / 2500) as courses,
       greatest(3, :rows / 1000) as campaigns, :rows * 4 / 15 as enrollments, :rows * 2 / 5 as events, :rows / 8 as audits
\gset
select to_regclass('courses') is not null as has_courses, to_regclass('phishing_campaigns') is not null as has_phishing,
       to_regclass('user_profiles') is not null as has_profiles, to_regclass('user_preferences') is not null as has_preferences,
       exists (select from pg_attribute where attrelid = 'users'::regclass and attname = 'totp_secret' and not attisdropped) as has_totp,
       exists (select from pg_attribute where attrelid = 'users'::regclass and attname = 'deleted_at' and not attisdropped) as has_deleted,
       exists (select from pg_attribute where attrelid = to_regclass('enrollments') and attname = 'due_at' and not attisdropped) as has_due,
       (select format_type(atttypid, null) from pg_attribute where attrelid = 'users'::regclass and attname = 'role') as role_type
\gset
set timezone = 'UTC';
set client_min_messages = warning;
set synchronous_commit = off;
begin;

-- r(i, salt): a number in [0, 1) that depends on the row, the salt and the seed alone.
select format('create function pg_temp.r(i bigint, salt int) returns double precision language sql immutable parallel safe as %L',
              'select (hashint8extended(i, ' || :seed || '::bigint * 1000003 + salt) >> 11 & 9007199254740991) / 9007199254740992.0::double precision')
\gexec
create function pg_temp.pick(words text[], u double precision) returns text language sql immutable parallel safe
    as $$ select words[1 + floor(u * cardinality(words))::int] $$;

insert into companies (id, name, domain, country, plan, seats, contract_value, created_at)
select i,
       pg_temp.pick('{Northwind,Aurora,Kestrel,Blauwal,Società Lucente,Fjord,Sakura,Ñandú,Meridian,Quarz,Océane,Helios}', pg_temp.r(i, 1)) || ' '
           || pg_temp.pick('{Bank,Health,Logistics,Energy,Studios,Insurance,Foods,Robotics,Telecom,Airlines}', pg_temp.r(i, 2)),
       format('%s%s.example', pg_temp.pick('{northwind,aurora,kestrel,blauwal,lucente,fjord,sakura,nandu,meridian,quarz,oceane,helios}', pg_temp.r(i, 1)), i),
       pg_temp.pick('{DE,FR,IT,NO,JP,AR,US,GB,NL,PL}', pg_temp.r(i, 3)),
       pg_temp.pick('{trial,standard,standard,enterprise}', pg_temp.r(i, 4)),
       50 + floor(pg_temp.r(i, 5) * 5000)::int,
       case when pg_temp.r(i, 4) >= 0.25 then round((1000 + pg_temp.r(i, 6) * 90000)::numeric, 2) end,
       timestamptz '2024-02-01' + pg_temp.r(i, 7) * interval '300 days'
from generate_series(1, :companies) i;

insert into departments (id, company_id, name)
select (c - 1) * 8 + d, c, (array['Finance', 'Engineering', 'Sales', 'Human Resources', 'Legal', 'Operations', 'Support', 'Führung'])[d]
from generate_series(1, :companies) c, generate_series(1, 8) d;

create temp table person on commit drop as
select i as id, 1 + floor(power(pg_temp.r(i, 11), 1.6) * :companies)::bigint as company_id,
       pg_temp.pick('{Anna,Bogdan,Chiara,Dmitri,Élodie,Femke,Grażyna,Haruki,Inés,Jonas,Katarína,Luís,Mei,Noor,Øyvind,Priya,Quentin,Rosa,Søren,Tomás,Ulrike,Vera,Wanjiru,Xu,Yusuf,Zoë}', pg_temp.r(i, 12)) as first,
       pg_temp.pick('{Almeida,Bergström,Conti,Dubois,Eriksen,Fischer,García,Haddad,Ivanova,Jansen,Kowalski,Lefèvre,Müller,Nakamura,Okafor,Petrov,Quispe,Rossi,Schmidt,Tanaka,Urbán,Vogel,Weiß,Yılmaz,Zhang}', pg_temp.r(i, 13)) as last,
       timestamptz '2025-01-20' + pg_temp.r(i, 14) * interval '250 days' as created_at,
       case when pg_temp.r(i, 15) < 0.7 then format('+%s %s %s', 30 + floor(pg_temp.r(i, 16) * 60)::int, 100 + floor(pg_temp.r(i, 17) * 900)::int, 1000000 + floor(pg_temp.r(i, 18) * 9000000)::int) end as phone,
       case when pg_temp.r(i, 19) < 0.9 then pg_temp.pick('{Accountant,Engineer,Account Executive,Recruiter,Counsel,Analyst,Support Agent,Director}', pg_temp.r(i, 20)) end as job_title,
       pg_temp.pick('{en,en,en,de,fr,it,ja,es-AR,nb}', pg_temp.r(i, 21)) as locale,
       case when pg_temp.r(i, 22) < 0.15 then 'Joined in ' || (2005 + floor(pg_temp.r(i, 23) * 20)::int) || E'.\nAsks before clicking; "usually".\t' || repeat('…', floor(pg_temp.r(i, 24) * 4)::int) end as bio
from generate_series(1, :users) i;

insert into users (id, company_id, department_id, email, full_name, role, password_hash, risk_score, is_active, last_login_at, created_at)
select p.id, company_id, (company_id - 1) * 8 + 1 + floor(pg_temp.r(p.id, 31) * 8)::bigint,
       format('%s.%s.%s@%s', lower(first), lower(last), p.id, c.domain),
       first || ' ' || last,
       (case when pg_temp.r(p.id, 32) < 0.9 then 'learner' else pg_temp.pick('{manager,manager,analyst,admin,owner}', pg_temp.r(p.id, 33)) end)::text::varchar::
           :role_type,
       '$argon2id$v=19$m=65536,t=3,p=1$' || md5(p.id || 'salt' || :seed),
       case when pg_temp.r(p.id, 34) < 0.8 then round((pg_temp.r(p.id, 35) * 100)::numeric, 2) end,
       pg_temp.r(p.id, 36) < 0.95,
       case when pg_temp.r(p.id, 37) < 0.85 then timestamptz '2025-10-01' + pg_temp.r(p.id, 38) * interval '45 days' end,
       p.created_at
from person p join companies c on c.id = p.company_id
order by p.id;

update departments d set manager_id = (select min(id) from users u where u.department_id = d.id) where d.id % 3 <> 0;

\if :has_profiles
insert into user_profiles (user_id, phone, job_title, locale, bio, time_zone, avatar)
select id, phone, job_title, locale, bio,
       case when pg_temp.r(id, 41) < 0.5 then pg_temp.pick('{Europe/Berlin,Europe/Oslo,Asia/Tokyo,America/Argentina/Buenos_Aires,UTC}', pg_temp.r(id, 42)) end,
       case when pg_temp.r(id, 43) < 0.1 then decode('89504e470d0a1a0a' || repeat(md5(id::text), 1 + floor(pg_temp.r(id, 44) * 6)::int), 'hex') end
from person order by id;
\else
update users u set phone = p.phone, job_title = p.job_title, locale = p.locale, bio = p.bio from person p where p.id = u.id;
\endif

\if :has_deleted
update users set deleted_at = last_login_at + interval '9 days', deleted_by = (id + 7) % :users + 1 where pg_temp.r(id, 45) < 0.03;
\endif

\if :has_preferences
insert into user_preferences (id, user_id, theme, digest, quiet_hours, topics, settings, updated_at)
select id, id,
       pg_temp.pick('{system,system,dark,light,contrast}', pg_temp.r(id, 51)),
       pg_temp.pick('{weekly,weekly,daily,never}', pg_temp.r(id, 52)),
       case when pg_temp.r(id, 53) < 0.3 then tstzrange(timestamptz '2025-11-01 20:00+00', timestamptz '2025-11-02 06:00+00', '[)') end,
       case when pg_temp.r(id, 54) < 0.4 then array[pg_temp.pick('{phishing,passwords,privacy}', pg_temp.r(id, 55)), 'social engineering', 'say "no"'] else '{}' end,
       jsonb_build_object('email', pg_temp.r(id, 56) < 0.8, 'badge', pg_temp.pick('{gold,silver,bronze}', pg_temp.r(id, 57)), 'week_starts', floor(pg_temp.r(id, 58) * 2)),
       timestamptz '2025-10-06' + pg_temp.r(id, 59) * interval '40 days'
from person order by id;
update users set preferences_id = id;
\endif

\if :has_totp
update users set totp_enabled = true,
       totp_secret = decode(md5(id || 'totp' || :seed), 'hex'),
       recovery_codes = array(select substr(md5(id || '-' || n || '-' || :seed), 1, 10) from generate_series(1, 8) n),
       totp_enrolled_at = timestamptz '2025-11-03 16:00+00' + pg_temp.r(id, 61) * interval '14 days'
where pg_temp.r(id, 60) < 0.37;
-- Some began to enrol and did not finish: a secret without the flag.
update users set totp_secret = decode(md5(id || 'half' || :seed), 'hex') where pg_temp.r(id, 60) >= 0.98;
\endif

\if :has_courses
insert into courses (id, company_id, slug, title, summary, minutes, published_at)
select i, case when pg_temp.r(i, 71) < 0.3 then 1 + floor(pg_temp.r(i, 72) * :companies)::bigint end,
       format('%s-%s', pg_temp.pick('{phishing,passwords,privacy,ransomware,travel,ai,payments}', pg_temp.r(i, 73)), i),
       pg_temp.pick('{Spot the phish,Passwords that last,Privacy at work,Ransomware first aid,Safe on the road,Talking to machines,Invoice fraud}', pg_temp.r(i, 73)) || ', part ' || i,
       case when pg_temp.r(i, 74) < 0.8 then 'What attackers try, why it works on busy people, and the two questions that stop it.' end,
       5 + floor(pg_temp.r(i, 75) * 40)::int,
       case when pg_temp.r(i, 76) < 0.9 then timestamptz '2025-02-05' + pg_temp.r(i, 77) * interval '200 days' end
from generate_series(1, :courses) i;

-- Every user takes some courses in turn, so that (user, course) is unique without asking.
create temp table take on commit drop as
select k + 1 as id, k % :users + 1 as user_id, (k % :users + (k / :users) * 3) % :courses + 1 as course_id,
       timestamptz '2025-02-10' + pg_temp.r(k, 81) * interval '250 days' as at, pg_temp.r(k, 82) as u
from generate_series(0, least(:enrollments, :users::bigint * (:courses / 3)) - 1) k;
insert into enrollments (id, user_id, course_id, enrolled_at, progress, score, completed_at
\if :has_due
    , due_at
\endif
    )
select id, user_id, course_id, at,
       case when u < 0.6 then 100 else round((u * 100)::numeric, 2) end,
       case when u < 0.6 then round((55 + pg_temp.r(id, 83) * 45)::numeric, 2) end,
       case when u < 0.6 then at + pg_temp.r(id, 84) * interval '29 days' end
\if :has_due
    , at + interval '30 days'
\endif
from take order by id;
\endif

\if :has_phishing
insert into phishing_campaigns (id, company_id, created_by, name, template, difficulty, starts_on, ends_on)
select i, c, (select min(id) from users where company_id = c), 'Campaign ' || i,
       pg_temp.pick('{parcel,payroll,shared document,voicemail,CEO request,QR code}', pg_temp.r(i, 91)), 1 + floor(pg_temp.r(i, 92) * 5)::int,
       d, case when pg_temp.r(i, 93) < 0.9 then d + 14 end
from (select i, 1 + floor(pg_temp.r(i, 94) * :companies)::bigint as c, date '2025-03-15' + floor(pg_temp.r(i, 95) * 220)::int as d
      from generate_series(1, :campaigns) i) x;

insert into phishing_events (id, campaign_id, user_id, kind, at, ip, user_agent, details)
select i, c.id, 1 + floor(pg_temp.r(i, 102) * :users)::bigint, k,
       c.starts_on + pg_temp.r(i, 104) * interval '14 days',
       case when k <> 'sent' then format('%s.%s.%s.%s', 10 + floor(pg_temp.r(i, 105) * 180)::int, floor(pg_temp.r(i, 106) * 255)::int, floor(pg_temp.r(i, 107) * 255)::int, 1 + floor(pg_temp.r(i, 108) * 250)::int)::inet end,
       case when k <> 'sent' then pg_temp.pick('{Mozilla/5.0 (Windows NT 10.0; Win64; x64),Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5),Mozilla/5.0 (iPhone; CPU iPhone OS 18_0),Outlook/16.0}', pg_temp.r(i, 109)) end,
       case when k in ('clicked', 'submitted') then jsonb_build_object('seconds', round((pg_temp.r(i, 110) * 900)::numeric, 1), 'fields', case when k = 'submitted' then '["user", "password"]'::jsonb else '[]' end) else '{}' end
from (select i, 1 + floor(pg_temp.r(i, 101) * :campaigns)::bigint as c, pg_temp.pick('{sent,sent,sent,sent,opened,opened,clicked,submitted,reported}', pg_temp.r(i, 103)) as k
      from generate_series(1, :events) i) x
join phishing_campaigns c on c.id = x.c
order by i;
\endif

insert into audit_log (id, company_id, actor_id, action, object, before, after, at) overriding system value
select i, u.company_id, case when pg_temp.r(i, 121) < 0.9 then u.id end,
       pg_temp.pick('{user.login,user.login,user.update,course.publish,campaign.start,report.export,user.invite}', pg_temp.r(i, 122)),
       case when pg_temp.r(i, 123) < 0.6 then 'user/' || u.id end,
       case when pg_temp.r(i, 124) < 0.2 then jsonb_build_object('role', 'learner', 'seats', floor(pg_temp.r(i, 125) * 90)) end,
       case when pg_temp.r(i, 124) < 0.3 then jsonb_build_object('role', 'manager', 'note', E'two\nlines, "quoted" \\ slash') end,
       timestamptz '2025-01-21' + pg_temp.r(i, 126) * interval '300 days'
from generate_series(1, :audits) i join users u on u.id = 1 + floor(pg_temp.r(i, 127) * :users)::bigint
order by i;

\o /dev/null
-- Sequences go on where the rows end.
select format('select setval(%L, max(id)) from %I', pg_get_serial_sequence(attrelid::regclass::text, attname), relname)
from pg_attribute join pg_class on pg_class.oid = attrelid
where attidentity <> '' and relnamespace = 'public'::regnamespace and relkind = 'r'
\gexec
commit;
analyze;
