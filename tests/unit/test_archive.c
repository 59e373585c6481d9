/* archive: what is put in comes out, in order, whole; nothing half-done stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/receipt.h"
#include "backup/slots.h"
#include "core/buf.h"

struct fixture {
    char dir[64], path[128];
    struct keyring *keys;
    struct err err;
};

static struct keyring *new_keys(void)
{
    struct err err = {0};
    struct keyring *k = keyring_new(&err);

    assert_non_null(k);
    assert_int_equal(keyring_add_key(k, key_generate(0, &err), &err), 0);
    return k;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    strcpy(f->dir, "/tmp/mig-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/a.mig", f->dir);
    f->keys = new_keys();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[256];

    keyring_free(f->keys);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static struct archive_writer *begin(struct fixture *f)
{
    static const char *const from[] = {"a1", NULL};
    struct archive_label label = {.name = "n", .purpose = "test", .database = "db", .from = from};
    struct archive_options o = {.keys = f->keys, .path = f->path, .label = &label};

    return archive_create(&o, &f->err);
}

static void put(struct archive_writer *w, uint32_t stream, const char *text, int final)
{
    struct row_batch b = {.data = text, .len = strlen(text)};
    struct err err = {0};

    for (const char *p = text; *p != '\0'; p++)
        b.rows += *p == '\n';
    assert_int_equal(archive_put(w, stream, &b, final, &err), 0);
}

static void finish(struct fixture *f, struct archive_writer *w)
{
    json_t *m = json_pack("{s:s}", "schema", "test");
    uint64_t bytes = 0;
    int verified = 0;
    struct stat st;

    if (archive_finish(w, m, &bytes, &verified, &f->err) != 0)
        fail_msg("%s", f->err.message);
    assert_int_equal(verified, 1);
    assert_int_equal(stat(archive_path(w), &st), 0);
    assert_int_equal(st.st_size, bytes);
    assert_int_equal(st.st_mode & 0777, 0600);
    archive_writer_free(w);
    json_decref(m);
}

/* All of a stream, owned. */
static char *slurp(struct archive_reader *r, uint32_t stream)
{
    struct err err = {0};
    struct row_source *s = archive_stream(r, stream, &err);
    struct row_batch batch;
    struct buf b = {0};
    int rc;

    if (s == NULL)
        fail_msg("%s", err.message);
    while ((rc = s->next(s, &batch, &err)) == 1)
        assert_int_equal(buf_add(&b, batch.data, batch.len, &err), 0);
    if (rc != 0)
        fail_msg("%s", err.message);
    s->free(s);
    return buf_take(&b, &err);
}

static void check(struct archive_reader *r, uint32_t stream, const char *expected)
{
    char *got = slurp(r, stream);

    assert_string_equal(got, expected);
    free(got);
}

static void test_round_trip(void **state)
{
    struct fixture *f = *state;
    struct archive_writer *w = begin(f);
    struct archive_reader *r;

    assert_non_null(w);
    assert_int_equal(access(f->path, F_OK), -1);
    put(w, 1, "[\"b1\"]\n", 0);
    put(w, 0, "[\"a1\"]\n[null]\n", 0);
    put(w, 1, "[\"b2\"]\n", 0);
    put(w, 0, "[\"a3\"]\n", 1);
    put(w, 1, "", 1);
    assert_int_equal(archive_put(w, 7, NULL, 1, &f->err), 0);
    finish(f, w);
    r = archive_open(f->path, f->keys, &f->err);
    if (r == NULL)
        fail_msg("%s", f->err.message);
    check(r, 0, "[\"a1\"]\n[null]\n[\"a3\"]\n");
    check(r, 1, "[\"b1\"]\n[\"b2\"]\n");
    check(r, 7, "");
    assert_string_equal(json_string_value(json_object_get(archive_manifest(r), "schema")), "test");
    assert_string_equal(json_string_value(json_object_get(archive_label_json(r), "database")), "db");
    assert_int_equal(archive_footer(r)->rows, 5);
    assert_null(archive_stream(r, 2, &f->err));
    archive_reader_free(r);
}

