/* describe: with a key everything is told, without one what is in the clear; damage is never shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/describe.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/manifest.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

static char dir[] = "/tmp/mig-test-XXXXXX", path[128];
static struct keyring *keys, *stranger;

static struct keyring *new_keys(void)
{
    struct err err = {0};
    struct keyring *k = keyring_new(&err);

    assert_non_null(k);
    assert_int_equal(keyring_add_key(k, key_generate(0, &err), &err), 0);
    return k;
}

/* One file of one table of two rows. */
static int setup(void **state)
{
    static const char rows[] = "[\"1\",null,null]\n[\"2\",\"x\",\"y\"]\n";
    static char *key[] = {TEXT("id"), NULL};
    static const char *const from[] = {"a1b2", NULL};
    static struct manifest_column columns[] = {{.name = TEXT("id"), .type = TEXT("bigint")},
                                               {.name = TEXT("photo"), .type = TEXT("bytea"), .base64 = 1},
                                               {.name = TEXT("gone\033[2J"), .type = TEXT("text")}};
    static struct manifest_table table = {
        .stream = 1, .schema = TEXT("public"), .name = TEXT("orders"), .kind = 'r', .persistence = 'p',
        .columns = columns, .ncolumns = 3, .key = key, .filter = TEXT("t.id > 0"), .because = TEXT("it has \033[31mred"), .rows = 2, .bytes = 22,
        .digest = "00112233445566778899aabbccddeeff"};
    const struct manifest m = {
        .tool = TEXT("mig-backup"), .created = TEXT("2026-11-20T10:30:00Z"), .server_version = 150004,
        .system_id = TEXT(""), .database = TEXT("shop"), .encoding = TEXT("UTF8"), .role = TEXT("app"),
        .os_user = TEXT("ann"), .scope = TEXT("loss"), .tables = &table, .ntables = 1,
        .no_ddl = TEXT("no pg_dump here")};
    struct archive_label label = {.purpose = "manual", .database = "shop", .reason = "esc\033[2J", .from = from};
    struct archive_options o = {.path = path, .label = &label};
    struct row_batch batch = {.data = rows, .len = sizeof(rows) - 1, .rows = 2};
    struct err err = {0};
    struct archive_writer *w;
    uint64_t bytes;
    int verified;
    json_t *j;

    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/a.mig", dir);
    keys = new_keys();
    stranger = new_keys();
    o.keys = keys;
    w = archive_create(&o, &err);
    assert_non_null(w);
    assert_int_equal(archive_put(w, 1, &batch, 1, &err), 0);
    j = manifest_json(&m, &err);
    assert_non_null(j);
    assert_int_equal(archive_finish(w, j, &bytes, &verified, &err), 0);
    json_decref(j);
    archive_writer_free(w);
    return 0;
}

static int teardown(void **state)
{
    keyring_free(keys);
    keyring_free(stranger);
    (void)unlink(path);
    return rmdir(dir);
}

/* What K is told, for people or for programs; owned. */
static char *describe(const struct keyring *k, int as_json)
{
    struct err why = {0}, err = {0};
    struct archive_reader *a = describe_open(path, k, &why, &err);
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    int rc;

    if (a == NULL)
        fail_msg("%s", err.message);
    assert_non_null(f);
    rc = as_json ? describe_print_json(a, path, f, &err) : describe_print(a, path, &why, f, &err);
    if (rc != 0)
        fail_msg("%s", err.message);
    assert_int_equal(fclose(f), 0);
    archive_reader_free(a);
    return text;
}

static void test_open(void **state)
{
    char *text = describe(keys, 0);

    assert_non_null(strstr(text, "public.orders: 2 rows, 22"));
    assert_non_null(strstr(text, "not whole"));
    assert_non_null(strstr(text, "id bigint, photo bytea (base64), gone"));
    assert_non_null(strstr(text, "key id\n"));
    assert_non_null(strstr(text, "only rows where t.id > 0\n"));
    assert_non_null(strstr(text, "digest 00112233445566778899aabbccddeeff\n"));
    assert_non_null(strstr(text, "shop (server 15.4, UTF8)"));
    assert_non_null(strstr(text, "none: no pg_dump here"));
    assert_non_null(strstr(text, "(trusted)"));
    assert_null(strstr(text, "encrypted:"));
    assert_non_null(strstr(text, "saved because it has \\x1b[31mred\n"));
    assert_non_null(strstr(text, "gone\\x1b[2J text"));
    assert_null(strchr(text, '\033')); /* neither a reason nor a name steers the terminal */
    free(text);
}

static void test_closed(void **state)
{
    char *text = describe(stranger, 0);

    assert_non_null(strstr(text, "tables are encrypted: "));
    assert_non_null(strstr(text, "NOT trusted here"));
    assert_non_null(strstr(text, "a1b2")); /* the label is in the clear */
    assert_null(strstr(text, "orders"));
    assert_null(strstr(text, "server 15"));
    free(text);
}

static void test_json(void **state)
{
    char *text = describe(keys, 1);
    json_t *j = json_loads(text, 0, NULL), *t;

    assert_non_null(j);
    assert_true(json_is_true(json_object_get(j, "decrypted")));
    assert_true(json_is_true(json_object_get(j, "trusted")));
    assert_int_equal(json_integer_value(json_object_get(j, "rows")), 2);
    assert_int_equal(json_array_size(json_object_get(j, "recipients")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(j, "from"), 0)), "a1b2");
    t = json_array_get(json_object_get(j, "tables"), 0);
    assert_string_equal(json_string_value(json_object_get(t, "name")), "public.orders");
    assert_int_equal(json_integer_value(json_object_get(t, "rows")), 2);
    assert_true(json_is_false(json_object_get(t, "complete")));
    assert_int_equal(json_array_size(json_object_get(t, "columns")), 3);
    json_decref(j);
    free(text);
    text = describe(stranger, 1);
    j = json_loads(text, 0, NULL);
    assert_non_null(j);
    assert_true(json_is_false(json_object_get(j, "decrypted")));
    assert_true(json_is_false(json_object_get(j, "trusted")));
    assert_null(json_object_get(j, "tables"));
    json_decref(j);
    free(text);
}

/* One byte of each part of the file changed: no description, but an error.  The last place is in the
 * manifest, which only somebody with the key sees. */
static void test_damaged(void **state)
{
    long places[] = {20, 130, -1, -300, 0};
    struct err none = {0};
    struct archive_reader *whole = archive_inspect(path, keys, &none);

    assert_non_null(whole);
    places[4] = (long)archive_footer(whole)->index_offset - 5;
    archive_reader_free(whole);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct err why = {0}, err = {0};
        FILE *f = fopen(path, "r+");
        int c;

        assert_non_null(f);
        assert_int_equal(fseek(f, places[i], places[i] < 0 ? SEEK_END : SEEK_SET), 0);
        c = fgetc(f);
        assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
        assert_int_equal(fputc(c ^ 1, f), c ^ 1);
        assert_int_equal(fclose(f), 0);
        assert_null(describe_open(path, keys, &why, &err));
        assert_int_equal(err.kind, ERR_BACKUP);
        f = fopen(path, "r+");
        assert_non_null(f);
        assert_int_equal(fseek(f, places[i], places[i] < 0 ? SEEK_END : SEEK_SET), 0);
        assert_int_equal(fputc(c, f), c);
        assert_int_equal(fclose(f), 0);
    }
    free(describe(keys, 0)); /* and whole again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
