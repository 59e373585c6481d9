/* outfile: whole under its own name, or not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/outfile.h"

static char dir[64], path[128];

static int setup(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR);
    strcpy(dir, "/tmp/mig-outfile-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/f", dir);
    return 0;
}

static int teardown(void **state)
{
    char command[100];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static int files(void)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int n = 0;

    while ((e = readdir(d)) != NULL)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return n;
}

static void test_commit(void **state)
{
    struct err err = {0};
    struct outfile *f = outfile_create(path, &err);
    struct buf b = {0};
    struct stat st;
    char back[4];

    (void)state;
    assert_non_null(f);
    assert_int_equal(files(), 1);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(outfile_write_at(f, "world", 5, 6, &err), 0);
    assert_int_equal(outfile_write_at(f, "hello ", 6, 0, &err), 0);
    assert_int_equal(outfile_read_at(f, back, 4, 3, &err), 0);
    assert_memory_equal(back, "lo w", 4);
    outfile_flush_hint(f, 11);
    assert_int_equal(outfile_commit(f, &err), 0);
    outfile_free(f);
    assert_int_equal(files(), 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(buf_read_file(&b, path, 0, &err), 0);
    assert_string_equal(b.data, "hello world");
    buf_free(&b);
}

static void test_abort_leaves_nothing(void **state)
{
    struct err err = {0};
    struct outfile *f = outfile_create(path, &err);

    (void)state;
    assert_int_equal(outfile_write_at(f, "x", 1, 0, &err), 0);
    outfile_free(f);
    assert_int_equal(files(), 0);
    outfile_free(NULL);
}

static void test_never_replaces(void **state)
{
    struct err err = {0};
    struct outfile *f = outfile_create(path, &err);
    struct buf b = {0};

    (void)state;
    assert_non_null(f);
    assert_int_equal(outfile_write_whole(path, "old", 3, &err), 0);
    assert_null(outfile_create(path, &err));
    assert_non_null(strstr(err.message, "exists already"));
    err_clear(&err);
    assert_int_equal(outfile_commit(f, &err), -1);
    assert_non_null(strstr(err.message, "exists already"));
    outfile_free(f);
    err_clear(&err);
    assert_int_equal(buf_read_file(&b, path, 0, &err), 0);
    assert_string_equal(b.data, "old");
    assert_int_equal(files(), 1);
    buf_free(&b);
    /* A name that leads nowhere is taken too. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/nonexistent/x", path), 0);
    assert_null(outfile_create(path, &err));
}

static void test_rename_late(void **state)
{
    struct err err = {0};
    struct outfile *f = outfile_create(path, &err);
    char other[140];

    (void)state;
    (void)snprintf(other, sizeof(other), "%s/g", dir);
    assert_int_equal(outfile_rename(f, "/elsewhere/g", &err), -1);
    err_clear(&err);
    assert_int_equal(outfile_rename(f, other, &err), 0);
    assert_int_equal(outfile_commit(f, &err), 0);
    assert_string_equal(outfile_path(f), other);
    outfile_free(f);
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_bad_places(void **state)
{
    struct err err = {0};

    (void)state;
    assert_null(outfile_create("/dev/null/dir/f", &err));
    assert_int_equal(err.kind, ERR_FAILED);
    assert_non_null(strstr(err.message, "/dev/null/dir/f"));
    err_clear(&err);
    assert_null(outfile_create("/tmp/", &err));
    assert_int_equal(err.kind, ERR_USAGE);
    err_clear(&err);
    assert_int_equal(outfile_write_whole("/dev/full/x", "x", 1, &err), -1);
}

/* What a killed process left goes; what a living one writes, and what is not ours, stays. */
static void test_sweep(void **state)
{
    struct err err = {0};
    struct outfile *alive = outfile_create(path, &err);
    char left[160], foreign[160];
    int fd;

    (void)state;
    (void)snprintf(left, sizeof(left), "%s/.f.0123abcd.part", dir);
    (void)snprintf(foreign, sizeof(foreign), "%s/.note.part", dir);
    fd = open(left, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    fd = open(foreign, O_CREAT | O_WRONLY, 0600);
    (void)close(fd);
    assert_int_equal(files(), 3);
    outfile_sweep(dir);
    assert_int_equal(files(), 2);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(foreign, F_OK), 0);
    assert_int_equal(outfile_commit(alive, &err), 0);
    outfile_free(alive);
    outfile_sweep("/nonexistent");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_commit), T(test_abort_leaves_nothing), T(test_never_replaces),
        T(test_rename_late), T(test_bad_places), T(test_sweep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
