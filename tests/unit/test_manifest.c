/* manifest: all that is written is read back, and every malformed member is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/manifest.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

static char *from[] = {TEXT("a1"), TEXT("b2"), NULL}, *to[] = {NULL}, *notes[] = {TEXT("a note"), NULL};
static char *generated[] = {TEXT("total"), NULL}, *key[] = {TEXT("id"), TEXT("name"), NULL};
static char *labels[] = {TEXT("new"), TEXT("paid"), NULL};

static struct manifest_column columns[] = {
    {.name = TEXT("id"), .type = TEXT("bigint"), .identity = 'a', .not_null = 1},
    {.name = TEXT("name"), .type = TEXT("text"), .collation = TEXT("pg_catalog.\"C\""),
     .expression = TEXT("'x'::text")},
    {.name = TEXT("photo"), .type = TEXT("bytea"), .base64 = 1},
};

static struct manifest_table tables[] = {
    {.stream = 3, .oid = 16400, .schema = TEXT("public"), .name = TEXT("orders"), .kind = 'r',
     .persistence = 'p', .owner = TEXT("app"), .parent_schema = TEXT("part"),
     .parent_name = TEXT("all_orders"), .columns = columns, .ncolumns = 3, .generated = generated,
     .key = key, .filter = TEXT("t.id > 5"), .complete = 0, .because = TEXT("DROP COLUMN name"),
     .rows = 123456789012, .bytes = 987654321098, .digest = "00112233445566778899aabbccddeeff"},
    {.stream = 0, .oid = UINT32_MAX, .schema = TEXT("public"), .name = TEXT("empty"), .kind = 'p',
     .persistence = 'u', .digest = "ffffffffffffffffffffffffffffffff"},
};

static struct manifest_sequence sequences[] = {
    {.schema = TEXT("public"), .name = TEXT("orders_id_seq"), .type = TEXT("bigint"),
     .last_value = TEXT("-9223372036854775808"), .is_called = 1, .table_schema = TEXT("public"),
     .table_name = TEXT("orders"), .column = TEXT("id")},
};

static struct manifest_type types[] = {
    {.schema = TEXT("public"), .name = TEXT("state"), .kind = 'e', .members = labels},
};

static const struct manifest whole = {
    .tool = TEXT("mig-backup 0.1.0"), .created = TEXT("2026-11-20T10:30:00Z"),
    .server_version = 150004, .system_id = TEXT("7300000000000000001"), .database = TEXT("shop"),
    .database_oid = 16384, .encoding = TEXT("UTF8"), .collate = TEXT("C"), .ctype = TEXT("de_DE"),
    .role = TEXT("app"), .os_user = TEXT("ann"), .name = TEXT("before"), .purpose = TEXT("manual"),
    .reason = TEXT("care"), .environment = TEXT("prod"), .command = TEXT("create"),
    .scope = TEXT("loss"), .from = from, .to = to, .tables = tables, .ntables = 2,
    .sequences = sequences, .nsequences = 1, .types = types, .ntypes = 1,
    .ddl = TEXT("CREATE TABLE orders ();"), .no_ddl = TEXT("no pg_dump"), .notes = notes,
};

static json_t *encode(void)
{
    struct err err = {0};
    json_t *j = manifest_json(&whole, &err);

    assert_non_null(j);
    return j;
}

static void same_list(char **got, char *const *expected)
{
    size_t i = 0;

    assert_non_null(got);
    for (; expected[i] != NULL; i++)
        assert_string_equal(got[i], expected[i]);
    assert_null(got[i]);
}

static void same_table(const struct manifest_table *got, const struct manifest_table *t)
{
    assert_int_equal(got->stream, t->stream);
    assert_int_equal(got->oid, t->oid);
    assert_string_equal(got->schema, t->schema);
    assert_string_equal(got->name, t->name);
    assert_int_equal(got->kind, t->kind);
    assert_int_equal(got->persistence, t->persistence);
    assert_int_equal(got->complete, t->complete);
    assert_int_equal(got->rows, t->rows);
    assert_int_equal(got->bytes, t->bytes);
    assert_string_equal(got->digest, t->digest);
    assert_int_equal(got->ncolumns, t->ncolumns);
}

static void test_round_trip(void **state)
{
    json_t *j = encode(), *again;
    char *text = json_dumps(j, 0);
    json_t *parsed = json_loads(text, 0, NULL);
    struct err err = {0};
    struct manifest *m = manifest_read(parsed, &err);
    const struct manifest_table *t;

    if (m == NULL)
        fail_msg("%s", err.message);
    assert_string_equal(m->tool, whole.tool);
    assert_string_equal(m->created, whole.created);
    assert_int_equal(m->server_version, 150004);
    assert_string_equal(m->system_id, whole.system_id);
    assert_string_equal(m->database, "shop");
    assert_int_equal(m->database_oid, 16384);
    assert_string_equal(m->collate, "C");
    assert_string_equal(m->ctype, "de_DE");
    assert_string_equal(m->role, "app");
    assert_string_equal(m->os_user, "ann");
    assert_string_equal(m->ddl, whole.ddl);
    assert_string_equal(m->no_ddl, "no pg_dump");
    same_list(m->from, from);
    same_list(m->to, to); /* known to be none, which is not "not known" */
    same_list(m->notes, notes);
    assert_int_equal(m->ntables, 2);
    same_table(&m->tables[0], &tables[0]);
    same_table(&m->tables[1], &tables[1]);
    t = manifest_table_find(m, "public", "orders");
    assert_ptr_equal(t, &m->tables[0]);
    assert_null(manifest_table_find(m, "orders", "public"));
    same_list(t->key, key);
    same_list(t->generated, generated);
    assert_string_equal(t->filter, "t.id > 5");
    assert_string_equal(t->parent_schema, "part");
    assert_string_equal(t->parent_name, "all_orders");
    assert_int_equal(t->columns[0].identity, 'a');
    assert_int_equal(t->columns[0].not_null, 1);
    assert_int_equal(t->columns[1].identity, 0);
    assert_int_equal(t->columns[1].not_null, 0);
    assert_string_equal(t->columns[1].collation, "pg_catalog.\"C\"");
    assert_string_equal(t->columns[1].expression, "'x'::text");
    assert_int_equal(t->columns[1].base64, 0);
    assert_int_equal(t->columns[2].base64, 1);
    assert_null(t->columns[2].expression);
    assert_int_equal(manifest_column_find(t, "photo"), 2);
    assert_int_equal(manifest_column_find(t, "phot"), -1);
    assert_null(m->tables[1].key);
    assert_null(m->tables[1].filter);
    assert_null(m->tables[1].owner);
    assert_string_equal(m->sequences[0].last_value, "-9223372036854775808");
    assert_int_equal(m->sequences[0].is_called, 1);
    assert_int_equal(m->types[0].kind, 'e');
    same_list(m->types[0].members, labels);
    again = manifest_json(m, &err);
    assert_true(json_equal(again, j));
    json_decref(again);
    json_decref(parsed);
    json_decref(j);
    free(text);
    manifest_free(m);
    manifest_free(NULL);
}

