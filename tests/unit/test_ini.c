#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "migration/ini.h"

/* The property test reads thousands of random files beside Python; here is what it does not say: the
 * messages, the file around the text, and what would never end. */
static const char *refused(const char *text, size_t len)
{
    static struct err err;
    struct ini *ini;

    err_clear(&err);
    ini = ini_read(text, len, "x.ini", "/h", &err);
    if (ini != NULL)
        fail_msg("read: %s", text);
    assert_int_equal(err.kind, ERR_USAGE);
    return err.message;
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"a = 1\n[alembic]\n", "x.ini line 1: before the first [section]"},
        {"[alembic]\r\na = 1\r\n\r\nalone\r\n", "x.ini line 4: neither"},
        {"[alembic]\ra = 1\rA : 2\r", "x.ini line 3: \"a\" is there twice in [alembic]"},
        {"[b]\n# c\n[alembic]\n[b]\n", "x.ini line 4: section [b] is there twice"},
        {"[b]\n= 1\n", "x.ini line 2: a value without a name"},
        {"\xef\xbb\xbf[b]\n", "byte order mark"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *said = refused(cases[i].text, strlen(cases[i].text));

        if (strstr(said, cases[i].says) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].says, said);
    }
    assert_non_null(strstr(refused("[b]\na = \0\n", 9), "NUL byte"));
}

static const char *get(const char *text, const char *section, const char *option)
{
    static char out[1100];
    struct err err = {0};
    struct ini *ini = ini_read(text, strlen(text), "x.ini", "/h e", &err);
    char *value;

    if (ini == NULL)
        fail_msg("%s", err.message);
    if (ini_get(ini, section, option, &value, &err) != 0) {
        assert_null(value);
        assert_int_equal(err.kind, ERR_USAGE);
        (void)snprintf(out, sizeof(out), "! %s", err.message);
    } else {
        (void)snprintf(out, sizeof(out), "%s", value != NULL ? value : "(none)");
    }
    free(value);
    ini_free(ini);
    return out;
}

static void test_values(void **state)
{
    assert_string_equal(get("[s]\na =\n  b\n\n  # no\n  c\n\n\n[t]\n", "s", "a"), "\nb\n\nc");
    assert_string_equal(get("[DEFAULT]\na = 1\n[s]\n", "s", "a"), "1");
    assert_string_equal(get("[DEFAULT]\na = 1\n[s]\n", "gone", "a"), "(none)"); /* no such section */
    assert_string_equal(get("[s]\na = %(here)s/x\n", "s", "a"), "/h e/x");
    assert_string_equal(get("[s]\nhere = /mine\na = %(HERE)s\n", "s", "a"), "/mine");
    assert_string_equal(get("[s]\na = 100%%\nb = %(a)s\n", "s", "b"), "100%");
    assert_non_null(strstr(get("[s]\na = 100%\n", "s", "a"), "! x.ini: [s] a: a single %"));
    assert_non_null(strstr(get("[s]\na = %(b)s\n", "s", "a"), "%(b)s, which is not there"));
    assert_non_null(strstr(get("[s]\na = %(b)s\nb = %(a)s\n", "s", "a"), "refers to itself"));
}

static void test_bomb(void **state)
{
    /* ten by ten by ten: eight levels that would be a hundred million letters */
    char text[2000] = "[s]\na0 = xxxxxxxxxx\n";
    size_t n = strlen(text);

    for (int i = 1; i < 9; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "a%d = ", i);
        for (int k = 0; k < 10; k++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%%(a%d)s", i - 1);
        n += (size_t)snprintf(text + n, sizeof(text) - n, "\n");
    }
    assert_int_equal(get(text, "s", "a8")[0], '!');
    assert_int_equal(strlen(get(text, "s", "a1")), 100);
}

static void test_load(void **state)
{
    char folder[] = "/tmp/mig-ini.XXXXXX", path[80], want[80];
    struct err err = {0};
    struct ini *ini;
    char *value;
    FILE *f;

    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/x.ini", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("[s]\na = %(here)s\n", f);
    fclose(f);
    assert_int_equal(chdir(folder), 0);
    for (int i = 0; i < 3; i++) {
        ini = ini_load(i == 0 ? path : i == 1 ? "x.ini" : "./x.ini", &err);
        assert_non_null(ini);
        assert_int_equal(ini_get(ini, "s", "a", &value, &err), 0);
        (void)snprintf(want, sizeof(want), "%s%s", folder, i == 2 ? "/." : "");
        assert_string_equal(value, want);
        free(value);
        ini_free(ini);
    }
    assert_null(ini_load("gone.ini", &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.message, "gone.ini"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(chdir("/") | rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused), cmocka_unit_test(test_values), cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
