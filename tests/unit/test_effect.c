#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "script/effect.h"
#include "script/statement.h"

/* "kind object[flags]" for each effect, with "; " between. */
static char *tell(const char *sql)
{
    static const struct {
        unsigned flag;
        char letter;
    } letters[] = {
        {EFFECT_OWN, 'o'},   {EFFECT_CASCADE, 'c'}, {EFFECT_IF_EXISTS, 'i'}, {EFFECT_CONCURRENTLY, 'k'},
        {EFFECT_WHOLE, 'w'}, {EFFECT_ONLY, '1'},    {EFFECT_VERSION, 'v'},   {EFFECT_GONE, 'g'},
    };
    struct err err = {0};
    struct script *s = script_read(sql, strlen(sql), "x.sql", SCRIPT_WHOLE, &err);
    struct effects *e = s == NULL ? NULL : effects_find(s, NULL, &err);
    struct buf b = {0};
    size_t i, k;

    if (e == NULL)
        fail_msg("%s: %s", sql, err.message);
    for (i = 0; e != NULL && i < e->count; i++) {
        const struct effect *x = &e->items[i];
        char *object = effect_object(x);

        assert_int_equal(buf_addf(&b, &err, "%s%s %s", i == 0 ? "" : "; ", effect_name(x->kind),
                                  object),
                         0);
        for (k = 0; k < sizeof(letters) / sizeof(letters[0]); k++)
            if (x->flags & letters[k].flag)
                assert_int_equal(buf_addf(&b, &err, "%s%c", "/", letters[k].letter), 0);
        free(object);
    }
    effects_free(e);
    script_free(s);
    return buf_take(&b, &err);
}

static const struct {
    const char *sql, *want;
} cases[] = {
    {"drop table a.b, c cascade", "drop-table a.b/c; drop-table c/c"},
    {"drop table if exists a", "drop-table a/i"},
    {"alter table only t drop column if exists c cascade", "drop-column t.c/c/i/1"},
    {"alter table t drop column a, drop b", "drop-column t.a; drop-column t.b"},
    {"drop schema s cascade", "drop-schema s/c"},
    {"drop type e", "drop-type e"},
    {"drop domain s.d cascade", "drop-type s.d/c"},
    {"drop extension x cascade", "drop-extension x/c"},
    {"drop sequence s", "drop-sequence s"},
    {"drop materialized view m", "drop-materialized-view m"},
    {"drop database d", "drop-database d"},
    {"drop owned by r cascade", "drop-owned DropOwnedStmt"},
    {"alter table t alter c type int using c::int", "alter-column-type t.c"},
    {"truncate a, only b cascade", "truncate a/c; truncate b/c/1"},
    {"delete from t", "delete t/w"},
    {"delete from t where x = 1", "delete t"},
    {"update t set a = 1, b = 2 where x", "update t.a; update t.b"},
    {"with d as (delete from t returning *) insert into u select * from d", "insert u; delete t/w"},
    {"with d as (update t set a = 1 returning *) select * from d", "update t.a/w"},
    {"insert into t select f(x) from u", "insert t; opaque f; read u"},
    {"insert into t select lower(x), nextval('s') from u", "insert t; read u"},
    {"select purge_users()", "opaque purge_users"},
    {"select count(*) from t", "read t"},
    {"select set_config('search_path', '', false)", "set search_path"},
    {"merge into t using s on true when matched then delete", "merge t; read s"},
    {"copy t from '/x'", "copy-in t"},
    {"copy t to program 'x'", "opaque t"},
    {"do $$ begin end $$", "opaque DO"},
    {"call p()", "opaque CALL"},
    {"foo bar", "unknown syntax error at or near \"foo\""},
    /* the shadow */
    {"create table t (a int); drop table t", "create-table t; drop-table t/o"},
    {"create table if not exists t (a int); drop table t", "create-table t/i; drop-table t"},
    {"create table s.t (a int); drop table t", "create-table s.t; drop-table t"},
    {"create table t (a int); rollback; drop table t",
     "create-table t; transaction TRANS_STMT_ROLLBACK; drop-table t"},
    {"create table t (a int); alter table t rename to u; drop table u",
     "create-table t; rename-table t/o; drop-table u/o"},
    {"alter table t rename to u; drop table u", "rename-table t; drop-table t"},
    {"alter table t rename to u; alter table u rename to v; alter table v drop column c",
     "rename-table t; rename-table t; drop-column t.c"},
    {"alter table t rename to u; create table t (a int); drop table t; drop table u",
     "rename-table t; create-table t/g; drop-table t/o; drop-table t"},
    {"alter table t rename a to b; alter table t drop b; alter table t drop a",
     "rename-column t.a; drop-column t.a; drop-column t.a/g"},
    {"alter table t rename a to b; alter table t rename to u; alter table u drop b",
     "rename-column t.a; rename-table t; drop-column t.a"},
    {"alter table t add c int; alter table t drop c", "add-column t.c; drop-column t.c/o"},
    {"alter table t add if not exists c int; alter table t drop c",
     "add-column t.c/i; drop-column t.c"},
    {"alter table t set schema x; drop table x.t", "rename-table t; drop-table t"},
    {"create schema x; alter table t set schema x; drop schema x cascade",
     "create x; rename-table t; drop-schema x/o/c; drop-table t/c"},
    {"alter schema a rename to b; drop table b.t", "rename a; drop-table a.t"},
    {"alter type e rename to e_old; create type e as enum ('a'); drop type e_old",
     "rename e; create e; drop-type e"},
    {"create table t (a int); set search_path = x; drop table t",
     "create-table t; set search_path; drop-table t"},
    {"create table t (a int); do $$ begin end $$; drop table t",
     "create-table t; opaque DO; drop-table t"},
    {"create table t (a int references p); create index i on t (a); drop index i",
     "create-table t; add-constraint t.a/o; create-index t/o; drop-index i/o"},
    {"update alembic_version set version_num = 'x'", "update alembic_version.version_num/w/v"},
    {"drop index concurrently i", "drop-index i/k"},
    {"create index concurrently i on t (a)", "create-index t/k"},
    {"drop trigger g on s.t", "drop-trigger s.t"},
    {"select * into u from t; drop table u", "create-table u; read t; drop-table u/o"},
    {"create table u as select * from t; drop table u",
     "create-table u; read t; drop-table u/o"},
};

