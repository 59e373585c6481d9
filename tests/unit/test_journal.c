#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/journal.h"

static char folder[] = "/tmp/mig-journal.XXXXXX";

static void test_round_trip(void **state)
{
    struct err err = {0};
    struct journal *j = journal_create(folder, "1-2", &err);
    struct journal_record *r;
    char run[64], path[256];
    FILE *f;

    assert_non_null(j);
    snprintf(run, sizeof(run), "%s", journal_run(j));
    snprintf(path, sizeof(path), "%s", journal_path(j));
    assert_int_equal(journal_write(j, "begin", json_pack("{s:i}", "n", 1), &err), 0);
    assert_int_equal(journal_write(j, "begin", json_pack("{s:i}", "n", 2), &err), 0);
    assert_int_equal(journal_write(j, "end", NULL, &err), 0);

    r = journal_read(folder, "1-2", NULL, &err);
    assert_non_null(r);
    assert_int_equal(r->alive, 1); /* the writer holds it */
    assert_int_equal(r->cut, 0);
    assert_int_equal(json_array_size(r->entries), 3);
    assert_int_equal(json_integer_value(json_object_get(journal_last(r, "begin"), "n")), 2);
    assert_null(journal_last(r, "nothing"));
    assert_string_equal(r->run, run);
    journal_record_free(r);

    /* another writer is refused while this one lives */
    assert_null(journal_open(folder, "1-2", run, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    memset(&err, 0, sizeof(err));
    journal_free(j);

    f = fopen(path, "a");
    fputs("{\"time\":\"2026", f);
    fclose(f);
    r = journal_read(folder, "1-2", run, &err);
    assert_non_null(r);
    assert_int_equal(r->alive, 0);
    assert_int_equal(r->cut, 1);
    assert_int_equal(r->damaged, 0);
    assert_int_equal(json_array_size(r->entries), 3);
    journal_record_free(r);

    j = journal_open(folder, "1-2", run, &err);
    assert_non_null(j);
    assert_int_equal(journal_write(j, "resumed", NULL, &err), 0);
    journal_free(j);
    r = journal_read(folder, "1-2", "2", &err); /* a prefix */
    assert_non_null(r);
    assert_int_equal(r->cut, 0);
    assert_int_equal(json_array_size(r->entries), 4);
    assert_non_null(journal_last(r, "resumed"));
    assert_int_equal(r->damaged, 0);
    journal_record_free(r);

    f = fopen(path, "a");
    fputs("}\"step\"\n", f);
    fclose(f);
    r = journal_read(folder, "1-2", run, &err);
    assert_non_null(r);
    assert_int_equal(r->damaged, 1);
    journal_record_free(r);
    unlink(path);
}

/* One changed byte, wherever it is: what is read is what was written, or is said to be no evidence. */
static void test_every_flip(void **state)
{
    struct err err = {0};
    struct journal *j = journal_create(folder, "7-8", &err);
    struct journal_record whole = {0};
    char path[256], text[4096], changed[4096];
    size_t len;
    FILE *f;

    assert_non_null(j);
    snprintf(path, sizeof(path), "%s", journal_path(j));
    assert_int_equal(journal_write(j, "begin", json_pack("{s:s}", "command", "x \"y\" \n"), &err), 0);
    assert_int_equal(journal_write(j, "execute", json_pack("{s:i}", "xid", 731), &err), 0);
    journal_free(j);
    f = fopen(path, "a");
    fputs("{\"time\":\"2026", f);
    fclose(f);
    *strrchr(path, '.') = '\0';
    j = journal_open(folder, "7-8", strrchr(path, '/') + 1, &err);
    assert_non_null(j);
    assert_int_equal(journal_write(j, "outcome", json_pack("{s:s}", "outcome", "committed"), &err), 0);
    journal_free(j);
    strcat(path, ".jsonl");
    f = fopen(path, "r");
    len = fread(text, 1, sizeof(text), f);
    fclose(f);
    unlink(path);

    whole.entries = json_array();
    assert_int_equal(journal_record_parse(&whole, text, len, &err), 0);
    assert_int_equal(whole.damaged, 0);
    assert_int_equal(json_array_size(whole.entries), 3);
    for (size_t at = 0; at < len; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct journal_record r = {.entries = json_array()};

            memcpy(changed, text, len);
            changed[at] = (char)(changed[at] ^ (1 << bit));
            assert_int_equal(journal_record_parse(&r, changed, len, &err), 0);
            if (!r.damaged && !json_equal(r.entries, whole.entries))
                fail_msg("byte %zu, bit %d: read as something else", at, bit);
            json_decref(r.entries);
        }
    json_decref(whole.entries);
}

static void test_nothing_known(void **state)
{
    struct err err = {0};
    char **runs;
    size_t n;

    assert_int_equal(journal_list(folder, "9-9", &runs, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_null(journal_read(folder, "9-9", NULL, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.hint, "does not mean that nothing happened"));
}

static void test_list(void **state)
{
    struct err err = {0};
    struct journal *j[3];
    char **runs;
    size_t n;

    /* The last one is the newest, in the same second too: undo and status take it. */
    for (int i = 0; i < 3; i++) {
        struct timespec pause = {0, 2000000};

        assert_non_null(j[i] = journal_create(folder, "3-4", &err));
        nanosleep(&pause, NULL);
    }
    assert_int_equal(journal_list(folder, "3-4", &runs, &n, &err), 0);
    assert_int_equal(n, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(runs[i], journal_run(j[2 - i]));
    assert_null(journal_read(folder, "3-4", "2", &err));
    assert_non_null(strstr(err.message, "3 runs"));
    journal_list_free(runs, n);
    for (int i = 0; i < 3; i++) {
        unlink(journal_path(j[i]));
        journal_free(j[i]);
    }
}

/* A full disk in the middle of a line: what is written when there is room again can be read. */
static void test_full_disk(void **state)
{
    struct err err = {0};
    struct journal *j = journal_create(folder, "5-6", &err);
    struct journal_record *r;
    struct rlimit before, small;

    assert_non_null(j);
    assert_int_equal(journal_write(j, "begin", NULL, &err), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(journal_write(j, "execute", json_pack("{s:s}", "x", "a text that is long enough to be cut"), &err), -1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    memset(&err, 0, sizeof(err));
    assert_int_equal(journal_write(j, "end", json_pack("{s:s}", "outcome", "rolled-back"), &err), 0);
    r = journal_read(folder, "5-6", NULL, &err);
    assert_non_null(r);
    assert_int_equal(r->cut, 0);
    assert_null(journal_last(r, "execute"));
    assert_non_null(journal_last(r, "end"));
    journal_record_free(r);
    unlink(journal_path(j));
    journal_free(j);
}

static int setup(void **state)
{
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    static const char *const below[] = {"/runs/1-2", "/runs/3-4", "/runs/5-6", "/runs/7-8", "/runs", ""};
    char path[128];

    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", folder, below[i]);
        if (rmdir(path) != 0)
            return -1;
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_flip),
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_full_disk),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
