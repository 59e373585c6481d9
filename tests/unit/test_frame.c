/* frame: the stored bytes of one frame become its rows, or an error that says which frame and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/archive_internal.h"
#include "backup/keys.h"
#include "core/secret.h"

static char dir[] = "/tmp/mig-test-XXXXXX", path[128];
static struct keyring *keys;
static struct archive_reader *r;

static void put(struct archive_writer *w, uint32_t stream, const char *row, int final)
{
    struct row_batch b = {.data = row, .len = strlen(row), .rows = 1};
    struct err err = {0};

    assert_int_equal(archive_put(w, stream, &b, final, &err), 0);
}

/* Streams 2 and 5, two frames each, mixed. */
static int setup(void **state)
{
    struct archive_label label = {.database = "db"};
    struct archive_options o = {.path = path, .label = &label};
    struct err err = {0};
    struct archive_writer *w;
    json_t *m = json_pack("{s:s}", "schema", "test");
    uint64_t bytes;
    int verified;

    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/a.mig", dir);
    keys = keyring_new(&err);
    assert_non_null(keys);
    assert_int_equal(keyring_add_key(keys, key_generate(0, &err), &err), 0);
    o.keys = keys;
    w = archive_create(&o, &err);
    assert_non_null(w);
    put(w, 5, "[\"five\"]\n", 0);
    put(w, 2, "[\"two\"]\n", 0);
    put(w, 5, "[\"five again\"]\n", 1);
    put(w, 2, "[\"two again\"]\n", 1);
    assert_int_equal(archive_finish(w, m, &bytes, &verified, &err), 0);
    archive_writer_free(w);
    json_decref(m);
    r = archive_open(path, keys, &err);
    if (r == NULL)
        fail_msg("%s", err.message);
    return 0;
}

static int teardown(void **state)
{
    archive_reader_free(r);
    keyring_free(keys);
    (void)unlink(path);
    return rmdir(dir);
}

static struct format_entry entry(uint64_t i)
{
    struct format_entry e;
    struct err err = {0};

    assert_int_equal(archive_entry(r, i, &e, &err), 0);
    return e;
}

/* Turn one bit at OFFSET of the file. */
static void turn(uint64_t offset)
{
    int fd = open(path, O_RDWR);
    unsigned char c;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, (off_t)offset), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, (off_t)offset), 1);
    assert_int_equal(close(fd), 0);
}

static void test_read(void **state)
{
    struct format_entry e = entry(0), next = entry(2);
    struct frame_buf b = {0};
    struct err err = {0};

    assert_int_equal(frame_read(r, &e, &b, 0, &err), 0);
    assert_int_equal(e.frame.plain_len, 9);
    assert_memory_equal(b.plain, "[\"five\"]\n", 9);
    /* Behind what is there already. */
    assert_int_equal(frame_read(r, &next, &b, 9, &err), 0);
    assert_memory_equal(b.plain, "[\"five\"]\n[\"five again\"]\n", 24);
    for (size_t at = 24; at < 1000; at += 15) /* while the room grows */
        assert_int_equal(frame_read(r, &next, &b, at, &err), 0);
    assert_memory_equal(b.plain, "[\"five\"]\n[\"five again\"]\n[\"five again\"]\n", 39);
    frame_buf_free(&b);
}

static void test_stream_begin(void **state)
{
    static const struct {
        uint32_t stream, place;
    } cases[] = {{0, 0}, {2, 0}, {3, 2}, {5, 2}, {6, 4}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(frame_stream_begin(r, cases[i].stream), cases[i].place);
    assert_int_equal(r->order[0], 1);
    assert_int_equal(r->order[1], 3);
    assert_int_equal(r->order[2], 0);
    assert_int_equal(r->order[3], 2);
}

/* Each stored byte of a frame: header, nonce, ciphertext, tag. */
static void test_changed(void **state)
{
    struct format_entry e = entry(1);
    char where[64];

    (void)snprintf(where, sizeof(where), "offset %llu ", (unsigned long long)e.offset);
    for (uint64_t at = 0; at < FORMAT_FRAME + (uint64_t)e.frame.length; at++) {
        struct frame_buf b = {0};
        struct err err = {0};

        turn(e.offset + at);
        assert_int_equal(frame_read(r, &e, &b, 0, &err), -1);
        turn(e.offset + at);
        assert_int_equal(err.kind, ERR_BACKUP);
        assert_non_null(strstr(err.message, where));
        assert_non_null(strstr(err.message, "stream 2, sequence 0"));
        assert_non_null(strstr(err.message, "its hash is not the one"));
        frame_buf_free(&b);
    }
}

/* The stored bytes are as they were signed; the index says something else of them. */
static void test_other_header(void **state)
{
    struct format_entry e = entry(0);
    struct frame_buf b = {0};
    struct err err = {0};

    e.frame.rows++;
    assert_int_equal(frame_load(r, &e, &b, &err), -1);
    assert_non_null(strstr(err.message, "another header"));
    frame_buf_free(&b);
}

static void test_wrong_key(void **state)
{
    struct format_entry e = entry(0);
    struct frame_buf b = {0};
    struct err err = {0};
    struct secret *right = r->k.data;

    assert_int_equal(frame_load(r, &e, &b, &err), 0);
    assert_int_equal(frame_open(r, &e, &b, 1, &err), 0);
    r->k.data = r->k.manifest;
    assert_int_equal(frame_open(r, &e, &b, 1, &err), -1);
    r->k.data = right;
    assert_int_equal(err.kind, ERR_BACKUP);
    assert_non_null(strstr(err.message, "does not decrypt"));
    /* Bound to its file: under another archive's id the tag is wrong. */
    memset(&err, 0, sizeof(err));
    r->head.archive_id[0] ^= 1;
    assert_int_equal(frame_open(r, &e, &b, 1, &err), -1);
    r->head.archive_id[0] ^= 1;
    assert_int_equal(frame_open(r, &e, &b, 0, &err), 0);
    frame_buf_free(&b);
}

/* The file ends too early. */
static void test_cut_off(void **state)
{
    unsigned char room[16];
    struct err err = {0};

    assert_int_equal(frame_read_at(r, room, sizeof(room), r->size - sizeof(room), &err), 0);
    assert_int_equal(frame_read_at(r, room, sizeof(room), r->size - sizeof(room) + 1, &err), -1);
    assert_int_equal(err.kind, ERR_BACKUP);
    assert_non_null(strstr(err.message, "cut off"));
}

static void test_fault(void **state)
{
    struct format_entry e = {.offset = 4711, .frame = {.type = FORMAT_MANIFEST, .length = 52, .sequence = 3}};
    struct err err = {0};

    assert_int_equal(frame_fault(&e, "is odd", &err), -1);
    assert_string_equal(err.message, "manifest frame at offset 4711 (100 bytes, sequence 3) is odd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),         cmocka_unit_test(test_stream_begin),
        cmocka_unit_test(test_changed),      cmocka_unit_test(test_other_header),
        cmocka_unit_test(test_wrong_key),    cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_fault),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
