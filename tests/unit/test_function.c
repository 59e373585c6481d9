#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The lists themselves: they are searched by halves, so one name out of place hides others. */
#include "script/function.c"

static void sorted(const char *const *list, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (strcmp(list[i - 1], list[i]) >= 0)
            fail_msg("%s stands before %s", list[i - 1], list[i]);
    }
}

static void test_order(void **state)
{
    sorted(builtin, sizeof(builtin) / sizeof(builtin[0]));
    sorted(extension, sizeof(extension) / sizeof(extension[0]));
}

static void test_harmless(void **state)
{
    static const struct {
        const char *schema, *name;
        int harmless;
    } cases[] = {
        {NULL, "abbrev", 1},            /* the first */
        {NULL, "xpath_exists", 1},      /* the last */
        {NULL, "now", 1},
        {"pg_catalog", "setval", 1},
        {"app", "now", 0},              /* somebody's own, by a known name */
        {"app", "uuid_generate_v4", 1}, /* an extension may be anywhere */
        {"postgis", "st_area", 0},      /* any user may have an st_purge */
        {NULL, "delete", 0},            /* hstore has one, and so may a user */
        {NULL, "slice", 0},
        {NULL, "NOW", 0},               /* quoted: another name */
        {NULL, "no", 0},
        {NULL, "nowx", 0},
        {NULL, "", 0},
        /* built in, and not harmless */
        {NULL, "lo_unlink", 0},
        {NULL, "lo_import", 0},
        {NULL, "lo_put", 0},
        {NULL, "query_to_xml", 0},
        {NULL, "cursor_to_xml", 0},
        {NULL, "ts_stat", 0},
        {NULL, "pg_terminate_backend", 0},
        {NULL, "pg_cancel_backend", 0},
        {NULL, "pg_drop_replication_slot", 0},
        {NULL, "pg_switch_wal", 0},
        {NULL, "pg_reload_conf", 0},
        {NULL, "pg_file_write", 0},
        {NULL, "dblink_exec", 0},
        {"pg_catalog", "lo_unlink", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (function_harmless(cases[i].schema, cases[i].name) != cases[i].harmless)
            fail_msg("%s.%s", cases[i].schema != NULL ? cases[i].schema : "", cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_harmless)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
