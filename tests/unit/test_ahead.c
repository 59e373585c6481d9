#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/ahead.h"

/* COUNT batches of one line each, then the end, or an error. */
struct numbers {
    struct row_source base;
    int at, count, fails;
    int *freed;
    char line[32];
};

static int next(struct row_source *self, struct row_batch *batch, struct err *err)
{
    struct numbers *n = (struct numbers *)(void *)self;

    if (n->at == n->count)
        return n->fails ? err_set(err, ERR_BACKUP, "frame %d is damaged", n->at) : 0;
    (void)snprintf(n->line, sizeof(n->line), "[\"%d\"]\n", n->at++);
    batch->data = n->line;
    batch->len = strlen(n->line);
    batch->rows = 1;
    return 1;
}

static void done(struct row_source *self)
{
    struct numbers *n = (struct numbers *)(void *)self;

    (*n->freed)++;
    free(n);
}

static struct row_source *numbers(int count, int fails, int *freed)
{
    struct numbers *n = calloc(1, sizeof(*n));

    assert_non_null(n);
    n->base.next = next;
    n->base.free = done;
    n->count = count;
    n->fails = fails;
    n->freed = freed;
    return &n->base;
}

static void test_all_in_order(void **state)
{
    struct err err = {0};
    int freed = 0;
    struct row_source *s = ahead_new(numbers(1000, 0, &freed), &err);
    struct row_batch b = {0};
    char want[32];

    assert_non_null(s);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(s->next(s, &b, &err), 1);
        (void)snprintf(want, sizeof(want), "[\"%d\"]\n", i);
        assert_int_equal(b.len, strlen(want));
        assert_memory_equal(b.data, want, b.len);
        assert_int_equal(b.rows, 1);
    }
    assert_int_equal(s->next(s, &b, &err), 0);
    assert_int_equal(s->next(s, &b, &err), 0);
    s->free(s);
    assert_int_equal(freed, 1);
}

static void test_the_error_arrives_after_what_came_before_it(void **state)
{
    struct err err = {0};
    int freed = 0;
    struct row_source *s = ahead_new(numbers(3, 1, &freed), &err);
    struct row_batch b = {0};

    for (int i = 0; i < 3; i++)
        assert_int_equal(s->next(s, &b, &err), 1);
    assert_int_equal(s->next(s, &b, &err), -1);
    assert_int_equal(err.kind, ERR_BACKUP);
    assert_string_equal(err.message, "frame 3 is damaged");
    s->free(s);
    assert_int_equal(freed, 1);
}

static void test_freed_early(void **state)
{
    for (int taken = 0; taken < 5; taken++) {
        struct err err = {0};
        int freed = 0;
        struct row_source *s = ahead_new(numbers(100000, 0, &freed), &err);
        struct row_batch b = {0};

        for (int i = 0; i < taken; i++)
            assert_int_equal(s->next(s, &b, &err), 1);
        s->free(s);
        assert_int_equal(freed, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_in_order),
        cmocka_unit_test(test_the_error_arrives_after_what_came_before_it),
        cmocka_unit_test(test_freed_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
