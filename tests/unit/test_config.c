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

#include "core/config.h"

static char folder[] = "/tmp/mig-config.XXXXXX";
static char file[64];

static struct config *load(const char *text, struct err *err)
{
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return config_load(file, err);
}

static int setup(void **state)
{
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof(file), "%s/mig.json", folder);
    return chdir(folder);
}

static int teardown(void **state)
{
    unlink(file);
    return chdir("/") != 0 || rmdir(folder) != 0;
}

static void test_values(void **state)
{
    struct err err = {0};
    char want[96];
    struct config *c =
        load("{\"backup\": {\"dir\": \"shelf\", \"keep\": {\"within\": \"30d\", \"last\": 3}},"
             " \"trust\": \"one\", \"state\": {\"dir\": \"/abs\"},"
             " \"rollback\": {\"max_block\": 5, \"verify\": \"full\"},"
             " \"environments\": {\"prod\": {\"hosts\": [\"a\", \"b\"], \"production\": true}},"
             " \"validate\": {\"severities\": {\"X\": {\"free\": 1}}}}",
             &err);

    assert_non_null(c);
    snprintf(want, sizeof(want), "%s/shelf", folder);
    assert_string_equal(config_file(c, "backup.dir"), want);
    assert_string_equal(config_file(c, "backup.dir"), want);
    assert_string_equal(config_file(c, "state.dir"), "/abs");
    assert_null(config_file(c, "log_file"));
    assert_int_equal(config_integer(c, "backup.keep.within"), 2592000000LL);
    assert_int_equal(config_integer(c, "backup.keep.last"), 3);
    assert_int_equal(config_integer(c, "rollback.max_block"), 5000);
    assert_int_equal(config_integer(c, "rollback.lock_deadline"), 60000);
    assert_int_equal(config_choice(c, "rollback.verify"), 1);
    assert_int_equal(config_choice(c, "rollback.backup"), 0);
    assert_int_equal(config_count(c, "trust"), 1);
    assert_string_equal(config_item(c, "trust", 0), "one");
    /* whoever reads the tree sees a list too */
    assert_int_equal(json_array_size(config_json(c, "trust")), 1);
    assert_int_equal(config_count(c, "environments.prod.hosts"), 2);
    assert_string_equal(config_item(c, "environments.prod.hosts", 1), "b");
    assert_int_equal(config_boolean(c, "environments.prod.production"), 1);
    assert_int_equal(config_boolean(c, "environments.dev.production"), 0);
    assert_int_equal(config_integer(c, "validate.max_loss_rows"), -1);
    assert_non_null(config_json(c, "validate.severities.X.free"));
    config_free(c);
}

/* Whatever it is called: an environment that is production is never taken for one that is not. */
static void test_long_name(void **state)
{
    struct err err = {0};
    char text[512], key[512];
    struct config *c;

    snprintf(text, sizeof(text), "{\"environments\": {\"%0300d\": {\"production\": true}}}", 7);
    snprintf(key, sizeof(key), "environments.%0300d.production", 7);
    assert_non_null(c = load(text, &err));
    assert_int_equal(config_boolean(c, key), 1);
    config_free(c);
}

static void test_writable_by_anybody(void **state)
{
    struct err err = {0};
    struct config *c = load("{}", &err);

    assert_non_null(c);
    config_free(c);
    assert_int_equal(chmod(file, 0666), 0);
    assert_null(config_load(file, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.message, "anybody"));
    unlink(file);
}

static void test_absent(void **state)
{
    struct err err = {0};
    struct config *c;

    unlink(file);
    c = config_load(NULL, &err);
    assert_non_null(c);
    assert_null(config_path(c));
    assert_null(config_file(c, "backup.dir"));
    config_free(c);
    assert_null(config_load("/nonexistent/mig.json", &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.message, "/nonexistent/mig.json"));
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *say, *hint;
    } bad[] = {
        {"{\"backup\": {\"dri\": \"x\"}}", "unknown key \"backup.dri\"", "\"backup.dir\""},
        {"{\"bakcup\": {}}", "unknown key \"bakcup\"", "\"backup\""},
        {"{\"backup.dir\": \"x\"}", "unknown key \"backup.dir\"", "backup.dir"},
        {"{\"environments\": {\"p\": {\"host\": \"x\"}}}", "unknown key \"environments.p.host\"",
         "environments.*.hosts"},
        {"{\"trust\": [1]}", "\"trust\" must be a string or a list", ""},
        {"{\"backup\": 1}", "\"backup\" must be an object", ""},
        {"{\"rollback\": {\"verify\": \"none\"}}", "must be one of quick|full", ""},
        {"{\"rollback\": {\"max_block\": \"soon\"}}", "\"rollback.max_block\": \"soon\"", "30s"},
        {"{\"rollback\": {\"max_block\": -1}}", "must be a duration", ""},
        {"{\"rollback\": {\"max_block\": 9223372036854775807}}", "must be a duration", ""},
        {"{\"backup\": {\"keep\": {\"last\": \"3\"}}}", "must be a whole number", ""},
        {"[]", "one object", ""},
        {"{\"a\": 1, \"a\": 2}", "duplicate", ""},
        {"{", "line 1", ""},
        {"", "line 1", ""},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = {0};

        assert_null(load(bad[i].text, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        if (strstr(err.message, bad[i].say) == NULL || strstr(err.hint, bad[i].hint) == NULL ||
            strstr(err.message, file) == NULL)
            fail_msg("%s: got \"%s\", hint \"%s\"", bad[i].text, err.message, err.hint);
    }
}

static void test_every_default_fits_its_type(void **state)
{
    struct err err = {0};
    struct config *c;
    const struct config_key *keys;
    size_t n;

    unlink(file);
    c = config_load(NULL, &err);
    keys = config_keys(&n);
    for (size_t i = 0; i < n; i++) {
        assert_non_null(keys[i].doc);
        if (keys[i].fallback == NULL)
            continue;
        if (keys[i].type == CONFIG_CHOICE)
            assert_true(config_choice(c, keys[i].key) >= 0);
        if (keys[i].type == CONFIG_DURATION && strcmp(keys[i].fallback, "0") != 0)
            assert_true(config_integer(c, keys[i].key) > 0);
    }
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_writable_by_anybody),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_default_fits_its_type),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
