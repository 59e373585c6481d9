#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cli.h"
#include "core/report.h"

static char folder[] = "/tmp/mig-report.XXXXXX";
static const char *const names[] = {"text", "json", NULL};

static void test_file(void **state)
{
    char word[128], path[96];
    const char *items[] = {"text", word};
    const struct cli_list list = {items, 2};
    struct report r;
    json_t *empty;
    struct err err = {0};
    struct stat st;

    snprintf(path, sizeof(path), "%s/out.json", folder);
    snprintf(word, sizeof(word), "json=%s", path);
    assert_int_equal(report_open(&r, &list, names, &err), 0);
    assert_int_equal(r.count, 2);
    assert_true(report_wants(&r, 1));
    assert_int_not_equal(access(path, F_OK), 0); /* not there before it is whole */
    empty = json_object();
    assert_int_equal(report_json(r.outputs[1].out, empty, &err), 0);
    json_decref(empty);
    assert_int_equal(report_close(&r, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);

    assert_int_equal(report_open(&r, &list, names, &err), 0);
    fputs("half", r.outputs[1].out);
    report_discard(&r);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3); /* the old one stands */

    setenv("GITHUB_STEP_SUMMARY", path, 1);
    assert_int_equal(report_open(&r, &list, names, &err), 0);
    fputs("more\n", r.outputs[1].out);
    assert_int_equal(report_close(&r, &err), 0);
    unsetenv("GITHUB_STEP_SUMMARY");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 8);
    unlink(path);
}

static void refuse(const char *a, const char *b, const char *say)
{
    const char *items[] = {a, b};
    const struct cli_list list = {items, b != NULL ? 2 : 1};
    struct report r;
    struct err err = {0};

    assert_int_equal(report_open(&r, &list, names, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    if (strstr(err.message, say) == NULL)
        fail_msg("got \"%s\"", err.message);
}

static void test_refusals(void **state)
{
    refuse("xml", NULL, "unknown format \"xml\"");
    refuse("text", "json", "standard output");
    refuse("json=", NULL, "needs a file");
    refuse("json=/dev/null/x", NULL, "/dev/null/x");
}

static void test_words(void **state)
{
    char t[32];

    assert_string_equal(report_count(0, t), "0");
    assert_string_equal(report_count(999, t), "999");
    assert_string_equal(report_count(48213, t), "48 213");
    assert_string_equal(report_count(1234567, t), "1 234 567");
    {
        char things[64];

        assert_string_equal(report_things(0, "row", things), "0 rows");
        assert_string_equal(report_things(1, "row", things), "1 row");
        assert_string_equal(report_things(48213, "non-null value", things), "48 213 non-null values");
    }
    assert_string_equal(report_bytes(1, t), "1 byte");
    assert_string_equal(report_bytes(999, t), "999 bytes");
    assert_string_equal(report_bytes(1200, t), "1.2 kB");
    assert_string_equal(report_bytes(999999, t), "1.0 MB");
    assert_string_equal(report_bytes(660000000, t), "660 MB");
    assert_string_equal(report_duration(250, t), "250 ms");
    assert_string_equal(report_plain("a\nb\033[2J\302\233\303\251", t, sizeof(t)), "a\\nb\\x1b[2J\\x9b\303\251");
    assert_int_equal(strlen(report_plain("0123456789012345678901234567890123456789", t, 16)) < 16, 1);
    assert_string_equal(report_duration(2500, t), "2.5 s");
    assert_string_equal(report_duration(125000, t), "2 min 5 s");
    assert_string_equal(report_duration(90000000, t), "1 d 1 h");
}

static int setup(void **state)
{
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
