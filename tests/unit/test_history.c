#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/log.h"
#include "migration/history.h"
#include "migration/revision.h"
#include "migration/route.h"

/* The property test asks thousands of random questions; these few say in words what it checks. */

struct file {
    const char *id, *down, *labels, *depends; /* as Python writes them */
};

static struct history *build(const struct file *files, size_t n)
{
    struct revision **list = calloc(n + 1, sizeof(*list));
    static struct tokens t;
    struct err err = {0};
    struct history *h;

    for (size_t i = 0; i < n; i++) {
        struct buf b = {0};

        assert_int_equal(buf_addf(&b, &err, "revision = '%s'\ndown_revision = %s\nbranch_labels = %s\n"
                                  "depends_on = %s\n", files[i].id,
                                  files[i].down != NULL ? files[i].down : "None",
                                  files[i].labels != NULL ? files[i].labels : "None",
                                  files[i].depends != NULL ? files[i].depends : "None"), 0);
        list[i] = revision_read(b.data, b.len, files[i].id, &t, &err);
        assert_non_null(list[i]);
        buf_free(&b);
    }
    h = history_new(list, n, &err);
    assert_non_null(h);
    tokens_free(&t);
    return h;
}

/* Two branches over a1; web depends on c2. */
static const struct file branches[] = {
    {"a1", NULL, "'core'", NULL},  {"b2f001", "'a1'", NULL, NULL}, {"b2f002", "'b2f001'", NULL, NULL},
    {"c2", "'a1'", "'side'", NULL}, {"d3", NULL, "'web'", "'c2'"},  {"d4", "'d3'", NULL, NULL},
};

static char *rows_of(const struct history *h, const char *list, char **rows)
{
    char *copy = strdup(list), *save = NULL;
    size_t n = 0;

    for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
        rows[n++] = w;
    rows[n] = NULL;
    return copy;
}

/* "x y z -> rows", or the error. */
static const char *go(const struct history *h, int up, const char *from, const char *rev)
{
    static char out[600];
    struct symbol_nodes nodes = {0};
    struct err err = {0};
    char *before[8], *words = rows_of(h, from, before), **now = NULL;

    out[0] = '\0';
    if ((up ? route_up : route_down)(h, before, rev, &nodes, &err) == 0)
        now = rows_copy(before, &err);
    for (size_t i = 0; i < nodes.count && err.kind == ERR_NONE; i++) {
        struct route_ops ops = {0};
        char **after = NULL;

        (void)strcat(strcat(out, history_id(h, nodes.items[i])), " ");
        if (route_step(h, now, nodes.items[i], up, &ops, &after, &err) == 0) {
            rows_free(now);
            now = after;
        }
        route_ops_free(&ops);
    }
    (void)strcat(out, "->");
    for (size_t i = 0; now != NULL && now[i] != NULL; i++)
        (void)strcat(strcat(out, " "), now[i]);
    if (err.kind != ERR_NONE)
        (void)strcpy(out, err.message);
    rows_free(now);
    symbol_nodes_free(&nodes);
    free(words);
    return out;
}

static void test_routes(void **state)
{
    struct history *h = build(branches, 6);
    struct err err = {0};

    log_init("test", LOG_ERROR);
    assert_int_equal(history_check(h, &err), 0);
    assert_int_equal(h->nheads, 3);      /* b2f002, c2, d4 */
    assert_int_equal(h->nreal_heads, 2); /* c2 is covered by web's dependency */
    assert_string_equal(go(h, 0, "b2f002", "-1"), "b2f002 -> b2f001");
    assert_string_equal(go(h, 0, "b2f002", "base"), "b2f002 b2f001 a1 ->");
    assert_string_equal(go(h, 0, "b2f002 d4", "web@base"), "d4 d3 -> b2f002 c2");
    assert_string_equal(go(h, 0, "b2f002 d4", "side@a1"), "d4 d3 c2 -> b2f002");
    assert_non_null(strstr(go(h, 0, "b2f002 d4", "core@a1"), "nothing above it is on branch 'core'"));
    assert_string_equal(go(h, 0, "b2f002 d4", "web@-1"), "d4 -> b2f002 d3");
    assert_string_equal(go(h, 0, "b2f002 c2", "side@-1"), "c2 -> b2f002");
    assert_string_equal(go(h, 1, "", "web@head"), "a1 c2 d3 d4 -> d4");
    assert_string_equal(go(h, 1, "a1", "b2f001+1"), "b2f001 b2f002 -> b2f002");
    assert_string_equal(go(h, 1, "b2f001", "+1"), "b2f002 -> b2f002");
    /* a redundant ancestor row is accepted going down, not going up */
    assert_string_equal(go(h, 0, "b2f002 b2f001", "b2f001"), "b2f002 -> b2f001");
    assert_non_null(strstr(go(h, 1, "b2f002 b2f001", "heads"), "overlaps"));
    history_free(h);
}