static void told(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *got = tell(cases[i].sql);

        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s\n  is:     %s\n  wanted: %s", cases[i].sql, got, cases[i].want);
        free(got);
    }
}

static void expressions(void **state)
{
    const char *sql = "alter table t alter c type numeric(10,2) using c::numeric + 1, "
                      "add check (a > 0); delete from t where a < 5;"
                      "alter table t add d int default 4 not null";
    struct err err = {0};
    struct script *s = script_read(sql, strlen(sql), "x.sql", SCRIPT_WHOLE, &err);
    struct effects *e = effects_find(s, NULL, &err);
    static const char *const want[] = {"c::numeric + 1", "a > 0", "a < 5", "4"};
    size_t i;
    char *x;

    (void)state;
    assert_int_equal(e->count, 4);
    for (i = 0; i < 4; i++) {
        x = effect_expression(&e->items[i]);
        assert_string_equal(x, want[i]);
        free(x);
    }
    x = effect_type(&e->items[0]);
    assert_string_equal(x, "numeric(10, 2)");
    free(x);
    effects_free(e);
    script_free(s);
}

static void deferred_not_null(void **state)
{
    static const struct {
        const char *sql, *first, *after;
    } rewrites[] = {
        {"alter table t add a int not null", "ALTER TABLE t ADD COLUMN a int",
         "ALTER TABLE \"t\" ALTER COLUMN \"a\" SET NOT NULL"},
        {"alter table s.t add a int not null, add \"B\" varchar(3) check (true) not null, add c int "
         "not null default 1",
         "ALTER TABLE s.t ADD COLUMN a int, ADD COLUMN \"B\" varchar(3) CHECK (true), ADD COLUMN c "
         "int NOT NULL DEFAULT 1",
         "ALTER TABLE \"s\".\"t\" ALTER COLUMN \"a\" SET NOT NULL, ALTER COLUMN \"B\" SET NOT NULL"},
        {"alter table t add a serial not null", NULL, NULL},
        {"alter table t add a int generated always as identity not null", NULL, NULL},
        {"drop table t", NULL, NULL},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rewrites) / sizeof(rewrites[0]); i++) {
        struct err err = {0};
        struct script *s = script_read(rewrites[i].sql, strlen(rewrites[i].sql), "x", SCRIPT_WHOLE,
                                       &err);
        char *first = NULL, *after = NULL;

        assert_int_equal(effect_defer_not_null(&s->statements[0], &first, &after, &err), 0);
        if (rewrites[i].first == NULL) {
            assert_null(first);
            assert_null(after);
        } else {
            assert_string_equal(first, rewrites[i].first);
            assert_string_equal(after, rewrites[i].after);
        }
        free(first);
        free(after);
        script_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told),
        cmocka_unit_test(expressions),
        cmocka_unit_test(deferred_not_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
