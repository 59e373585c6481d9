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

#include "migration/history.h"
#include "migration/revision.h"
#include "migration/scan.h"

static char folder[] = "/tmp/mig-scan.XXXXXX";

static int setup(void **state)
{
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int teardown(void **state)
{
    char command[60];

    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") != 0 || system(command) != 0;
}

static void put(const char *path, const char *id)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fprintf(f, "revision = '%s'\ndown_revision = None\n", id);
    fclose(f);
}

/* The ids, in the order of loading, and the problems' codes. */
static const char *load(const char *a, const char *b, int recursive, int missing_ok)
{
    static char out[1100];
    char one[40], two[40];
    char *dirs[3] = {strcpy(one, a), NULL, NULL};
    struct err err = {0};
    struct history *h;

    if (b != NULL)
        dirs[1] = strcpy(two, b);
    h = scan_load(dirs, recursive, missing_ok, &err);
    if (h == NULL)
        return strcpy(out, err.message);
    out[0] = '\0';
    for (size_t i = 0; i < h->count; i++)
        (void)strcat(strcat(out, h->nodes[i].revision->id), " ");
    for (size_t i = 0; i < h->nproblems; i++)
        (void)strcat(strcat(strcat(out, "!"), h->problems[i].code), " ");
    history_free(h);
    return out;
}

static void test_names(void **state)
{
    assert_int_equal(mkdir("v", 0700), 0);
    put("v/2_b.py", "b");
    put("v/10_a.py", "a");
    put("v/Z.py", "z");
    put("v/__init__.py", "no1");
    put("v/__init__x.py", "no2");
    put("v/.#2_b.py", "no3");
    put("v/c.pyc", "no4");
    put("v/d.py~", "no5");
    put("v/.py", "no6"); /* a dot file with nothing in front */
    put("v/_init_.py", "i");
    assert_string_equal(load("v", NULL, 0, 0), "a b z i "); /* by bytes */
}

static void test_below(void **state)
{
    assert_int_equal(mkdir("r", 0700) | mkdir("r/sub", 0700) | mkdir("r/sub/deep", 0700) | mkdir("r/__pycache__", 0700), 0);
    put("r/z.py", "z");
    put("r/sub/a.py", "a");
    put("r/sub/deep/b.py", "b");
    put("r/__pycache__/c.py", "c");
    assert_int_equal(symlink("sub", "r/link"), 0); /* followed by nobody: else a comes twice, or for ever */
    assert_string_equal(load("r", NULL, 0, 0), "z ");
    assert_string_equal(load("r", NULL, 1, 0), "z a b ");
}

static void test_twice(void **state)
{
    assert_int_equal(mkdir("t", 0700) | mkdir("u", 0700), 0);
    put("t/a.py", "a");
    assert_int_equal(symlink("../t/a.py", "u/b.py"), 0);
    assert_string_equal(load("t", "u", 0, 0), "a !file-twice ");
    assert_string_equal(load("t", "t", 0, 0), "a !file-twice ");
    assert_string_equal(load("u", NULL, 0, 0), "a ");
    /* a link that leads nowhere is a file that cannot be read, and said */
    assert_int_equal(symlink("nowhere.py", "u/dangling.py"), 0);
    assert_string_equal(load("u", NULL, 0, 0), "a !unreadable-file ");
}

static void test_problems(void **state)
{
    FILE *f;

    assert_int_equal(mkdir("p", 0700), 0);
    put("p/a.py", "a");
    put("p/b.py", "a");
    f = fopen("p/c.py", "w");
    assert_non_null(f);
    fputs("revision = make()\ndown_revision = None\n", f);
    fclose(f);
    /* what the files say comes before what the graph says */
    assert_string_equal(load("p", NULL, 0, 0), "a a !needs-python !duplicate-revision ");
}

static void test_missing(void **state)
{
    assert_non_null(strstr(load("gone", NULL, 0, 0), "cannot read the versions folder gone"));
    assert_string_equal(load("gone", NULL, 0, 1), "");
    put("plain", "x");
    assert_non_null(strstr(load("plain", NULL, 0, 1), "cannot read the versions folder plain"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),    cmocka_unit_test(test_below),   cmocka_unit_test(test_twice),
        cmocka_unit_test(test_problems), cmocka_unit_test(test_missing),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