/* The kinds of objects in a manifest, each in its list. */
static const char *const lists[] = {NULL, "tables", "columns", "sequences", "types"};
enum { KINDS = 5 };

static json_t *part(json_t *j, size_t kind)
{
    if (kind == 0)
        return j;
    return json_array_get(json_object_get(kind == 2 ? part(j, 1) : j, lists[kind]), 0);
}

/* J, which it takes, is refused, and the message has KEY in quotes. */
static void refused(json_t *j, const char *name, const char *how)
{
    struct err err = {0};
    struct manifest *m = manifest_read(j, &err);
    char quoted[64];

    (void)snprintf(quoted, sizeof(quoted), "\"%s\"", name);
    if (m != NULL)
        fail_msg("%s: %s is taken", name, how);
    assert_int_equal(err.kind, ERR_BACKUP);
    if (strstr(err.message, quoted) == NULL)
        fail_msg("%s: %s: %s", name, how, err.message);
    json_decref(j);
}

static void refused_value(size_t kind, const char *name, json_t *value, const char *how)
{
    json_t *j = encode();

    assert_non_null(json_object_get(part(j, kind), name));
    assert_int_equal(json_object_set_new(part(j, kind), name, value), 0);
    refused(j, name, how);
}

/* Every member of every kind of object: missing, or of a type that no member has. */
static void test_every_member(void **state)
{
    json_t *model = encode();
    size_t members = 0;

    for (size_t kind = 0; kind < KINDS; kind++) {
        const char *name;
        json_t *value;

        json_object_foreach (part(model, kind), name, value) {
            /* Files of earlier versions do not have it. */
            if (kind != 2 || strcmp(name, "number") != 0) {
                json_t *j = encode();

                assert_int_equal(json_object_del(part(j, kind), name), 0);
                refused(j, name, "left out");
            }
            refused_value(kind, name, json_object(), "an object");
            members++;
        }
    }
    assert_int_equal(members, 26 + 18 + 8 + 8 + 4);
    json_decref(model);
}