/* A row longer than a frame goes on in the next; rows around it stay whole. */
static void test_long_rows(void **state)
{
    struct fixture *f = *state;
    struct archive_writer *w = begin(f);
    size_t len = (size_t)FORMAT_CHUNK * 2 + 12345;
    char *text = malloc(len + 64), *p = text;
    struct archive_reader *r;

    assert_non_null(text);
    p += sprintf(p, "[\"short\"]\n[\"");
    memset(p, 'x', len);
    for (size_t i = 0; i < len; i += 7)
        p[i] = (char)('a' + i * 31 % 26);
    p += len;
    sprintf(p, "\"]\n[\"after\"]\n");
    put(w, 3, text, 0);
    put(w, 3, "[null]\n", 1);
    finish(f, w);
    assert_non_null(r = archive_open(f->path, f->keys, &f->err));
    sprintf(p, "\"]\n[\"after\"]\n[null]\n");
    check(r, 3, text);
    archive_reader_free(r);
    free(text);
}

struct work {
    struct archive_writer *w;
    uint32_t stream;
};

static void *worker(void *arg)
{
    struct work *k = arg;
    char text[20000];

    for (int i = 0; i < 200; i++) {
        int n = 0;

        for (int row = 0; row < 100; row++)
            n += snprintf(text + n, sizeof(text) - (size_t)n, "[\"%u\",\"%d\",\"%d\"]\n", k->stream, i, row);
        put(k->w, k->stream, text, i == 199);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct fixture *f = *state;
    struct archive_writer *w = begin(f);
    struct work work[4];
    pthread_t t[4];
    struct archive_reader *r;

    for (uint32_t i = 0; i < 4; i++) {
        work[i] = (struct work){w, i};
        assert_int_equal(pthread_create(&t[i], NULL, worker, &work[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    finish(f, w);
    assert_non_null(r = archive_open(f->path, f->keys, &f->err));
    assert_int_equal(archive_footer(r)->rows, 4 * 200 * 100);
    for (uint32_t i = 0; i < 4; i++) {
        char *got = slurp(r, i), *p = got, want[64];

        for (int k = 0; k < 200; k++)
            for (int row = 0; row < 100; row++) {
                (void)snprintf(want, sizeof(want), "[\"%u\",\"%d\",\"%d\"]\n", i, k, row);
                assert_memory_equal(p, want, strlen(want));
                p += strlen(want);
            }
        assert_int_equal(*p, '\0');
        free(got);
    }
    archive_reader_free(r);
}

static void test_abandoned_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct archive_writer *w = begin(f);

    put(w, 0, "[\"x\"]\n", 0);
    archive_writer_free(w);
    assert_int_equal(rmdir(f->dir), 0);
    assert_int_equal(mkdir(f->dir, 0700), 0);
}

static void test_never_overwrites(void **state)
{
    struct fixture *f = *state;
    FILE *old = fopen(f->path, "w");

    assert_non_null(old);
    (void)fclose(old);
    assert_null(begin(f));
    assert_int_equal(f->err.kind, ERR_FAILED);
    assert_non_null(strstr(f->err.message, "exists already"));
}

static void test_appears_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct archive_writer *w = begin(f);
    json_t *m = json_object();
    uint64_t bytes;
    int verified;
    FILE *other;

    put(w, 0, "[]\n", 1);
    other = fopen(f->path, "w");
    assert_non_null(other);
    (void)fclose(other);
    assert_int_equal(archive_finish(w, m, &bytes, &verified, &f->err), -1);
    assert_non_null(strstr(f->err.message, "exists already"));
    json_decref(m);
    archive_writer_free(w);
}

static void test_wrong_key(void **state)
{
    struct fixture *f = *state;
    struct keyring *other = new_keys();
    struct archive_writer *w = begin(f);

    put(w, 0, "[]\n", 1);
    finish(f, w);
    assert_null(archive_open(f->path, other, &f->err));
    assert_int_equal(f->err.kind, ERR_BACKUP);
    assert_non_null(strstr(f->err.message, "wrong key"));
    keyring_free(other);
}

/* A stranger who knows our public key makes a file for us: it decrypts, and is refused. */
static void test_unknown_signer(void **state)
{
    struct fixture *f = *state;
    struct keyring *mine = f->keys, *theirs = new_keys();
    char pub[KEY_PUBLIC_TEXT];
    struct archive_writer *w;
    struct archive_reader *r;

    key_public_text(key_public(keyring_key(mine, 0)), pub);
    assert_int_equal(keyring_add_recipient(theirs, pub, &f->err), 0);
    f->keys = theirs;
    w = begin(f);
    put(w, 0, "[]\n", 1);
    finish(f, w);
    f->keys = mine;
    assert_null(archive_open(f->path, mine, &f->err));
    assert_int_equal(f->err.kind, ERR_BACKUP);
    assert_non_null(strstr(f->err.message, "not trusted"));
    err_clear(&f->err);
    key_public_text(key_public(keyring_key(theirs, 0)), pub);
    assert_int_equal(keyring_add_trust(mine, pub, &f->err), 0);
    assert_non_null(r = archive_open(f->path, mine, &f->err));
    archive_reader_free(r);
    keyring_free(theirs);
}

/* Whoever can write to the shelf fills the slots with passphrases to try: hours of work are refused. */
static void test_costly_slots(void **state)
{
    struct fixture *f = *state;
    unsigned char records[100 * FORMAT_RECORD] = {0}, id[FORMAT_ID] = {0};

    for (size_t i = 0; i < 100; i++) {
        records[i * FORMAT_RECORD] = FORMAT_RECORD_PASSPHRASE;
        format_put32(records + i * FORMAT_RECORD + 8, 16); /* each alone is allowed */
        format_put32(records + i * FORMAT_RECORD + 12, 1024 * 1024);
    }
    assert_null(slots_open(records, 100, id, f->keys, "x", &f->err));
    assert_int_equal(f->err.kind, ERR_BACKUP);
    assert_non_null(strstr(f->err.message, "too much work"));
}

/* A machine with a signing key writes for others and cannot read. */
static void test_write_only(void **state)
{
    struct fixture *f = *state;
    struct keyring *mine = f->keys, *ci = keyring_new(&f->err);
    char pub[KEY_PUBLIC_TEXT];
    struct archive_writer *w;
    struct archive_reader *r;

    assert_int_equal(keyring_add_key(ci, key_generate(1, &f->err), &f->err), 0);
    assert_int_equal(keyring_can_write(ci, &f->err), -1);
    err_clear(&f->err);
    key_public_text(key_public(keyring_key(mine, 0)), pub);
    assert_int_equal(keyring_add_recipient(ci, pub, &f->err), 0);
    f->keys = ci;
    w = begin(f);
    assert_non_null(w);
    put(w, 0, "[\"x\"]\n", 1);
    finish(f, w);
    f->keys = mine;
    assert_null(archive_open(f->path, ci, &f->err));
    err_clear(&f->err);
    assert_non_null(r = archive_inspect(f->path, ci, &f->err));
    assert_int_equal(archive_signer_trusted(r), 1);
    for (uint64_t i = 0; i < archive_footer(r)->entries; i++)
        assert_int_equal(archive_check_frame(r, i, &f->err), 0);
    archive_reader_free(r);
    key_public_text(key_public(keyring_key(ci, 0)), pub);
    assert_int_equal(keyring_add_trust(mine, pub, &f->err), 0);
    assert_non_null(r = archive_open(f->path, mine, &f->err));
    check(r, 0, "[\"x\"]\n");
    archive_reader_free(r);
    keyring_free(ci);
}

static void test_receipt(void **state)
{
    struct fixture *f = *state;
    struct archive_writer *w = begin(f);
    json_t *m = json_object();
    struct receipt r, from_file;
    char path[160];
    uint64_t bytes;
    int verified;

    put(w, 0, "[]\n", 1);
    assert_int_equal(archive_finish(w, m, &bytes, &verified, &f->err), 0);
    (void)snprintf(path, sizeof(path), "%s/receipt.json", f->dir);
    assert_int_equal(archive_receipt(w, path, &f->err), 0);
    assert_int_equal(receipt_read(path, f->keys, &r, &f->err), 0);
    assert_int_equal(receipt_read(f->path, f->keys, &from_file, &f->err), 0);
    assert_int_equal(r.is_receipt, 1);
    assert_int_equal(from_file.is_receipt, 0);
    assert_string_equal(r.archive_id, archive_id(w));
    assert_string_equal(r.archive_id, from_file.archive_id);
    assert_string_equal(r.database, "db");
    assert_string_equal(r.from[0], "a1");
    assert_int_equal(r.file_size, bytes);
    assert_int_equal(r.trusted, 1);
    assert_true(r.when > 1700000000);
    receipt_free(&r);
    receipt_free(&from_file);
    json_decref(m);
    archive_writer_free(w);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_round_trip), T(test_long_rows), T(test_threads), T(test_abandoned_leaves_nothing),
        T(test_never_overwrites), T(test_appears_meanwhile), T(test_wrong_key), T(test_unknown_signer),
        T(test_costly_slots), T(test_write_only), T(test_receipt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
