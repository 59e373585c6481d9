#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cli.h"
#include "core/help.h"
#include "core/nearest.h"

struct given {
    struct cli_common c;
    struct cli_list tables;
    int scope, dry;
    int64_t wait;
};

static int nothing(int argc, const char *const *argv, void *context, struct err *err)
{
    (void)argc, (void)argv, (void)context, (void)err;
    return 0;
}

static const char *const scopes[] = {"tables", "loss", NULL};

static int parse(struct given *g, struct cli_match *m, struct err *err, int argc,
                 const char *const *words)
{
    const struct cli_option create[] = {
        {"table", 't', CLI_LIST, &g->tables, "PATTERN", "save it", NULL, 0, 0},
        {"scope", 0, CLI_CHOICE, &g->scope, NULL, "how much", scopes, 0, 0},
        {"wait", 0, CLI_DURATION, &g->wait, "D", "how long", NULL, 0, 0},
        {.name = NULL},
    };
    const struct cli_option restore[] = {
        {"dry-run", 'n', CLI_FLAG, &g->dry, NULL, "change nothing", NULL, 0, 0},
        {.name = NULL},
    };
    const struct cli_command commands[] = {
        {"create", "", "make one", 0, 0, create, nothing, NULL},
        {"restore", "FILE", "put back", 1, 1, restore, nothing, NULL},
        {.name = NULL},
    };
    const struct cli_option *const common[] = {cli_connection_options(&g->c),
                                               cli_house_options(&g->c), NULL};
    const struct cli_program program = {"prog", "A program.", commands, common};
    char *argv[16];
    int rc;

    argv[0] = (char *)(uintptr_t)"prog";
    for (int i = 0; i < argc; i++)
        argv[i + 1] = (char *)(uintptr_t)words[i];
    rc = cli_parse(&program, argc + 1, argv, m, err);
    if (m->command == &commands[0])
        m->command = (const struct cli_command *)(uintptr_t)1;
    else if (m->command == &commands[1])
        m->command = (const struct cli_command *)(uintptr_t)2;
    return rc;
}

#define PARSE(...)                                                                                 \
    const char *const words[] = {__VA_ARGS__};                                                     \
    struct given g = {.scope = 0};                                                                 \
    struct cli_match m;                                                                            \
    struct err err = {0};                                                                          \
    int rc = parse(&g, &m, &err, (int)(sizeof(words) / sizeof(words[0])), words)

#define DONE()                                                                                     \
    do {                                                                                           \
        cli_match_free(&m);                                                                        \
        cli_list_free(&g.tables);                                                                  \
        cli_common_free(&g.c);                                                                     \
    } while (0)

static void test_forms(void **state)
{
    PARSE("-d", "db", "create", "--table=a", "-tb", "--table", "c", "--scope", "loss", "-qv",
          "--wait", "5min");

    assert_int_equal(rc, 0);
    assert_ptr_equal(m.command, (void *)(uintptr_t)1);
    assert_string_equal(g.c.dbname, "db");
    assert_int_equal(g.tables.count, 3);
    assert_string_equal(g.tables.items[0], "a");
    assert_string_equal(g.tables.items[1], "b");
    assert_string_equal(g.tables.items[2], "c");
    assert_int_equal(g.scope, 1);
    assert_int_equal(g.wait, 300000);
    assert_int_equal(g.c.quiet, 1);
    assert_int_equal(g.c.verbose, 1);
    assert_int_equal(m.argc, 0);
    DONE();
}

static void test_revision_is_an_argument(void **state)
{
    PARSE("restore", "-1", "-n");

    assert_int_equal(rc, 0);
    assert_int_equal(m.argc, 1);
    assert_string_equal(m.argv[0], "-1");
    assert_int_equal(g.dry, 1);
    DONE();
}

static void test_double_dash_ends(void **state)
{
    PARSE("restore", "--", "--dry-run");

    assert_int_equal(rc, 0);
    assert_string_equal(m.argv[0], "--dry-run");
    assert_int_equal(g.dry, 0);
    DONE();
}

