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

#include "core/log.h"
#include "migration/plan.h"
#include "migration/project.h"
#include "migration/render.h"

static char folder[] = "/tmp/mig-render.XXXXXX";
static char command[100];

/* The child is a shell script: BODY. */
static void child(const char *body)
{
    char path[80];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/run me", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    fclose(f);
    assert_int_equal(chmod(path, 0700), 0);
    (void)snprintf(command, sizeof(command), "'%s'", path);
}

static int setup(void **state)
{
    log_init("test", LOG_ERROR);
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state)
{
    char path[80];

    (void)snprintf(path, sizeof(path), "%s/run me", folder);
    (void)unlink(path);
    return rmdir(folder);
}

/* What the child is called with, each argument in brackets. */
static void called(const char *before, const char *config, const char *given, const char *name, int up, const char *want)
{
    char ini[40];
    struct project p = {0};
    struct plan_request r = {0};
    struct rendering out;
    struct err err = {0};
    char whole[200];

    child("for a in \"$@\"; do printf '[%s]' \"$a\"; done");
    (void)snprintf(whole, sizeof(whole), "%s%s", command, before);
    if (config != NULL)
        p.config = strcpy(ini, config);
    r.alembic_command = whole;
    r.alembic_config = given;
    r.alembic_name = name;
    assert_int_equal(render_run(&r, &p, up, "a:b", &out, &err), 0);
    assert_int_equal(out.status, 0);
    assert_null(out.complaint);
    assert_string_equal(out.sql.data, want);
    rendering_free(&out);
}

static void test_arguments(void **state)
{
    called("", NULL, NULL, NULL, 1, "[upgrade][--sql][a:b]");
    /* a command of the user's own knows its alembic.ini, unless told */
    called("", "x.ini", NULL, NULL, 0, "[downgrade][--sql][a:b]");
    called("", "x y.ini", "x y.ini", NULL, 0, "[-c][x y.ini][downgrade][--sql][a:b]");
    called(" -cz.ini", "x.ini", "x.ini", NULL, 0, "[-cz.ini][downgrade][--sql][a:b]");
    called(" --config=z.ini", "x.ini", "x.ini", NULL, 0, "[--config=z.ini][downgrade][--sql][a:b]");
    called(" --configure", "x.ini", "x.ini", NULL, 0, "[--configure][-c][x.ini][downgrade][--sql][a:b]");
    called(" -x 'k=a b'", NULL, NULL, "prod", 1, "[-x][k=a b][-n][prod][upgrade][--sql][a:b]");
    called(" --name other", NULL, NULL, "prod", 1, "[--name][other][upgrade][--sql][a:b]");
}

static int fails(const char *body, const char *complaint)
{
    struct project p = {0};
    struct plan_request r = {0};
    struct rendering out;
    struct err err = {0};
    int status;

    child(body);
    r.alembic_command = command;
    assert_int_equal(render_run(&r, &p, 0, "a:b", &out, &err), 0);
    if (out.status != 0)
        assert_int_equal(out.sql.len, 0); /* half a script is none */
    if ((complaint == NULL) != (out.complaint == NULL) || (complaint != NULL && strcmp(complaint, out.complaint) != 0))
        fail_msg("%s: %s", body, out.complaint != NULL ? out.complaint : "(null)");
    status = out.status;
    rendering_free(&out);
    return status;
}

static void test_failures(void **state)
{
    assert_int_equal(fails("echo 'DROP TABLE t;'; exit 3", NULL), 3);
    assert_int_equal(fails("printf 'Traceback\\n  File x\\nKeyError: 1\\n\\n' >&2; exit 1", "KeyError: 1"), 1);
    assert_int_equal(fails("printf 'E: real\\n(Background on this error at: http)\\nINFO  [alembic] x\\n' >&2; exit 1", "E: real"), 1);
    assert_int_equal(fails("printf 'INFO  [alembic] x\\n' >&2; exit 1", NULL), 1);
    assert_int_equal(fails("printf '  FAILED: no such thing\\r\\nmore\\n'; exit 255", "no such thing"), 255);
    /* what it says on standard error comes first */
    assert_int_equal(fails("echo 'FAILED: a'; echo b >&2; exit 1", "b"), 1);
    assert_int_equal(fails("echo 'FAILED: not, it is SQL'; exit 0", NULL), 0);
    assert_int_equal(fails("kill -9 $$", NULL), 128 + 9);
    assert_int_equal(fails("test -z \"$(cat)\" && exit 4", NULL), 4); /* nobody answers its questions */
}

static void test_long_complaint(void **state)
{
    struct project p = {0};
    struct plan_request r = {0};
    struct rendering out;
    struct err err = {0};

    child("printf 'x%0600d' 1 >&2; exit 1");
    r.alembic_command = command;
    assert_int_equal(render_run(&r, &p, 0, "a:b", &out, &err), 0);
    assert_int_equal(strlen(out.complaint), 400);
    rendering_free(&out);
}

static void test_no_child(void **state)
{
    struct project p = {0};
    struct plan_request r = {0};
    struct rendering out;
    struct err err = {0};

    r.alembic_command = "/nowhere/at/all";
    assert_int_equal(render_run(&r, &p, 0, "a:b", &out, &err), -1);
    assert_non_null(strstr(err.hint, "--alembic-command"));
    rendering_free(&out);
    err_clear(&err);
    r.alembic_command = "alembic 'x";
    assert_int_equal(render_run(&r, &p, 0, "a:b", &out, &err), -1);
    assert_non_null(strstr(err.message, "--alembic-command"));
    rendering_free(&out);
}

static void test_online(void **state)
{
    static const char *const more[] = {"MIG_TEST_WORD=seen", NULL};
    struct project p = {0};
    struct plan_request r = {0};
    struct rendering out;
    struct err err = {0};

    child("printf '%s %s' \"$MIG_TEST_WORD\" \"$*\"; exit 2");
    r.alembic_command = command;
    assert_int_equal(render_online(&r, &p, 0, "ae10", more, 0, &out, &err), 0);
    assert_int_equal(out.status, 2);
    assert_string_equal(out.sql.data, "seen downgrade ae10"); /* kept: it tells how far it came */
    rendering_free(&out);
    assert_int_equal(render_online(&r, &p, 1, NULL, NULL, 0, &out, &err), 0);
    assert_string_equal(out.sql.data, " current");
    rendering_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_failures), cmocka_unit_test(test_long_complaint),
        cmocka_unit_test(test_no_child),  cmocka_unit_test(test_online),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
