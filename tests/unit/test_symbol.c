#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/log.h"
#include "migration/history.h"
#include "migration/revision.h"
#include "migration/symbol.h"

static struct history *h;

/*  a1 - b2 - c3zz - (one with an accent)    main, from a1
 *     \ d4aa - d4bb                        side, from d4aa */
static const struct {
    const char *id, *down, *label;
} files[] = {
    {"a1", "None", "'main'"},   {"b2", "'a1'", "None"},     {"c3zz", "'b2'", "None"}, {"x\xc3\xa9\x31", "'c3zz'", "None"},
    {"d4aa", "'a1'", "'side'"}, {"d4bb", "'d4aa'", "None"},
};

static int setup(void **state)
{
    const size_t n = sizeof(files) / sizeof(files[0]);
    struct revision **list = calloc(n + 1, sizeof(*list));
    static struct tokens t;
    struct err err = {0};

    log_init("test", LOG_ERROR);
    for (size_t i = 0; i < n; i++) {
        struct buf b = {0};

        if (buf_addf(&b, &err, "revision = '%s'\ndown_revision = %s\nbranch_labels = %s\n", files[i].id, files[i].down,
                     files[i].label) != 0)
            return -1;
        list[i] = revision_read(b.data, b.len, files[i].id, &t, &err);
        buf_free(&b);
        if (list[i] == NULL)
            return -1;
    }
    tokens_free(&t);
    h = history_new(list, n, &err);
    return h == NULL || history_check(h, &err) != 0;
}

static int teardown(void **state)
{
    history_free(h);
    return 0;
}

static const char *name_of(int node)
{
    return node == SYMBOL_BASE ? "base" : history_id(h, node);
}

static const char *one(const char *rev)
{
    static char out[1100];
    struct err err = {0};
    int node;

    if (symbol_one(h, rev, &node, &err) == 0)
        return strcpy(out, name_of(node));
    assert_int_equal(err.kind, ERR_USAGE);
    return strcpy(out, err.message);
}

static const char *all(const char *rev)
{
    static char out[1100];
    struct symbol_nodes nodes = {0};
    struct err err = {0};

    out[0] = '\0';
    if (symbol_revisions(h, rev, &nodes, &err) != 0)
        (void)strcpy(out, err.message);
    for (size_t i = 0; err.kind == ERR_NONE && i < nodes.count; i++)
        (void)strcat(strcat(out, name_of(nodes.items[i])), " ");
    symbol_nodes_free(&nodes);
    return out;
}

static void test_names(void **state)
{
    assert_string_equal(one("a1"), "a1");
    assert_string_equal(one("c3z"), "c3zz");
    assert_string_equal(one("c"), "c3zz");
    assert_string_equal(one("d4b"), "d4bb");
    assert_non_null(strstr(one("x"), "no such revision")); /* three characters, though four bytes */
    assert_non_null(strstr(one("b"), "no such revision")); /* prefixes are of names longer than three */
    assert_non_null(strstr(one("d4"), "2 revisions start with 'd4': 'd4"));
    assert_string_equal(one("side"), "d4aa");
    assert_string_equal(one("sid"), "d4aa"); /* labels too */
    assert_string_equal(one("base"), "base");
    assert_string_equal(one("side@base"), "base");
    assert_string_equal(one("side@head"), "d4bb");
    assert_non_null(strstr(one("head"), "'head' means 2 heads"));
    assert_non_null(strstr(one("main@head"), "'main@head' means 2 heads"));
    assert_string_equal(one("b2@head"), "x\xc3\xa9\x31");
    assert_non_null(strstr(one("side@b2"), "revision b2 is not a member of branch 'side'"));
    assert_non_null(strstr(one("nope@a1"), "no such branch: 'nope'"));
    assert_string_equal(one("side@d4b"), "d4bb");
    assert_non_null(strstr(one("side@c3"), "no such revision"));
    assert_string_equal(one("side@a1"), "a1"); /* below it is on its line */
    assert_string_equal(one(""), "an empty revision");
    assert_string_equal(all("base"), "");
    assert_string_equal(all("heads"), "x\xc3\xa9\x31 d4bb ");
    assert_string_equal(all("side@heads"), "d4bb ");
}

