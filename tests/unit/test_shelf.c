/* shelf, label, receipt, prune, rekey, reencrypt: files on a shelf, without a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/label.h"
#include "backup/prune.h"
#include "backup/receipt.h"
#include "backup/rekey.h"
#include "backup/shelf.h"
#include "core/buf.h"
#include "core/cli.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/outfile.h"

static char dir[64], state_dir[80];
static struct keyring *keys, *other;
static struct err err;
static time_t now;

static struct keyring *new_ring(void)
{
    struct keyring *k = keyring_new(&err);

    assert_int_equal(keyring_add_key(k, key_generate(0, &err), &err), 0);
    return k;
}

static int setup(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR);
    memset(&err, 0, sizeof(err));
    strcpy(dir, "/tmp/mig-shelf-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(state_dir, sizeof(state_dir), "%s/.state", dir);
    keys = new_ring();
    other = new_ring();
    now = label_time("2026-11-20T12:00:00Z");
    return 0;
}

static int teardown(void **state)
{
    char command[100];

    (void)state;
    keyring_free(keys);
    keyring_free(other);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* A backup of DATABASE, DAYS and HOURS before now; its id. */
static const char *make(const struct keyring *k, const char *database, int days, int hours, const char *name)
{
    static char id[65];
    time_t when = now - days * 86400 - hours * 3600;
    char created[24];
    struct tm tm;
    struct archive_label label = {.name = name, .purpose = "test", .database = database, .created = created};
    struct archive_options o = {.keys = k, .dir = dir, .label = &label};
    struct row_batch rows = {.data = "[\"1\"]\n", .len = 6, .rows = 1};
    struct archive_writer *w;
    json_t *m = json_object();
    uint64_t bytes;
    int verified;

    (void)gmtime_r(&when, &tm);
    (void)strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
    w = archive_create(&o, &err);
    if (w == NULL)
        fail_msg("%s", err.message);
    assert_int_equal(archive_put(w, 1, &rows, 1, &err), 0);
    assert_int_equal(archive_finish(w, m, &bytes, &verified, &err), 0);
    strcpy(id, archive_id(w));
    json_decref(m);
    archive_writer_free(w);
    return id;
}

static void test_times(void **state)
{
    (void)state;
    assert_int_equal(label_time("1970-01-01T00:00:01Z"), 1);
    assert_int_equal(label_time("2000-02-29T12:34:56Z"), 951827696);
    assert_int_equal(label_time("2026-11-20T10:30:00Z"), 1795170600);
    assert_int_equal(label_time("2100-12-31T23:59:59Z"), 4133980799);
    assert_int_equal(label_time("2026-11-20 10:30:00Z"), 0);
    assert_int_equal(label_time("2026-13-20T10:30:00Z"), 0);
    assert_int_equal(label_time("2026-11-20T10:30:00"), 0);
    assert_int_equal(label_time(NULL), 0);
}

static void test_labels(void **state)
{
    static const char *const bad[] = {"", "[]", "{}", "{\"created\":1}", "{\"created\":\"yesterday\"}",
                                      "{\"created\":\"2026-11-20T10:30:00Z\",\"created\":\"2026-11-20T10:30:00Z\"}",
                                      "{\"created\":\"2026-11-20T10:30:00Z\",\"name\":5}",
                                      "{\"created\":\"2026-11-20T10:30:00Z\"} x"};
    struct archive_label label = {.reason = "because \"so\"\n"};
    char *text = label_encode(&label, "2026-11-20T10:30:00Z", &err);
    json_t *l = label_decode(text, strlen(text), &err);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(l, "reason")), "because \"so\"\n");
    json_decref(l);
    free(text);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(label_decode(bad[i], strlen(bad[i]), &err));
        assert_int_equal(err.kind, ERR_BACKUP);
        err_clear(&err);
    }
    label.reason = "\xff";
    assert_null(label_encode(&label, "2026-11-20T10:30:00Z", &err));
}

