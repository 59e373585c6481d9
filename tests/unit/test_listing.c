/* listing: what `mig-backup list` shows of a shelf, to people and to programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/shelf.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

enum { NOW = 1800000000 };

static char *from[] = {TEXT("a1b2"), TEXT("c3d4"), NULL};

static struct shelf_entry good = {
    .path = TEXT("/b/one.mig"), .name = TEXT("one.mig"), .archive_id = "abcd",
    .created = TEXT("2027-01-15T07:59:00Z"), .database = TEXT("shop"), .purpose = TEXT("manual"),
    .from = from, .when = NOW - 60, .bytes = 4096, .signer = TEXT("mig-pub-x"), .trusted = 1,
};

/* Owned. */
static char *print(const struct shelf_entry *entries, size_t n)
{
    struct shelf s = {(struct shelf_entry *)(uintptr_t)entries, n};
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    assert_non_null(f);
    shelf_print(&s, "/b", NOW, f);
    assert_int_equal(fclose(f), 0);
    return text;
}

static void test_empty(void **state)
{
    char *text = print(NULL, 0);

    assert_string_equal(text, "no backups in /b\n");
    free(text);
}

static void test_states(void **state)
{
    struct shelf_entry e[3] = {good, good, good};
    char *text, *line;

    e[1].trusted = 0;
    e[2].trusted = 1; /* what is wrong comes first, whoever signed */
    e[2].problem = TEXT("no footer: incomplete");
    e[2].database = e[2].purpose = NULL;
    e[2].from = NULL;
    text = print(e, 3);
    line = strchr(text, '\n') + 1;
    assert_non_null(strstr(line, "a1b2,c3d4"));
    assert_non_null(strstr(line, "1 min"));
    assert_int_equal(strncmp(strchr(line, '\n') - 8, "  signed", 8), 0);
    line = strchr(line, '\n') + 1;
    assert_non_null(strstr(line, "not trusted here\n"));
    line = strchr(line, '\n') + 1;
    assert_non_null(strstr(line, "no footer: incomplete\n"));
    assert_null(strstr(line, "signed"));
    assert_non_null(strstr(line, " - "));
    free(text);
}

/* The columns of all rows begin where the heading's do. */
static void test_columns(void **state)
{
    struct shelf_entry e[2] = {good, good};
    char *text, *line;
    long at;

    text = print(e, 2);
    assert_null(strstr(text, "NAME")); /* nobody gave one */
    free(text);
    e[0].name = TEXT("a_rather_long_file_name_of_a_backup.mig");
    e[1].label = TEXT("before-v2");
    text = print(e, 2);
    at = strstr(text, "DATABASE") - text;
    assert_non_null(strstr(text, "NAME"));
    line = strchr(text, '\n') + 1;
    assert_int_equal(strstr(line, "shop") - line, at);
    line = strchr(line, '\n') + 1;
    assert_int_equal(strstr(line, "shop") - line, at);
    assert_int_equal(strstr(line, "before-v2") - line, strstr(text, "NAME") - text);
    free(text);
}

/* A label is anybody's text: it does not steer the terminal. */
static void test_escapes(void **state)
{
    struct shelf_entry e = good;
    char *text;

    e.label = TEXT("x\033[2Jy");
    e.database = TEXT("a\nb");
    e.purpose = TEXT("\033]0;t\a");
    text = print(&e, 1);
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '\a'));
    assert_ptr_equal(strchr(strchr(text, '\n') + 1, '\n'), text + strlen(text) - 1); /* two lines */
    free(text);
}

static void test_json(void **state)
{
    struct shelf_entry e[2] = {good, good};
    struct shelf s = {e, 2};
    struct err err = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    json_t *j, *one;

    assert_non_null(f);
    e[1].when = NOW + 100; /* a clock that is wrong makes no negative age */
    e[1].archive_id[0] = '\0';
    e[1].from = NULL;
    e[1].trusted = 0;
    e[1].problem = TEXT("signature does not match");
    assert_int_equal(shelf_print_json(&s, "/b", NOW, f, &err), 0);
    assert_int_equal(fclose(f), 0);
    j = json_loads(text, 0, NULL);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "schema")), "mig-backup/1");
    assert_int_equal(json_array_size(json_object_get(j, "backups")), 2);
    one = json_array_get(json_object_get(j, "backups"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "file")), "/b/one.mig");
    assert_string_equal(json_string_value(json_object_get(one, "archive_id")), "abcd");
    assert_int_equal(json_integer_value(json_object_get(one, "age_seconds")), 60);
    assert_int_equal(json_integer_value(json_object_get(one, "bytes")), 4096);
    assert_true(json_is_true(json_object_get(one, "trusted")));
    assert_true(json_is_null(json_object_get(one, "problem")));
    assert_true(json_is_null(json_object_get(one, "name")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(one, "from"), 1)), "c3d4");
    one = json_array_get(json_object_get(j, "backups"), 1);
    assert_int_equal(json_integer_value(json_object_get(one, "age_seconds")), 0);
    assert_true(json_is_null(json_object_get(one, "archive_id")));
    assert_int_equal(json_array_size(json_object_get(one, "from")), 0);
    assert_true(json_is_array(json_object_get(one, "from")));
    assert_true(json_is_false(json_object_get(one, "trusted")));
    assert_string_equal(json_string_value(json_object_get(one, "problem")), "signature does not match");
    json_decref(j);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),   cmocka_unit_test(test_states), cmocka_unit_test(test_columns),
        cmocka_unit_test(test_escapes), cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