static void test_errors(void **state)
{
    struct history *h = build(branches, 6);

    log_init("test", LOG_ERROR);
    assert_non_null(strstr(go(h, 1, "", "head"), "'head' means 3 heads"));
    assert_non_null(strstr(go(h, 1, "", "zz"), "no such revision or branch: 'zz'"));
    assert_non_null(strstr(go(h, 1, "", "b2f"), "2 revisions start with 'b2f'"));
    assert_non_null(strstr(go(h, 1, "", "web@b2f001"), "not a member of branch 'web'"));
    assert_non_null(strstr(go(h, 0, "b2f002", "d3"), "nothing that is applied stands on it"));
    assert_non_null(strstr(go(h, 0, "b2f002", "-9"), "there are not 9 migrations"));
    assert_non_null(strstr(go(h, 1, "a1", "+1"), "ambiguous walk"));
    assert_non_null(strstr(go(h, 1, "b2f001 d3", "+1"), "ambiguous upgrade"));
    assert_non_null(strstr(go(h, 0, "b2f002", "+1"), "migrations to go"));
    assert_non_null(strstr(go(h, 0, "gone", "base"), "'gone'"));
    history_free(h);
}

static void broken(const struct file *files, size_t n, const char *code, const char *says)
{
    struct history *h = build(files, n);
    struct err err = {0};

    assert_int_equal(history_check(h, &err), -1);
    assert_int_equal(err.kind, ERR_FAILED);
    assert_true(h->nproblems > 0);
    assert_string_equal(h->problems[0].code, code);
    if (strstr(err.message, says) == NULL)
        fail_msg("\"%s\" is not in: %s", says, err.message);
    history_free(h);
}

static void test_broken(void **state)
{
    static const struct file missing[] = {{"a", NULL, NULL, NULL}, {"b", "'x'", NULL, NULL}};
    static const struct file dependency[] = {{"a", NULL, NULL, "'x'"}};
    static const struct file label[] = {{"a", NULL, "'l'", NULL}, {"b", "'a'", "'l'", NULL}};
    static const struct file cycle[] = {{"a", "'b'", NULL, NULL}, {"b", "'a'", NULL, NULL}};
    static const struct file dcycle[] = {{"a", NULL, NULL, "'b'"}, {"b", "'a'", NULL, NULL}};
    /* seen from a head and from a base, and still a cycle: Alembic would not end */
    static const struct file hidden[] = {
        {"a", NULL, NULL, NULL}, {"b", "('a', 'c')", NULL, NULL}, {"c", "'b'", NULL, NULL}, {"d", "'c'", NULL, NULL}};

    broken(missing, 2, "missing-parent", "goes down to 'x', which no file has");
    broken(dependency, 1, "missing-dependency", "depends on 'x'");
    broken(label, 2, "duplicate-label", "already used by revision a");
    broken(cycle, 2, "cycle", "a, b");
    broken(dcycle, 2, "dependency-cycle", "dependencies");
    broken(hidden, 4, "cycle", "stands on itself");
}

static void test_duplicates(void **state)
{
    static const struct file files[] = {{"a", NULL, NULL, NULL}, {"b", "'a'", NULL, NULL}, {"b", NULL, NULL, NULL}};
    struct history *h = build(files, 3);
    struct err err = {0};

    assert_int_equal(history_check(h, &err), 0); /* a warning */
    assert_string_equal(h->problems[0].code, "duplicate-revision");
    assert_int_equal(history_find(h, "b"), 2); /* the last one wins */
    assert_string_equal(go(h, 0, "b", "base"), "b ->");
    history_free(h);
}

static void test_rows(void **state)
{
    static char m[] = "m", a[] = "a";
    char *const before[] = {m, a, NULL};
    struct err err = {0};
    char **rows = rows_copy(before, &err);
    struct route_op op = {ROUTE_UPDATE, "m", "b"};

    assert_string_equal(rows[0], "a"); /* sorted */
    assert_int_equal(rows_apply(&rows, &op, &err), 0);
    assert_string_equal(rows[1], "b");
    assert_int_equal(rows_apply(&rows, &op, &err), 1); /* there is no m any more */
    op.from = "a";
    assert_int_equal(rows_apply(&rows, &op, &err), 1); /* there is a b already */
    op.kind = ROUTE_DELETE;
    assert_int_equal(rows_apply(&rows, &op, &err), 0);
    assert_null(rows[1]);
    op.kind = ROUTE_INSERT;
    op.to = "b";
    assert_int_equal(rows_apply(&rows, &op, &err), 1);
    rows_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes), cmocka_unit_test(test_errors), cmocka_unit_test(test_broken),
        cmocka_unit_test(test_duplicates), cmocka_unit_test(test_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