/* What may not be null is not; what is text is not a number. */
static void test_types(void **state)
{
    static const struct {
        size_t kind;
        const char *names[12];
    } texts[] = {
        {0, {"tool", "created", "system_id", "database", "encoding", "scope", NULL}},
        {1, {"schema", "name", "digest", NULL}},
        {2, {"name", "type", NULL}},
        {3, {"schema", "name", "type", "last_value", NULL}},
        {4, {"schema", "name", NULL}},
    };
    static const struct {
        size_t kind;
        const char *names[6];
    } numbers[] = {
        {0, {"server_version", "database_oid", NULL}},
        {1, {"stream", "oid", "rows", "bytes", NULL}},
        {2, {"number", NULL}},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        for (const char *const *n = texts[i].names; *n != NULL; n++) {
            refused_value(texts[i].kind, *n, json_null(), "null");
            refused_value(texts[i].kind, *n, json_integer(1), "a number");
        }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        for (const char *const *n = numbers[i].names; *n != NULL; n++) {
            refused_value(numbers[i].kind, *n, json_integer(-1), "negative");
            refused_value(numbers[i].kind, *n, json_string("1"), "a text");
            refused_value(numbers[i].kind, *n, json_real(1.0), "a fraction");
            refused_value(numbers[i].kind, *n, json_null(), "null");
        }
    refused_value(1, "complete", json_integer(1), "a number");
    refused_value(3, "is_called", json_null(), "null");
    refused_value(1, "kind", json_string("rr"), "two letters");
    refused_value(2, "identity", json_string(""), "no letter");
    refused_value(0, "from", json_pack("[s,i]", "a1", 2), "a list with a number");
    refused_value(0, "notes", json_string("x"), "a text");
    refused_value(0, "tables", json_null(), "null");
    refused_value(1, "columns", json_null(), "null");
    refused_value(4, "members", json_pack("[n]"), "a list with null");
}

/* Numbers that do not fit are not cut down to others: stream 2^32 is not "no rows". */
static void test_large(void **state)
{
    refused_value(1, "stream", json_integer((json_int_t)1 << 32), "2^32");
    refused_value(1, "stream", json_integer(1 << 24), "2^24");
    refused_value(1, "oid", json_integer(((json_int_t)1 << 32) + 7), "2^32 + 7");
    refused_value(0, "database_oid", json_integer((json_int_t)1 << 32), "2^32");
    refused_value(0, "server_version", json_integer((json_int_t)1 << 31), "2^31");
}

/* It becomes part of a command. */
static void test_last_value(void **state)
{
    static const char *const bad[] = {"", "-", "--1", "+1", " 1", "1 ", "1.0", "0x1", "1e3",
                                      "1); DROP TABLE x; --", "123456789012345678901"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused_value(3, "last_value", json_string(bad[i]), bad[i]);
}

static void test_digest_and_key(void **state)
{
    refused_value(1, "digest", json_string("0011"), "short");
    refused_value(1, "digest", json_string("00112233445566778899aabbccddeeff0"), "long");
    refused_value(1, "digest", json_string("0011223344556677889 aabbccddeeff"), "with a blank");
    refused_value(1, "key", json_pack("[s,s]", "id", "total"), "of a column that is not saved");
    refused_value(1, "key", json_array(), "of no column");
}

/* A letter that nobody knows, a contradiction, a name twice. */
static void test_strict(void **state)
{
    json_t *j;

    (void)state;
    refused_value(1, "kind", json_null(), "null");
    refused_value(1, "kind", json_string("v"), "a view");
    refused_value(1, "stream", json_integer(0), "without rows, a table");
    refused_value(1, "persistence", json_null(), "null");
    refused_value(1, "persistence", json_string("t"), "temporary");
    refused_value(2, "identity", json_string("x"), "x");
    refused_value(4, "kind", json_null(), "null");
    refused_value(4, "kind", json_string("b"), "a base type");
    refused_value(1, "complete", json_true(), "with a filter");
    refused_value(1, "name", json_string(""), "empty");
    j = encode();
    assert_int_equal(json_array_append(json_object_get(j, "tables"), part(j, 1)), 0);
    refused(j, "name", "a table twice");
    j = encode();
    assert_int_equal(json_array_append(json_object_get(part(j, 1), "columns"), part(j, 2)), 0);
    refused(j, "columns", "a column twice");
}

/* Names that are not UTF-8 are refused when the file is written: nobody could find them again. */
static void test_names(void **state)
{
    struct manifest m = whole;
    struct manifest_table t = tables[0];
    struct manifest_type ty = types[0];
    char *odd[] = {TEXT("ok"), TEXT("\xe9"), NULL};
    struct err err = {0};

    (void)state;
    assert_int_equal(manifest_check_names(&m, &err), 0);
    m.tables = &t;
    m.ntables = 1;
    t.name = TEXT("caf\xe9");
    assert_int_equal(manifest_check_names(&m, &err), -1);
    assert_non_null(strstr(err.message, "caf\\xe9"));
    err_clear(&err);
    t = tables[0];
    m.types = &ty;
    ty.members = odd;
    assert_int_equal(manifest_check_names(&m, &err), -1);
}

static void test_not_one(void **state)
{
    json_t *j = encode();
    struct err err = {0};

    assert_int_equal(json_object_set_new(j, "manifest", json_integer(2)), 0);
    assert_null(manifest_read(j, &err));
    assert_non_null(strstr(err.message, "newer version"));
    json_decref(j);
    refused(json_array(), "manifest", "a list");
    refused(json_null(), "manifest", "null");
    j = encode();
    assert_int_equal(json_array_append_new(json_object_get(j, "tables"), json_integer(1)), 0);
    refused(j, "stream", "a table that is a number");
}

/* A name from a database that knows no encoding. */
static void test_latin1(void **state)
{
    struct manifest m = whole;
    struct err err = {0};
    struct manifest *back;
    json_t *j;

    m.database = TEXT("caf\xe9\xff!");
    j = manifest_json(&m, &err);
    assert_non_null(j);
    back = manifest_read(j, &err);
    assert_non_null(back);
    assert_string_equal(back->database, "caf\xc3\xa9\xc3\xbf!");
    manifest_free(back);
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_member),
        cmocka_unit_test(test_types),      cmocka_unit_test(test_large),
        cmocka_unit_test(test_last_value), cmocka_unit_test(test_digest_and_key), cmocka_unit_test(test_strict), cmocka_unit_test(test_names),
        cmocka_unit_test(test_not_one),    cmocka_unit_test(test_latin1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