static void test_make(void **state)
{
    char path[128];
    struct stat st;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/a/b", dir);
    assert_int_equal(shelf_make(path, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    strcat(path, "/.gitignore");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(shelf_make(path, &err), -1); /* a file */
    assert_int_equal(err.kind, ERR_USAGE);
}

static void test_read(void **state)
{
    struct shelf *s = shelf_read(dir, keys, &err);
    char path[128];

    (void)state;
    assert_int_equal(s->count, 0);
    shelf_free(s);
    s = shelf_read("/nonexistent", keys, &err);
    assert_int_equal(s->count, 0);
    shelf_free(s);
    (void)make(keys, "shop", 2, 0, "two");
    (void)make(keys, "shop", 1, 0, "one");
    (void)make(other, "shop", 3, 0, "theirs");
    (void)snprintf(path, sizeof(path), "%s/junk.mig", dir);
    assert_int_equal(outfile_write_whole(path, "junk", 4, &err), 0);
    s = shelf_read(dir, keys, &err);
    assert_int_equal(s->count, 4);
    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];

        if (strcmp(e->name, "junk.mig") == 0) {
            assert_non_null(e->problem);
            assert_int_equal(e->trusted, 0);
        } else {
            assert_null(e->problem);
            assert_string_equal(e->database, "shop");
            assert_int_equal(e->trusted, strcmp(e->label, "theirs") != 0);
        }
        if (i > 0)
            assert_true(s->entries[i - 1].when >= e->when);
    }
    shelf_free(s);
}

/* ---- prune ---- */

static struct prune_options rules(void)
{
    return (struct prune_options){.dir = dir, .state_dir = state_dir, .keys = keys, .now = now};
}

