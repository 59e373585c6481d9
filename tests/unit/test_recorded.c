/* recorded: which backup is gone back to, and what of it is put back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/label.h"
#include "backup/manifest.h"
#include "backup/restore.h"
#include "core/cli.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/environment.h"
#include "rollback/guard.h"
#include "rollback/recorded.h"

static char folder[] = "/tmp/mig-recorded.XXXXXX";
static char app[] = "app", sys[] = "42", rev[] = "b2", rev2[] = "c3", pub[] = "public", word[] = "x", integer[] = "integer",
            text_type[] = "text";
static struct keyring *keys;
static struct err err;

/* A backup made at the version rows FROM, with three tables; its id. */
static const char *make(char **from)
{
    static char id[65];
    static char phone[] = "phone", made[] = "made", column[] = "column_back", gone[] = "gone", created[] = "2026-11-20T10:30:00Z";
    struct manifest_column columns[2] = {{.name = word, .type = integer}, {.name = phone, .type = text_type}};
    struct manifest_table tables[3] = {{.name = made}, {.name = column}, {.name = gone}};
    struct manifest m = {.tool = word, .created = created, .server_version = 150000, .system_id = sys, .database = app,
                         .database_oid = 7, .encoding = word, .scope = word, .from = from, .tables = tables, .ntables = 3};
    struct archive_label label = {.purpose = "test", .database = "app", .created = created, .system_id = sys};
    struct archive_options o = {.keys = keys, .dir = folder, .label = &label};
    struct row_batch rows = {.data = "[\"1\",\"2\"]\n", .len = 10, .rows = 1};
    struct archive_writer *w;
    json_t *json;
    uint64_t bytes;
    int verified;

    memset(&err, 0, sizeof(err));
    for (uint32_t i = 0; i < 3; i++) {
        tables[i].stream = i + 1;
        tables[i].oid = 100 + i;
        tables[i].schema = pub;
        tables[i].owner = word;
        tables[i].kind = 'r';
        tables[i].persistence = 'p';
        tables[i].columns = columns;
        tables[i].ncolumns = 2;
        tables[i].rows = 1;
        memset(tables[i].digest, 'a', 32);
    }
    json = manifest_json(&m, &err);
    if (json == NULL || (w = archive_create(&o, &err)) == NULL) {
        fail_msg("%s", err.message);
        return NULL;
    }
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(archive_put(w, i, &rows, 1, &err), 0);
    assert_int_equal(archive_finish(w, json, &bytes, &verified, &err), 0);
    strcpy(id, archive_id(w));
    json_decref(json);
    archive_writer_free(w);
    return id;
}

static struct cli_common common = {.dir = folder};
static struct rollback_request request = {.common = &common};
static struct environment here;
static struct guard g = {.request = &request, .environment = &here};

static int begin(void **state)
{
    here = (struct environment){.system_id = sys, .database_oid = 7, .database = app};
    request.keys = keys;
    memset(&err, 0, sizeof(err));
    return 0;
}

static void test_whose(void **state)
{
    static char other[] = "43", none[] = "";
    char *from[] = {rev, NULL}, *base[] = {NULL}, *two[] = {rev, rev2, NULL};
    char id[65];
    struct recorded *r;

    snprintf(id, sizeof(id), "%s", make(from));
    if ((r = recorded_open(&g, id, &err)) == NULL)
        fail_msg("%s", err.message);
    assert_string_equal(recorded_revision(r), "b2");
    recorded_free(r);
    here.system_id = other;
    assert_null(recorded_open(&g, id, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    memset(&err, 0, sizeof(err));
    here.system_id = sys;
    here.database_oid = 8; /* dropped and made again under the same name */
    assert_null(recorded_open(&g, id, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    memset(&err, 0, sizeof(err));
    here.system_id = none; /* the role may not ask: the name has to do */
    r = recorded_open(&g, id, &err);
    assert_non_null(r);
    recorded_free(r);
    here.system_id = sys;
    here.database_oid = 7;
    r = recorded_open(&g, make(base), &err);
    assert_non_null(r);
    assert_string_equal(recorded_revision(r), "base"); /* no rows is a version, too */
    recorded_free(r);
    assert_null(recorded_open(&g, make(NULL), &err));
    assert_int_equal(err.kind, ERR_USAGE);
    /* Which of several is meant, only the database's own rows say. */
    memset(&err, 0, sizeof(err));
    r = recorded_open(&g, make(two), &err);
    assert_non_null(r);
    recorded_free(r);
}

static int values_of(const char *id, char **to, char ***notes, struct recorded **r,
                     const struct run_values **values, size_t *n)
{
    char path[96];
    const char *files[] = {path};
    struct plan_request how = {.direction = PLAN_SQL, .sql_files = files, .nsql_files = 1};
    struct plan *plan;
    char **was;
    FILE *f;
    int rc;

    snprintf(path, sizeof(path), "%s/x.sql", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("CREATE TABLE public.made (x int);\nALTER TABLE public.column_back ADD COLUMN phone text, ADD COLUMN new int;\n"
          "CREATE TABLE other.gone (x int);", f);
    fclose(f);
    plan = plan_make(&how, NULL, &err);
    assert_non_null(plan);
    was = plan->to;
    plan->to = to;
    g.plan = plan;
    assert_non_null(*r = recorded_open(&g, id, &err));
    rc = recorded_values(*r, &g, values, n, notes, &err);
    plan->to = was;
    plan_free(plan);
    g.plan = NULL;
    unlink(path);
    return rc;
}

static void test_values(void **state)
{
    char *from[] = {rev, NULL}, *to[] = {rev2, NULL};
    const struct run_values *values;
    struct recorded *r;
    char **notes = NULL;
    char id[65];
    size_t n;

    snprintf(id, sizeof(id), "%s", make(from));
    assert_int_equal(values_of(id, from, &notes, &r, &values, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(values->ntargets, 2);
    assert_string_equal(values->targets[0].name, "made");
    assert_int_equal(values->targets[0].mode, RESTORE_REPLACE);
    assert_null(values->targets[0].columns);
    assert_string_equal(values->targets[1].name, "column_back");
    assert_int_equal(values->targets[1].mode, RESTORE_COLUMNS);
    assert_string_equal(values->targets[1].columns[0], "phone");
    assert_null(values->targets[1].columns[1]); /* the new one is not in the backup */
    /* another schema's table of the name is another one */
    assert_int_equal(strings_count(notes), 1);
    assert_non_null(strstr(notes[0], "public.gone is in the backup"));
    strings_free(notes);
    recorded_free(r);
    /* A plan that leads elsewhere puts nothing back. */
    notes = NULL;
    assert_int_equal(values_of(id, to, &notes, &r, &values, &n), -1);
    assert_int_equal(n, 0);
    strings_free(notes);
    recorded_free(r);
}

static int setup(void **state)
{
    log_init("test", LOG_ERROR);
    if (mkdtemp(folder) == NULL)
        return -1;
    keys = keyring_new(&err);
    return keyring_add_key(keys, key_generate(0, &err), &err);
}

static int teardown(void **state)
{
    char command[100];

    keyring_free(keys);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_whose, begin),
        cmocka_unit_test_setup(test_values, begin),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
