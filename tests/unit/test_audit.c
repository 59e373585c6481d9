#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/audit.h"
#include "core/buf.h"

static char folder[] = "/tmp/mig-audit.XXXXXX";
static char file[64];

static char *masked(const char *a, const char *b)
{
    char *argv[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b};
    struct err err = {0};

    return audit_mask(b != NULL ? 2 : 1, argv, &err);
}

static void test_mask(void **state)
{
    static const struct {
        const char *a, *b, *want;
    } rows[] = {
        {"postgresql://u:s3cret@h/db?x=1", NULL, "postgresql://u:***@h/db?x=1"},
        {"postgresql://u:s3/c@ret@h/db", NULL, "postgresql://u:***@h/db"},
        {"postgresql://u:a@s3/c@h/db", NULL, "postgresql://u:***@h/db"},
        {"host=h password=a\\ s3cret user=u", NULL, "'host=h password=*** user=u'"},
        {"mig-key-s3 mig-key-s3", NULL, "'mig-key-*** mig-key-***'"},
        {"postgresql://u@h:5432/db", NULL, "postgresql://u@h:5432/db"},
        {"postgresql:///db?user=u&password=s3cret&sslmode=require", NULL,
         "'postgresql:///db?user=u&password=***&sslmode=require'"},
        {"host=h password = 's3 \\' cret' user=u", NULL, "'host=h password = *** user=u'"},
        {"host=h PASSWORD=s3cret", NULL, "'host=h PASSWORD=***'"},
        {"sslpassword=s3cret password=s3cret", NULL, "'sslpassword=*** password=***'"},
        {"--where", "email = 's3cret'", "--where ***"},
        {"--where=email = 's3cret'", NULL, "--where=***"},
        {"--key-command", "vault s3cret", "--key-command ***"},
        {"mig-key-s3cret", NULL, "mig-key-***"},
        {"it's", "", "'it'\\''s' ''"},
        {"passwords", "x", "passwords x"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *got = masked(rows[i].a, rows[i].b);

        assert_non_null(got);
        assert_null(strstr(got, "s3"));
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("got %s, want %s", got, rows[i].want);
        free(got);
    }
}

static void write_line(const char *operation, char head[65])
{
    char *argv[] = {(char *)(uintptr_t)"prog", (char *)(uintptr_t)operation};
    struct err err = {0}, why = {0};
    struct audit *a = audit_begin(file, operation, 2, argv, "because", &err);

    assert_non_null(a);
    audit_add(a, "n", json_integer(7));
    assert_int_equal(audit_end(a, &err, NULL, head, &why), 0);
    audit_free(a);
}

static void slurp(struct buf *b)
{
    struct err err = {0};

    assert_int_equal(buf_read_file(b, file, 0, &err), 0);
}

static void spill(const char *data, size_t len)
{
    FILE *f = fopen(file, "w");

    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

static int broken(const char *head)
{
    struct audit_report r;
    struct err err = {0};

    if (audit_verify(file, head, &r, &err) == 0)
        return 0;
    assert_int_equal(err.kind, ERR_FINDING);
    return 1;
}

static void test_chain(void **state)
{
    char first[65], second[65], third[65];
    struct audit_report r;
    struct err err = {0};
    struct buf b = {0};

    write_line("one", first);
    write_line("two", second);
    write_line("three", third);
    assert_int_equal(audit_verify(file, first, &r, &err), 0);
    assert_int_equal(r.lines, 3);
    assert_int_equal(r.cut, 0);
    assert_string_equal(r.head, third);

    slurp(&b);
    /* every byte counts */
    for (size_t i = 0; i < b.len; i++) {
        char was = b.data[i];

        b.data[i] = (char)(was ^ 1);
        spill(b.data, b.len);
        if (i + 1 < b.len) {
            if (!broken(NULL))
                fail_msg("byte %zu was changed unseen", i);
        } else {
            /* the last newline: a line cut short, which the head tells */
            assert_true(broken(third));
        }
        b.data[i] = was;
    }
    /* a line removed */
    {
        char *line2 = strchr(b.data, '\n') + 1;
        char *line3 = strchr(line2, '\n') + 1;

        spill(line2, strlen(line2));
        assert_true(broken(NULL));
        spill(b.data, (size_t)(line3 - b.data));
        assert_false(broken(NULL));
        assert_true(broken(third)); /* cut at the end: the head tells */
        assert_false(broken(second));
    }
    buf_free(&b);
}

static void test_cut_line(void **state)
{
    char first[65], second[65];
    struct audit_report r;
    struct err err = {0};
    FILE *f;

    spill("", 0);
    write_line("one", first);
    f = fopen(file, "a");
    fputs("{\"time\":\"2026", f);
    fclose(f);
    assert_int_equal(audit_verify(file, NULL, &r, &err), 0);
    assert_int_equal(r.cut, 1);
    assert_int_equal(r.lines, 1);
    write_line("two", second);
    assert_int_equal(audit_verify(file, first, &r, &err), 0);
    assert_int_equal(r.lines, 2);
    assert_int_equal(r.cut, 0);
    /* the same garbage elsewhere is not excused */
    f = fopen(file, "a");
    fputs("{\"time\":\"2026\n", f);
    fclose(f);
    assert_true(broken(NULL));
}

/* logrotate moved the log away, and removed it, while an operation ran. */
static void test_rotated(void **state)
{
    char *argv[] = {(char *)(uintptr_t)"prog"};
    char head[65], moved[80];
    struct audit_report r;
    struct err err = {0}, why = {0};
    struct audit *a;

    (void)unlink(file);
    write_line("before", head);
    a = audit_begin(file, "across", 1, argv, NULL, &err);
    assert_non_null(a);
    (void)snprintf(moved, sizeof(moved), "%s.1", file);
    assert_int_equal(rename(file, moved), 0);
    assert_int_equal(audit_end(a, &err, NULL, head, &why), 0);
    audit_free(a);
    assert_int_equal(audit_verify(file, head, &r, &err), 0);
    assert_int_equal(r.lines, 1);
    assert_int_equal(audit_verify(moved, NULL, &r, &err), 0);
    assert_int_equal(r.lines, 1);
    write_line("after", head);
    assert_int_equal(audit_verify(file, head, &r, &err), 0);
    assert_int_equal(r.lines, 2);
    (void)unlink(moved);
    (void)unlink(file);
}

static void test_unwritable(void **state)
{
    char *argv[] = {(char *)(uintptr_t)"prog"};
    struct err err = {0};

    assert_null(audit_begin("/dev/null/log", "x", 1, argv, NULL, &err));
    assert_int_equal(err.kind, ERR_USAGE);
}

static int setup(void **state)
{
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof(file), "%s/log.jsonl", folder);
    return 0;
}

static int teardown(void **state)
{
    unlink(file);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_cut_line),
        cmocka_unit_test(test_rotated),
        cmocka_unit_test(test_unwritable),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
