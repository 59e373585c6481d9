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

enum { LARGE = 9 << 20 };

/* Each batch in the same memory, every third one larger than what is copied. */
struct letters {
    struct row_source base;
    int at, count;
    char *data;
};

static int next_letter(struct row_source *self, struct row_batch *batch, struct err *err)
{
    struct letters *l = (struct letters *)(void *)self;

    (void)err;
    if (l->at == l->count)
        return 0;
    batch->len = l->at % 3 == 0 ? LARGE : 100;
    memset(l->data, 'a' + l->at % 26, batch->len);
    batch->data = l->data;
    batch->rows = (uint64_t)l->at++;
    return 1;
}

static void free_letters(struct row_source *self)
{
    struct letters *l = (struct letters *)(void *)self;

    free(l->data);
    free(l);
}

static struct row_source *letters(int count)
{
    struct letters *l = calloc(1, sizeof(*l));

    assert_non_null(l);
    assert_non_null(l->data = malloc(LARGE));
    l->base.next = next_letter;
    l->base.free = free_letters;
    l->count = count;
    return &l->base;
}

static void test_large_ones_are_lent_and_not_touched_meanwhile(void **state)
{
    struct err err = {0};
    const char *lent = NULL;

    for (int taken = 0; taken <= 20; taken++) {
        struct row_source *s = ahead_new(letters(20), &err);
        struct row_batch b = {0};

        for (int i = 0; i < taken && i < 20; i++) {
            assert_int_equal(s->next(s, &b, &err), 1);
            assert_int_equal(b.rows, i);
            assert_int_equal(b.len, i % 3 == 0 ? LARGE : 100);
            for (size_t k = 0; k < b.len; k += 99)
                assert_int_equal(b.data[k], 'a' + i % 26);
            /* no copy: the source's one memory, each time */
            if (i == 0)
                lent = b.data;
            assert_true(b.len < LARGE || b.data == lent);
        }
        if (taken == 20)
            assert_int_equal(s->next(s, &b, &err), 0);
        s->free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_in_order),
        cmocka_unit_test(test_the_error_arrives_after_what_came_before_it),
        cmocka_unit_test(test_freed_early),
        cmocka_unit_test(test_large_ones_are_lent_and_not_touched_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