/* How many would go, and do; then how many are left. */
static void prunes(const struct prune_options *o, size_t removed, size_t left)
{
    struct prune_options dry = *o;
    struct prune_result r;
    struct shelf *s;

    dry.dry_run = 1;
    assert_int_equal(prune_run(&dry, &r, &err), 0);
    assert_int_equal(r.removed, removed);
    prune_result_free(&r);
    if (prune_run(o, &r, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(r.removed, removed);
    prune_result_free(&r);
    s = shelf_read(dir, keys, &err);
    assert_int_equal(s->count, left);
    shelf_free(s);
}

static void test_prune_last(void **state)
{
    struct prune_options o = rules();
    struct prune_result r;

    (void)state;
    for (int i = 0; i < 5; i++) {
        (void)make(keys, "shop", i, 0, NULL);
        (void)make(keys, "blog", i + 100, 0, NULL);
    }
    assert_int_equal(prune_run(&o, &r, &err), -1); /* no rule */
    assert_int_equal(err.kind, ERR_USAGE);
    err_clear(&err);
    prune_result_free(&r);
    o.last = 2;
    prunes(&o, 6, 4); /* two of each database */
    prunes(&o, 0, 4);
}

static void test_prune_periods(void **state)
{
    struct prune_options o = rules();

    (void)state;
    for (int day = 0; day < 20; day++)
        for (int hour = 0; hour < 3; hour++)
            (void)make(keys, "shop", day, hour, NULL);
    o.within_ms = (int64_t)86400 * 1000 * 2 + 1; /* days 0 and 1, and the first of day 2: 7 */
    o.daily = 5;                                 /* days 3 and 4 more */
    o.weekly = 3;   /* Friday 20 Nov: its week, Sunday 15 (day 5), Sunday 8 (day 12): 2 more */
    prunes(&o, 60 - 11, 11);
}

static void test_prune_names(void **state)
{
    struct prune_options o = rules();
    const char *patterns[] = {"rel*"};
    struct cli_list names = {patterns, 1};

    (void)state;
    (void)make(keys, "shop", 0, 0, "nightly");
    (void)make(keys, "shop", 9, 0, "release 7");
    (void)make(keys, "shop", 10, 0, "nightly");
    o.names = &names;
    o.last = 1;
    prunes(&o, 1, 2);
}

static void test_prune_keeps_what_it_cannot_judge(void **state)
{
    struct prune_options o = rules();
    char path[128];

    (void)state;
    (void)make(keys, "shop", 1, 0, NULL);
    (void)make(other, "shop", 50, 0, NULL); /* a stranger's */
    (void)snprintf(path, sizeof(path), "%s/cut.mig", dir);
    assert_int_equal(outfile_write_whole(path, "cut", 3, &err), 0);
    o.last = 1;
    prunes(&o, 0, 3);
    o.max_age_ms = (int64_t)86400 * 1000 * 30;
    prunes(&o, 1, 2); /* the greatest age goes over it; the cut file is as young as its mtime */
}

static void test_prune_keeps_what_a_run_needs(void **state)
{
    struct prune_options o = rules();
    struct journal *j = journal_create(state_dir, "7-16384", &err);
    const char *id;

    (void)state;
    assert_non_null(j);
    (void)make(keys, "shop", 0, 0, NULL);
    (void)make(keys, "shop", 4, 0, NULL);
    id = make(keys, "shop", 5, 0, NULL);
    assert_int_equal(journal_write(j, "backup", json_pack("{s:s}", "archive_id", id), &err), 0);
    assert_int_equal(journal_write(j, "outcome", json_pack("{s:s}", "outcome", "committed"), &err), 0);
    o.last = 1;
    prunes(&o, 1, 2);
    assert_int_equal(journal_write(j, "undone", NULL, &err), 0);
    prunes(&o, 1, 1);
    journal_free(j);
}

/* The newest has rotted: the older one, which is good, must not go. */
static void test_prune_proves_what_stays(void **state)
{
    struct prune_options o = rules();
    struct shelf *s;
    FILE *f;
    int c;

    (void)state;
    (void)make(keys, "shop", 3, 0, NULL);
    (void)make(keys, "shop", 2, 0, NULL);
    (void)make(keys, "shop", 0, 0, NULL);
    s = shelf_read(dir, keys, &err);
    f = fopen(s->entries[0].path, "r+");
    (void)fseek(f, FORMAT_ALIGN + 2 * FORMAT_SLOTS_MIN + 60, SEEK_SET); /* in its first frame */
    c = fgetc(f);
    (void)fseek(f, -1, SEEK_CUR);
    (void)fputc(c ^ 1, f);
    (void)fclose(f);
    shelf_free(s);
    o.last = 1;
    prunes(&o, 1, 2);
}

/* Backups stopped long ago: the greatest age must not take the last good one of a database. */
static void test_prune_age_leaves_one(void **state)
{
    struct prune_options o = rules();

    (void)state;
    (void)make(keys, "shop", 40, 0, NULL);
    (void)make(keys, "shop", 50, 0, NULL);
    (void)make(keys, "blog", 60, 0, NULL);
    o.max_age_ms = (int64_t)86400 * 1000 * 30;
    prunes(&o, 1, 2);
    (void)make(keys, "shop", 1, 0, NULL);
    prunes(&o, 1, 2);
    o.last = 1;
    prunes(&o, 0, 2);
}

/* A clock that was wrong once does not stand in the place of the newest; it stays to be looked at. */
static void test_prune_future(void **state)
{
    struct prune_options o = rules();

    (void)state;
    (void)make(keys, "shop", -900, 0, NULL);
    (void)make(keys, "shop", 1, 0, "real");
    (void)make(keys, "shop", 2, 0, NULL);
    o.last = 1;
    prunes(&o, 1, 2);
}

/* The same backup twice counts once. */
static void test_prune_copies(void **state)
{
    struct prune_options o = rules();
    struct shelf *s;
    struct buf b = {0};
    char path[128];

    (void)state;
    (void)make(keys, "shop", 1, 0, NULL);
    (void)make(keys, "shop", 2, 0, NULL);
    (void)make(keys, "shop", 3, 0, NULL);
    s = shelf_read(dir, keys, &err);
    assert_int_equal(buf_read_file(&b, s->entries[0].path, 0, &err), 0);
    (void)snprintf(path, sizeof(path), "%s/copy.mig", dir);
    assert_int_equal(outfile_write_whole(path, b.data, b.len, &err), 0);
    buf_free(&b);
    shelf_free(s);
    o.last = 2;
    prunes(&o, 1, 3);
}

/* ---- rekey and reencrypt ---- */

static char *only_file(void)
{
    struct shelf *s = shelf_read(dir, keys, &err);
    char *path = strdup(s->entries[0].path);

    shelf_free(s);
    return path;
}

static int opens(const char *path, const struct keyring *k)
{
    struct err e = {0};
    struct archive_reader *r = archive_open(path, k, &e);
    int yes = r != NULL;

    archive_reader_free(r);
    return yes;
}

static void test_rekey(void **state)
{
    char pub[KEY_PUBLIC_TEXT], mine[KEY_PUBLIC_TEXT], nobody[KEY_PUBLIC_TEXT];
    struct keyring *third = new_ring();
    const char *add[] = {pub}, *remove[] = {mine};
    struct cli_list adds = {add, 1}, removes = {remove, 1};
    struct rekey_options o = {.keys = keys};
    struct rekey_result r;
    char *path;

    (void)state;
    (void)make(keys, "shop", 0, 0, NULL);
    path = only_file();
    key_public_text(key_public(keyring_key(keys, 0)), mine);
    key_public_text(key_public(keyring_key(other, 0)), pub);
    key_public_text(key_public(keyring_key(third, 0)), nobody);
    assert_int_equal(keyring_add_trust(other, mine, &err), 0);
    assert_false(opens(path, other));
    o.add = &adds;
    assert_int_equal(rekey_file(path, &o, &r, &err), 0);
    assert_int_equal(r.added, 1);
    assert_int_equal(r.recipients, 2);
    assert_false(r.locked_out);
    assert_true(opens(path, other));
    assert_true(opens(path, keys));
    assert_int_equal(rekey_file(path, &o, &r, &err), 0); /* again: nothing to add */
    assert_int_equal(r.added, 0);
    assert_int_equal(r.recipients, 2);
    o.add = NULL;
    o.remove = &removes;
    remove[0] = nobody;
    assert_int_equal(rekey_file(path, &o, &r, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    err_clear(&err);
    remove[0] = mine;
    assert_int_equal(rekey_file(path, &o, &r, &err), 0);
    assert_int_equal(r.removed, 1);
    assert_true(r.locked_out);
    assert_false(opens(path, keys));
    assert_true(opens(path, other));
    o.keys = other;
    remove[0] = pub;
    assert_int_equal(rekey_file(path, &o, &r, &err), -1); /* the last one */
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_true(opens(path, other));
    keyring_free(third);
    free(path);
}

static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+");
    int c;

    (void)fseek(f, at, SEEK_SET);
    c = fgetc(f);
    (void)fseek(f, at, SEEK_SET);
    (void)fputc(c ^ 1, f);
    (void)fclose(f);
}

static void test_rekey_repairs(void **state)
{
    struct rekey_options o = {.keys = keys};
    struct archive_reader *a;
    struct rekey_result r;
    const char *problem;
    char *path;

    (void)state;
    (void)make(keys, "shop", 0, 0, NULL);
    path = only_file();
    for (int copy = 0; copy < 2; copy++) {
        flip(path, FORMAT_ALIGN + copy * FORMAT_SLOTS_MIN + 100);
        assert_non_null(a = archive_open(path, keys, &err));
        assert_int_equal(archive_slots_generation(a, copy, &problem), 0);
        assert_non_null(problem);
        archive_reader_free(a);
        assert_int_equal(rekey_file(path, &o, &r, &err), 0);
        assert_true(r.repaired);
        assert_non_null(a = archive_open(path, keys, &err));
        for (int i = 0; i < 2; i++)
            assert_int_equal(archive_slots_generation(a, i, &problem), 2 + copy);
        archive_reader_free(a);
    }
    free(path);
}

static void test_reencrypt(void **state)
{
    struct reencrypt_result r;
    struct receipt before, after;
    char *path;

    (void)state;
    (void)make(keys, "shop", 3, 0, "kept name");
    path = only_file();
    if (reencrypt_file(path, NULL, keys, &r, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(receipt_read(path, keys, &before, &err), 0);
    assert_int_equal(receipt_read(r.file, keys, &after, &err), 0);
    assert_string_not_equal(before.archive_id, after.archive_id);
    assert_string_equal(before.created, after.created);
    assert_string_equal(after.name, "kept name");
    assert_int_equal(after.rows, 1);
    assert_true(opens(r.file, keys));
    receipt_free(&before);
    receipt_free(&after);
    free(r.file);
    free(path);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_times), T(test_labels), T(test_make), T(test_read), T(test_prune_last), T(test_prune_periods),
        T(test_prune_names), T(test_prune_keeps_what_it_cannot_judge), T(test_prune_keeps_what_a_run_needs),
        T(test_prune_proves_what_stays), T(test_prune_age_leaves_one), T(test_prune_future), T(test_prune_copies), T(test_rekey), T(test_rekey_repairs), T(test_reencrypt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
