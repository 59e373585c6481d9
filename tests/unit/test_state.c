#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cli.h"
#include "core/config.h"
#include "core/state.h"

static void test_precedence(void **state)
{
    struct err err = {0};
    struct cli_common c;
    char *path;

    memset(&c, 0, sizeof(c));
    unsetenv("MIG_STATE_DIR");
    unsetenv("MIG_BACKUP_DIR");
    unsetenv("MIG_LOG_FILE");
    path = state_log(&c, NULL, &err);
    assert_string_equal(path, "./backups/.state/log.jsonl");
    free(path);
    setenv("MIG_BACKUP_DIR", "/shelf", 1);
    path = state_dir(&c, NULL, &err);
    assert_string_equal(path, "/shelf/.state");
    free(path);
    c.dir = "/other";
    path = state_dir(&c, NULL, &err);
    assert_string_equal(path, "/other/.state");
    free(path);
    setenv("MIG_STATE_DIR", "/state", 1);
    path = state_log(&c, NULL, &err);
    assert_string_equal(path, "/state/log.jsonl");
    free(path);
    c.state_dir = "/flag";
    path = state_dir(&c, NULL, &err);
    assert_string_equal(path, "/flag");
    free(path);
    c.log_file = "/log";
    path = state_log(&c, NULL, &err);
    assert_string_equal(path, "/log");
    free(path);
}

static void test_make(void **state)
{
    char folder[] = "/tmp/mig-state.XXXXXX", path[64];
    const char *is_volatile;
    struct err err = {0};
    struct stat st;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/a/b", folder);
    assert_int_equal(state_make(path, &is_volatile, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(state_make(path, &is_volatile, &err), 0);
    assert_int_equal(state_make("/proc/nowhere/x", &is_volatile, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    memset(&err, 0, sizeof(err));
    if (access("/dev/shm", W_OK) == 0) {
        assert_int_equal(state_make("/dev/shm", &is_volatile, &err), 0);
        assert_non_null(is_volatile);
    }
    rmdir(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(folder);
}

/* The log comes before the first backup: the folder that is made for it is the shelf. */
static void test_make_shelf(void **state)
{
    char folder[] = "/tmp/mig-state.XXXXXX", path[64];
    static const char *const shelves[] = {"new/shelf", "again/shelf/"};
    const char *is_volatile;
    struct err err = {0};
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s/.state", folder, shelves[i]);
        assert_int_equal(state_make(path, &is_volatile, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        strcat(path, "/.gitignore");
        assert_int_equal(unlink(path), 0);
        *strrchr(path, '/') = '\0';
        assert_int_equal(rmdir(path), 0);
        *strrchr(path, '/') = '\0';
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        strcat(path, "/.gitignore");
        assert_int_equal(unlink(path), 0);
        *strrchr(path, '/') = '\0';
        assert_int_equal(rmdir(path), 0);
        snprintf(path, sizeof(path), "%s/%.*s", folder, (int)strcspn(shelves[i], "/"), shelves[i]);
        assert_int_equal(rmdir(path), 0);
    }
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_make_shelf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