static void refuse(const char *say, const char *hint, int argc, const char *const *words)
{
    struct given g = {.scope = 0};
    struct cli_match m;
    struct err err = {0};

    assert_int_equal(parse(&g, &m, &err, argc, words), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    if (strstr(err.message, say) == NULL || strstr(err.hint, hint) == NULL)
        fail_msg("got \"%s\", hint \"%s\"", err.message, err.hint);
    DONE();
}

#define REFUSE(say, hint, ...)                                                                     \
    do {                                                                                           \
        const char *const words[] = {__VA_ARGS__};                                                 \
        refuse(say, hint, (int)(sizeof(words) / sizeof(words[0])), words);                         \
    } while (0)

static void test_refusals(void **state)
{
    REFUSE("no command", "--help", "-q");
    REFUSE("unknown command \"craete\"", "\"prog create\"", "craete");
    REFUSE("unknown option \"--tabel\"", "--table", "create", "--tabel", "x");
    /* a prefix is not the option */
    REFUSE("unknown option \"--tabl\"", "--table", "create", "--tabl", "x");
    REFUSE("unknown option \"--dry-run\"", "belongs to \"prog restore\"", "create", "--dry-run");
    REFUSE("unknown option \"-x\"", "--help", "create", "-x");
    REFUSE("needs a value", "PATTERN", "create", "--table");
    REFUSE("takes no value", "", "restore", "f", "--dry-run=yes");
    REFUSE("cannot be \"all\"", "tables, loss", "create", "--scope", "all");
    REFUSE("--wait: \"soon\" is not a duration", "30s", "create", "--wait", "soon");
    REFUSE("from 1 to 64, not \"0\"", "", "create", "-j", "0");
    REFUSE("from 1 to 64, not \"2x\"", "", "create", "-j2x");
    REFUSE("needs FILE", "--help", "restore");
    REFUSE("does not take the argument \"y\"", "", "restore", "x", "y");
}

static void test_help_and_version(void **state)
{
    {
        PARSE("--help");
        assert_int_equal(rc, 0);
        assert_int_equal(m.help, 1);
        DONE();
    }
    {
        PARSE("create", "-?");
        assert_int_equal(rc, 0);
        assert_int_equal(m.help, 1);
        assert_ptr_equal(m.command, (void *)(uintptr_t)1);
        DONE();
    }
    {
        PARSE("--version");
        assert_int_equal(rc, 0);
        assert_int_equal(m.version, 1);
        DONE();
    }
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"30", 30000}, {"30s", 30000}, {"250ms", 250}, {"1h", 3600000}, {"0", 0},
                {"30d", 2592000000}};
    static const char *const bad[] = {"", "-1s", "1m", "s", "1.5h", "99999999999999999999", " 1s",
                                      "9223372036854775807s"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct err err = {0};
        int64_t ms = -1;

        assert_int_equal(cli_duration(good[i].text, &ms, &err), 0);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = {0};
        int64_t ms;

        assert_int_equal(cli_duration(bad[i], &ms, &err), -1);
        assert_int_equal(err.kind, ERR_USAGE);
    }
}

static void test_usage_comes_first(void **state)
{
    const struct cli_option options[] = {
        {"table", 't', CLI_LIST, NULL, "PATTERN", "save it", NULL, 0, 0},
        {"scope", 0, CLI_CHOICE, NULL, NULL, "how much", scopes, 0, 0},
        {.name = NULL},
    };
    const struct cli_command commands[] = {
        {"create", "FILE", "make one", 0, 0, options, nothing, NULL},
        {.name = NULL},
    };
    const struct cli_program program = {"prog", "A program.", commands, NULL};
    static const char *expected =
        "usage: prog create [-t|--table PATTERN]... [--scope tables|loss] [OPTION]...\n"
        "           FILE\n\n";
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    help_print(&program, NULL, out);
    fclose(out);
    assert_memory_equal(text, expected, strlen(expected));
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 80);
    free(text);
}

static void test_nearest(void **state)
{
    static const char *const words[] = {"dbname", "table", "version-table", NULL, "jobs"};

    assert_string_equal(nearest_word("databse-name", words, 5) ? "x" : "none", "none");
    assert_string_equal(nearest_word("tabel", words, 5), "table");
    assert_string_equal(nearest_word("dbnmae", words, 5), "dbname");
    assert_null(nearest_word("zzz", words, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),        cmocka_unit_test(test_revision_is_an_argument),
        cmocka_unit_test(test_double_dash_ends), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_help_and_version), cmocka_unit_test(test_durations),
        cmocka_unit_test(test_usage_comes_first), cmocka_unit_test(test_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
