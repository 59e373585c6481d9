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

#include "core/buf.h"
#include "core/log.h"
#include "migration/history.h"
#include "migration/project.h"
#include "migration/revision.h"
#include "migration/route.h"
#include "migration/steps.h"
#include "script/statement.h"

static char folder[] = "/tmp/mig-steps.XXXXXX";
static char program[80], calls[80];

#define HEAD "revision = '%s'\ndown_revision = %s\n"

/* a <- b <- c, with these downgrades. */
static struct history *build(const char *const downgrades[3])
{
    static const char *const ids[] = {"a", "b", "c"}, *const downs[] = {"None", "'a'", "'b'"};
    struct revision **list = calloc(4, sizeof(*list));
    static struct tokens t;
    struct err err = {0};
    struct history *h;

    for (size_t i = 0; i < 3; i++) {
        struct buf b = {0};

        assert_int_equal(buf_addf(&b, &err, HEAD "def upgrade():\n    op.f()\ndef downgrade():\n    %s\n", ids[i],
                                  downs[i], downgrades[i]), 0);
        list[i] = revision_read(b.data, b.len, ids[i], &t, &err);
        assert_non_null(list[i]);
        buf_free(&b);
    }
    h = history_new(list, 3, &err);
    assert_non_null(h);
    tokens_free(&t);
    return h;
}

/* The child is a shell script that answers each range. */
static void child(const char *cases)
{
    FILE *f = fopen(program, "w");

    assert_non_null(f);
    fprintf(f, "#!/bin/sh\necho \"$3\" >>%s\ncase $3 in\n%s\nesac\n", calls, cases);
    fclose(f);
    assert_int_equal(chmod(program, 0700), 0);
    (void)unlink(calls);
}

static const char *called(void)
{
    static char text[200];
    FILE *f = fopen(calls, "r");
    size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;

    text[n] = '\0';
    for (char *c = text; *c != '\0'; c++)
        *c = (char)(*c == '\n' ? ' ' : *c);
    if (f != NULL)
        fclose(f);
    return text;
}

static int setup(void **state)
{
    log_init("test", LOG_ERROR);
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(program, sizeof(program), "%s/alembic", folder);
    (void)snprintf(calls, sizeof(calls), "%s/calls", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)unlink(program);
    (void)unlink(calls);
    return rmdir(folder);
}

struct made {
    struct plan plan;
    struct version_name name;
    struct err err;
    int rc;
};

/* Down from c to base. */
static void make(struct history *h, int no_sql, struct made *m)
{
    static char row[] = "c";
    static char *const rows[] = {row, NULL};
    const int nodes[] = {history_find(h, "c"), history_find(h, "b"), history_find(h, "a")};
    struct plan_request r = {0};
    struct project p = {0};
    struct steps_request q = {0};

    memset(m, 0, sizeof(*m));
    r.alembic_command = program;
    r.no_sql = no_sql;
    q.plan = &r;
    q.project = &p;
    q.history = h;
    q.name = &m->name;
    q.on_server = 1;
    q.rows = rows;
    q.nodes = nodes;
    q.count = 3;
    m->rc = steps_make(&q, &m->plan, &m->err);
}

static void drop(struct history *h, struct made *m)
{
    struct plan *p = malloc(sizeof(*p)); /* plan_free frees it too */

    assert_non_null(p);
    *p = m->plan;
    plan_free(p);
    version_name_free(&m->name);
    history_free(h);
}

#define C_TO_B "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'c';"
#define B_TO_A "UPDATE alembic_version SET version_num='a' WHERE alembic_version.version_num = 'b';"
#define A_TO_BASE "DELETE FROM alembic_version WHERE alembic_version.version_num = 'a';"

static void test_together(void **state)
{
    static const char *const code[] = {"op.x()", "op.y()", "op.z()"};
    struct history *h = build(code);
    struct made m;

    child("c:base) echo \"BEGIN; DROP TABLE z; " C_TO_B " DROP TABLE y; " B_TO_A " DROP TABLE x; " A_TO_BASE
          " COMMIT;\" ;;\n*) exit 1 ;;");
    make(h, 0, &m);
    if (m.rc != 0)
        fail_msg("%s", m.err.message);
    assert_string_equal(called(), "c:base "); /* one start of Python for all of it */
    assert_int_equal(m.plan.nsteps, 3);
    assert_string_equal(m.plan.steps[0].revision, "c");
    assert_string_equal(m.plan.steps[0].script->statements[0].text, "DROP TABLE z");
    assert_int_equal(m.plan.steps[1].script->count, 2);
    assert_string_equal(m.plan.steps[1].script->statements[0].text, "DROP TABLE y");
    assert_string_equal(m.plan.steps[1].before[0], "b");
    assert_string_equal(m.plan.steps[1].after[0], "a");
    assert_non_null(strstr(m.plan.steps[2].script->text, "DELETE FROM"));
    assert_null(m.plan.to[0]);
    assert_string_equal(m.name.table, "alembic_version");
    drop(h, &m);
}

