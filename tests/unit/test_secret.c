/* secret: bytes that are kept, copied, guarded and never dumped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/secret.h"

static void test_contents(void **state)
{
    static const unsigned char zero[100];
    char source[] = "correct horse";
    struct err err = {0};
    struct secret *blank = secret_new(sizeof(zero), &err), *copy = secret_copy(source, 13, &err);

    assert_non_null(blank);
    assert_non_null(copy);
    assert_int_equal(secret_len(blank), sizeof(zero));
    assert_memory_equal(secret_view(blank), zero, sizeof(zero));
    memset(source, 'x', sizeof(source)); /* the caller wipes its own */
    assert_int_equal(secret_len(copy), 13);
    assert_memory_equal(secret_view(copy), "correct horse", 13);
    secret_bytes(copy)[0] = 'C';
    assert_memory_equal(secret_view(copy), "Correct horse", 13);
    secret_free(blank);
    secret_free(copy);
}

static void test_random(void **state)
{
    static const unsigned char zero[32];
    struct err err = {0};
    struct secret *a = secret_random(32, &err), *b = secret_random(32, &err);

    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(secret_len(a), 32);
    assert_memory_not_equal(secret_view(a), secret_view(b), 32);
    assert_memory_not_equal(secret_view(a), zero, 32);
    assert_memory_not_equal(secret_view(a) + 24, zero, 8); /* to the end */
    secret_free(a);
    secret_free(b);
}

static void test_empty(void **state)
{
    struct err err = {0};
    struct secret *s = secret_copy(NULL, 0, &err);

    assert_non_null(s);
    assert_int_equal(secret_len(s), 0);
    secret_free(s);
    secret_free(NULL);
}

/* How a child ends that reads P, perhaps after freeing S. */
static int reads(struct secret *s, const volatile unsigned char *p, int freed)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit none = {0, 0};

        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        if (freed)
            secret_free(s);
        _exit(*p == 7 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* A byte past the end, or after the free, is not there to be read. */
static void test_guarded(void **state)
{
    struct err err = {0};
    struct secret *s = secret_new(40, &err);
    unsigned char *p;

    assert_non_null(s);
    p = secret_bytes(s);
    memset(p, 7, 40);
    assert_int_equal(reads(s, p + 39, 0), 0);
    assert_true(WIFSIGNALED(reads(s, p + 40, 0)));
    assert_true(WIFSIGNALED(reads(s, p, 1)));
    secret_free(s);
}

/* The kernel knows that these pages are not for core dumps. */
static void test_not_dumped(void **state)
{
    struct err err = {0};
    struct secret *s = secret_new(32, &err);
    uintptr_t at;
    char line[512];
    FILE *f = fopen("/proc/self/smaps", "r");
    int here = 0, known = 0, kept_out = 0;

    assert_non_null(s);
    at = (uintptr_t)secret_view(s);
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        uintptr_t from, to;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            here = from <= at && at < to;
        else if (here && strncmp(line, "VmFlags:", 8) == 0) {
            known = 1;
            kept_out = strstr(line, " dd") != NULL;
        }
    }
    if (f != NULL)
        (void)fclose(f);
    secret_free(s);
    if (!known)
        skip(); /* this kernel does not tell */
    assert_true(kept_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents), cmocka_unit_test(test_random),
        cmocka_unit_test(test_empty),    cmocka_unit_test(test_guarded),
        cmocka_unit_test(test_not_dumped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
