/* cli_common: each shared flag sets its own member, and no two of the tables share a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli.h"

enum { TABLES = 5, MOST = 64 };

static void all_tables(struct cli_common *c, const struct cli_option *tables[TABLES + 1])
{
    tables[0] = cli_connection_options(c);
    tables[1] = cli_alembic_options(c);
    tables[2] = cli_house_options(c);
    tables[3] = cli_key_options(c);
    tables[4] = cli_confirm_options(c);
    tables[5] = NULL;
}

static int nothing(int argc, const char *const *argv, void *context, struct err *err)
{
    return 0;
}

static int parse(struct cli_common *c, int argc, const char *const *words, struct err *err)
{
    const struct cli_option *tables[TABLES + 1];
    const struct cli_command commands[] = {{.name = "do", .arguments = "", .summary = "x", .run = nothing},
                                           {.name = NULL}};
    struct cli_program program = {"prog", "A program.", commands, tables};
    struct cli_match m;
    char *argv[MOST] = {(char *)(uintptr_t)"prog", (char *)(uintptr_t)"do"};
    int rc;

    assert_true(argc + 2 < MOST);
    for (int i = 0; i < argc; i++)
        argv[i + 2] = (char *)(uintptr_t)words[i];
    memset(c, 0, sizeof(*c));
    memset(err, 0, sizeof(*err));
    memset(&m, 0, sizeof(m));
    all_tables(c, tables);
    rc = cli_parse(&program, argc + 2, argv, &m, err);
    cli_match_free(&m);
    return rc;
}

static void test_long(void **state)
{
    static const char *const words[] = {
        "--dbname=d", "--host=h", "--port=1", "--username=u", "--no-password", "--password",
        "--role=r", "--alembic-config=ac", "--alembic-name=an", "--alembic-command=acm",
        "--versions=v", "--version-table=vt", "--config=c", "--env=e", "--format=json",
        "--format=text=f", "--jobs=7", "--log-file=lf", "--state-dir=sd", "--reason=why",
        "--show-values", "--quiet", "--verbose", "--dir=dd", "--key=k1", "--key=k2",
        "--key-command=kc", "--recipient=rc", "--trust=t", "--passphrase-file=pf", "--yes",
        "--confirm=n",
    };
    struct cli_common c;
    struct err err;

    if (parse(&c, sizeof(words) / sizeof(words[0]), words, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(c.dbname, "d");
    assert_string_equal(c.host, "h");
    assert_string_equal(c.port, "1");
    assert_string_equal(c.user, "u");
    assert_string_equal(c.role, "r");
    assert_int_equal(c.no_password, 1);
    assert_int_equal(c.ask_password, 1);
    assert_string_equal(c.alembic_config, "ac");
    assert_string_equal(c.alembic_name, "an");
    assert_string_equal(c.alembic_command, "acm");
    assert_string_equal(c.versions, "v");
    assert_string_equal(c.version_table, "vt");
    assert_string_equal(c.config, "c");
    assert_string_equal(c.env, "e");
    assert_int_equal(c.formats.count, 2);
    assert_string_equal(c.formats.items[1], "text=f");
    assert_int_equal(c.jobs, 7);
    assert_string_equal(c.log_file, "lf");
    assert_string_equal(c.state_dir, "sd");
    assert_string_equal(c.reason, "why");
    assert_int_equal(c.show_values, 1);
    assert_int_equal(c.quiet, 1);
    assert_int_equal(c.verbose, 1);
    assert_string_equal(c.dir, "dd");
    assert_int_equal(c.key.count, 2);
    assert_string_equal(c.key.items[1], "k2");
    assert_string_equal(c.key_command, "kc");
    assert_int_equal(c.recipient.count, 1);
    assert_string_equal(c.recipient.items[0], "rc");
    assert_int_equal(c.trust.count, 1);
    assert_string_equal(c.trust.items[0], "t");
    assert_string_equal(c.passphrase_file, "pf");
    assert_int_equal(c.yes, 1);
    assert_string_equal(c.confirm, "n");
    cli_common_free(&c);
    cli_common_free(&c); /* harmless */
}

/* The letters that psql's users know. */
static void test_letters(void **state)
{
    static const char *const words[] = {"-d", "d", "-h", "h", "-p", "1", "-U", "u", "-w", "-c", "c", "-j", "64", "-y"};
    struct cli_common c;
    struct err err;

    if (parse(&c, sizeof(words) / sizeof(words[0]), words, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(c.dbname, "d");
    assert_string_equal(c.host, "h");
    assert_string_equal(c.port, "1");
    assert_string_equal(c.user, "u");
    assert_int_equal(c.no_password, 1);
    assert_int_equal(c.ask_password, 0);
    assert_string_equal(c.config, "c");
    assert_int_equal(c.jobs, 64);
    assert_int_equal(c.yes, 1);
    assert_int_equal(c.quiet + c.verbose, 0);
    cli_common_free(&c);
}

static void test_jobs(void **state)
{
    static const char *const bad[] = {"--jobs=0", "--jobs=65", "--jobs=-1", "--jobs=many"};
    struct cli_common c;
    struct err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(&c, 1, &bad[i], &err), -1);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.message, "jobs"));
    }
}

/* A program takes all tables at once: no name, letter or place may stand in two of them. */
static void test_unique(void **state)
{
    const struct cli_option *tables[TABLES + 1], *seen[MOST];
    struct cli_common c = {0};
    size_t n = 0;

    all_tables(&c, tables);
    for (size_t t = 0; t < TABLES; t++)
        for (const struct cli_option *o = tables[t]; o->name != NULL; o++) {
            if (o->name[0] == '\0')
                continue;
            assert_int_equal(o->arg == NULL, o->type == CLI_FLAG);
            for (size_t i = 0; i < n; i++) {
                assert_string_not_equal(o->name, seen[i]->name);
                assert_ptr_not_equal(o->value, seen[i]->value);
                assert_true(o->letter == 0 || o->letter != seen[i]->letter);
            }
            assert_true(n < MOST);
            seen[n++] = o;
        }
    assert_int_equal(n, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