static void test_is_relative(void **state)
{
    static const char *const yes[] = {"-1", "+2", "a1-1", "side@-1", "side@a1+1", "x@y@-1", "-0", "\xc3\xa9+1"};
    static const char *const no[] = {"a1", "base", "-", "a1-", "a1-b", "side@head", "", "a b-1", "-x1", "a1 -1", "@-1"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (!symbol_is_relative(yes[i]))
            fail_msg("%s is relative", yes[i]);
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (symbol_is_relative(no[i]))
            fail_msg("%s is not", no[i]);
    }
}

/* "branch:node" */
static const char *down(const char *row, const char *rev)
{
    static char out[1100];
    char copy[20];
    char *rows[2] = {row != NULL ? strcpy(copy, row) : NULL, NULL};
    struct symbol_down to;
    struct err err = {0};

    if (symbol_down(h, rows, rev, &to, &err) != 0) {
        assert_null(to.branch);
        return strcpy(out, err.message);
    }
    (void)snprintf(out, sizeof(out), "%s:%s", to.branch != NULL ? to.branch : "", name_of(to.node));
    free(to.branch);
    return out;
}

static const char *up(const char *row, const char *rev)
{
    static char out[1100];
    char copy[20];
    char *rows[2] = {row != NULL ? strcpy(copy, row) : NULL, NULL};
    struct symbol_nodes to = {0};
    struct err err = {0};

    out[0] = '\0';
    if (symbol_up(h, rows, rev, &to, &err) != 0)
        (void)strcpy(out, err.message);
    else if (to.count > 0)
        (void)strcpy(out, name_of(to.items[0]));
    symbol_nodes_free(&to);
    return out;
}

static void test_down(void **state)
{
    assert_string_equal(down("d4bb", "-1"), "d4bb:d4aa");
    assert_string_equal(down("d4bb", "-3"), "d4bb:base");
    assert_non_null(strstr(down("d4bb", "-4"), "there are not 4 migrations to go"));
    assert_non_null(strstr(down(NULL, "-1"), "there are not 1 migrations to go"));
    assert_non_null(strstr(down("d4bb", "-99999999999999999999"), "migrations to go"));
    assert_string_equal(down("d4bb", "side@-1"), "side:d4aa");
    assert_string_equal(down("c3zz", "c3zz-1"), ":b2");
    assert_string_equal(down("c3zz", "a1+1"), "ambiguous walk: a1 has 2 revisions above it");
    assert_string_equal(down("c3zz", "b2+1"), ":c3zz");
    assert_string_equal(down("c3zz", "side@a1+1"), "side:d4aa");
    assert_non_null(strstr(down("c3zz", "d4bb+1"), "walked too far"));
    assert_string_equal(down("c3zz", "main@b2"), "main:b2");
    assert_string_equal(down("c3zz", "base"), ":base");
    assert_non_null(strstr(down("c3zz", "main@zz"), "'zz'"));
}

static void test_up(void **state)
{
    assert_string_equal(up(NULL, "+1"), "a1");
    assert_string_equal(up("b2", "+2"), "x\xc3\xa9\x31");
    assert_non_null(strstr(up("b2", "+3"), "migrations to go"));
    assert_string_equal(up("a1", "side@+2"), "d4bb");
    assert_string_equal(up("a1", "d4aa+1"), "d4bb");
    assert_string_equal(up("d4bb", "d4bb-1"), "d4aa");
    assert_non_null(strstr(up("d4bb", "d4bb-3"), "no revision to go up to"));
    assert_non_null(strstr(up("d4bb", "-1"), "migrations to go"));
    assert_non_null(strstr(up("a1", "+1"), "ambiguous walk"));
    assert_string_equal(up("a1", "base"), "");
}

static void test_branch(void **state)
{
    struct err err = {0};
    int node;

    assert_int_equal(symbol_branch(h, "main", &node, &err), 0);
    assert_string_equal(name_of(node), "a1");
    assert_int_equal(symbol_branch(h, "mai", &node, &err), 0);
    assert_string_equal(name_of(node), "a1");
    assert_int_equal(symbol_branch(h, "ma in", &node, &err), -1);
    assert_string_equal(err.message, "no such branch: 'ma in'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), cmocka_unit_test(test_is_relative), cmocka_unit_test(test_down),
        cmocka_unit_test(test_up),    cmocka_unit_test(test_branch),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