static void test_empty_and_raising(void **state)
{
    static const char *const code[] = {"pass", "raise NotImplementedError('no')", "op.z()"};
    struct history *h = build(code);
    struct made m;

    child("c:c@b) echo \"BEGIN; DROP TABLE z; " C_TO_B " COMMIT;\" ;;\n*) exit 1 ;;");
    make(h, 0, &m);
    if (m.rc != 0)
        fail_msg("%s", m.err.message);
    assert_string_equal(called(), "c:c@b "); /* nothing is asked for what does nothing, or raises */
    assert_int_equal(m.plan.steps[0].irreversible, 0);
    assert_int_equal(m.plan.steps[1].irreversible, 1);
    assert_null(m.plan.steps[1].script);
    assert_int_equal(m.plan.steps[2].irreversible, 1); /* what upgrade() did stays */
    assert_int_equal(m.plan.steps[2].script->count, 1); /* its version row alone */
    assert_non_null(strstr(m.plan.steps[2].script->text, "DELETE"));
    drop(h, &m);
}

static void test_files_alone(void **state)
{
    static const char *const code[] = {"op.x('a\tb')", "op.y()", "op.execute('DROP INDEX CONCURRENTLY i')"};
    struct history *h = build(code);
    struct made m;

    child("*) exit 1 ;;");
    make(h, 1, &m);
    assert_int_equal(m.rc, 0);
    assert_string_equal(called(), "");
    assert_null(m.plan.steps[0].script);
    assert_true(m.plan.steps[0].autocommit > 0);
    assert_null(m.plan.steps[1].warning);
    assert_non_null(strstr(m.plan.steps[2].warning, "a tab inside a string"));
    assert_null(m.plan.to[0]);
    drop(h, &m);
}

static void test_asks_the_database(void **state)
{
    static const char *const code[] = {"op.x()", "op.get_bind().execute('q')", "op.z()"};
    struct history *h = build(code);
    struct made m;

    child("c:base) echo \"BEGIN; DROP TABLE z; " C_TO_B " SELECT id FROM t; " B_TO_A " DROP TABLE x; " A_TO_BASE
          " COMMIT;\" ;;\n*) exit 1 ;;");
    make(h, 0, &m);
    assert_int_equal(m.rc, 0);
    assert_int_equal(m.plan.steps[0].online_only, 0);
    assert_int_equal(m.plan.steps[1].online_only, 1);
    assert_non_null(strstr(m.plan.steps[1].online_why, "get_bind"));
    assert_null(m.plan.steps[1].script);
    assert_int_equal(m.plan.steps[2].online_only, 0);
    drop(h, &m);
}

static void test_cannot_render(void **state)
{
    static const char *const code[] = {"op.x()", "op.y()", "op.z()"};
    struct history *h = build(code);
    struct made m;

    /* whatever is asked, even an empty range: it is no revision's fault */
    child("*) echo 'KeyError: DATABASE' >&2; exit 1 ;;");
    make(h, 0, &m);
    assert_int_equal(m.rc, -1);
    assert_int_equal(m.err.kind, ERR_FAILED);
    assert_non_null(strstr(m.err.message, "KeyError: DATABASE"));
    drop(h, &m);
}

static void test_one_cannot_be_rendered(void **state)
{
    static const char *const code[] = {"op.x()", "op.y()", "op.z()"};
    struct history *h = build(code);
    struct made m;

    child("c:c@b) echo \"BEGIN; DROP TABLE z; " C_TO_B " COMMIT;\" ;;\nb:b) ;;\n"
          "a:base|a:a@base) echo \"BEGIN; DROP TABLE x; " A_TO_BASE " COMMIT;\" ;;\n"
          "*) echo 'ValueError: y' >&2; exit 1 ;;");
    make(h, 0, &m);
    if (m.rc != 0)
        fail_msg("%s", m.err.message);
    assert_non_null(m.plan.steps[0].script);
    assert_int_equal(m.plan.steps[1].online_only, 1);
    assert_non_null(strstr(m.plan.steps[1].online_why, "ValueError: y"));
    assert_non_null(m.plan.steps[2].script);
    drop(h, &m);
}

static void test_disagree(void **state)
{
    static const char *const code[] = {"op.x()", "op.y()", "op.z()"};
    struct history *h = build(code);
    struct made m;

    /* it runs, and what it prints is not of these files: never half of it */
    child("a:a|b:b|c:c) printf 'BEGIN;\\n\\nCOMMIT;\\n' ;;\n*) echo 'BEGIN; DROP TABLE z; COMMIT;' ;;");
    make(h, 0, &m);
    assert_int_equal(m.rc, -1);
    assert_non_null(strstr(m.err.message, "disagree"));
    drop(h, &m);
    /* where nothing is to be rendered and something is printed, it is env.py's */
    h = build(code);
    child("a:a|b:b|c:c) printf 'hello\\n\\nBEGIN;\\n\\nCOMMIT;\\nbye\\n' ;;\n*) echo 'BEGIN; DROP TABLE z; COMMIT;' ;;");
    make(h, 0, &m);
    assert_int_equal(m.rc, -1);
    assert_non_null(strstr(m.err.message, "env.py prints to standard output (2 lines)"));
    assert_null(strstr(m.err.message, "hello"));
    drop(h, &m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together),      cmocka_unit_test(test_empty_and_raising),
        cmocka_unit_test(test_files_alone),   cmocka_unit_test(test_asks_the_database),
        cmocka_unit_test(test_cannot_render), cmocka_unit_test(test_one_cannot_be_rendered),
        cmocka_unit_test(test_disagree),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
