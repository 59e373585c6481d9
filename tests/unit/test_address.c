#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/address.h"
#include "pg/conn.h"

static void clean_environment(void)
{
    static const char *const names[] = {"MIG_DATABASE_URL", "DATABASE_URL", "PGHOST", "PGHOSTADDR",
                                        "PGDATABASE", "PGSERVICE", "PGUSER", "PGPORT"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(unsetenv(names[i]), 0);
}

/* "user=u host=h ..." of the keywords that matter here, for one assertion per URL. */
static void show(const struct address *a, char *out, size_t size)
{
    static const char *const keys[] = {"user", "password", "host", "port", "dbname", "sslmode",
                                       "connect_timeout", "application_name", "options"};
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *v = address_get(a, keys[i]);

        if (v != NULL)
            n += (size_t)snprintf(out + n, size - n, "%s%s=%s", n > 0 ? " " : "", keys[i], v);
    }
}

static const struct {
    const char *url, *expected;
} good[] = {
    {"postgresql://u:p@h:5433/d", "user=u password=p host=h port=5433 dbname=d"},
    {"postgres://h/d", "host=h dbname=d"},
    {"postgresql://", ""},
    {"postgresql:///d?host=/run/pg&port=7", "host=/run/pg port=7 dbname=d"},
    {"postgresql://u@h1:1,h2:2/d", "user=u host=h1,h2 port=1,2 dbname=d"},
    {"postgresql://[::1]:5/d", "host=::1 port=5 dbname=d"},
    {"postgresql+psycopg2://u:p@h/d", "user=u password=p host=h dbname=d"},
    {"postgresql+psycopg2://u:p%40s%2Fs@h/d", "user=u password=p@s/s host=h dbname=d"},
    {"postgresql+psycopg2://u:p/w?x@h/d", "user=u password=p/w?x host=h dbname=d"},
    {"postgresql+psycopg2://u:a:b@h/d", "user=u password=a:b host=h dbname=d"},
    {"postgresql+psycopg://u@[2001:db8::1]:5/d", "user=u host=2001:db8::1 port=5 dbname=d"},
    {"postgresql+asyncpg://u@h/d?ssl=require", "user=u host=h dbname=d sslmode=require"},
    {"postgresql+asyncpg://u@h/d?ssl=true", "user=u host=h dbname=d sslmode=require"},
    {"postgresql+asyncpg://u@h/d?ssl=false&timeout=3",
     "user=u host=h dbname=d sslmode=disable connect_timeout=3"},
    {"postgresql://u@h/d?ssl=verify-full", "user=u host=h dbname=d sslmode=verify-full"},
    {"postgresql+asyncpg://u@h/d?prepared_statement_cache_size=0&statement_cache_size=0",
     "user=u host=h dbname=d"},
    {"postgresql+psycopg2://u@/d?host=/tmp/a+b", "user=u host=/tmp/a b dbname=d"},
    {"postgresql+psycopg2://u@/d?host=a:1&host=b:2", "user=u host=a,b port=1,2 dbname=d"},
    {"postgresql+psycopg2://u@/d?options=-csearch_path%3Dx", "user=u dbname=d options=-csearch_path=x"},
    {"host=h user=u password='a b'", "user=u password=a b host=h"},
    {"plain", "dbname=plain"},
    {"host=h options='-c x=a://b'", "host=h options=-c x=a://b"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct address a = {0};
        struct err err = {0};
        char got[512];

        if (address_parse(good[i].url, "--dbname", &a, &err) != 0)
            fail_msg("%s: %s", good[i].url, err.message);
        show(&a, got, sizeof(got));
        if (strcmp(got, good[i].expected) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", good[i].url, got, good[i].expected);
        address_free(&a);
    }
}

static const struct {
    const char *url, *named;
} bad[] = {
    {"mysql://u:sekret@h/d", "mysql"},
    {"mysql+pymysql://u:sekret@h/d", "mysql+pymysql"},
    {"sqlite:///file.db", "sqlite"},
    {"postgresql+asyncpg://u:sekret@h/d?pool_size=5", "pool_size"},
    {"postgresql+nosuch://u:sekret@h/d", "nosuch"},
    {"postgresql+psycopg2://u:sekret@h:12x/d", "port"},
    {"postgresql+psycopg2://u:sekret@[::1/d", "["},
    {"host=h password=two sekret dbname=d", "--dbname"},
    {"host=h pasword=sekret", "--dbname"},
    {"hots=h", "hots"},
    {"postgresql+psycopg2://u%00:sekret@h/d", "%00"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct address a = {0};
        struct err err = {0};

        if (address_parse(bad[i].url, "--dbname", &a, &err) == 0)
            fail_msg("%s was accepted", bad[i].url);
        assert_int_equal(err.kind, ERR_USAGE);
        if (strstr(err.message, bad[i].named) == NULL)
            fail_msg("%s: \"%s\" does not name %s", bad[i].url, err.message, bad[i].named);
        assert_null(strstr(err.message, "sekret"));
        assert_null(strstr(err.hint, "sekret"));
        address_free(&a);
    }
}

static void resolve(const struct conn_options *o, const char *source, const char *expected)
{
    struct address a = {0};
    struct err err = {0};
    char got[512];

    if (address_resolve(o, &a, &err) != 0)
        fail_msg("%s", err.message);
    show(&a, got, sizeof(got));
    assert_string_equal(a.source, source);
    assert_string_equal(got, expected);
    address_free(&a);
}

static void test_order(void **state)
{
    struct conn_options o = {.fallback_url = "postgresql://f/f", .fallback_source = "alembic.ini"};

    (void)state;
    clean_environment();
    resolve(&o, "alembic.ini", "host=f dbname=f");
    assert_int_equal(setenv("PGDATABASE", "p", 1), 0);
    resolve(&o, "$PGDATABASE", "");
    assert_int_equal(setenv("DATABASE_URL", "postgresql+asyncpg://a:x@d/d", 1), 0);
    resolve(&o, "$DATABASE_URL", "user=a password=x host=d dbname=d");
    assert_int_equal(setenv("MIG_DATABASE_URL", "postgresql://m/m", 1), 0);
    resolve(&o, "$MIG_DATABASE_URL", "host=m dbname=m");
    o.host = "flag";
    resolve(&o, "--host", "host=flag");
    o.dbname = "named";
    resolve(&o, "--dbname", "host=flag dbname=named");
    clean_environment();
    resolve(&(struct conn_options){0}, "libpq's defaults", "");
}

static void test_password_stays_with_its_user(void **state)
{
    struct conn_options o = {.user = "other"};

    (void)state;
    clean_environment();
    assert_int_equal(setenv("DATABASE_URL", "postgresql://a:x@d/d", 1), 0);
    resolve(&o, "$DATABASE_URL", "user=other host=d dbname=d");
    o.user = "a";
    o.port = "9";
    resolve(&o, "$DATABASE_URL", "user=a password=x host=d port=9 dbname=d");
    clean_environment();
}

static void test_title_has_no_password(void **state)
{
    struct err err = {0};
    char *title = conn_url_to_conninfo("postgresql+asyncpg://u:sekret@h:1/d?ssl=true", &err);

    (void)state;
    assert_string_equal(title, "u@h:1/d");
    free(title);
    assert_null(conn_url_to_conninfo("mysql://h/d", &err));
    assert_int_equal(err.kind, ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_password_stays_with_its_user),
        cmocka_unit_test(test_title_has_no_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
