/* confirm: nothing but the exact word, at the terminal or as flags, lets a change through. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, forkpty */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <termios.h>

#include "core/confirm.h"
#include "core/interrupt.h"
#include "tests/unit/terminal.h"

static const struct confirm_options production = {.name = "prod/shop", .what = "roll back",
                                                  .required = 1};
static const struct confirm_options plain = {.name = "shop_dev", .what = "roll back"};

static void ask(void *context, struct outcome *o)
{
    o->rc = confirm_ask(context, &o->err);
}

static void ask_interruptibly(void *context, struct outcome *o)
{
    interrupt_install();
    ask(context, o);
}

static void ask_after_signal(void *context, struct outcome *o)
{
    interrupt_install();
    (void)raise(SIGTERM);
    ask(context, o);
}

/* The answer that the terminal gives; the outcome's err in *ERR. */
static int typed(const struct confirm_options *options, const char *answer, struct err *err)
{
    struct confirm_options copy = *options;
    struct outcome *o = outcome_new();
    char seen[2048];
    int rc;

    at_terminal(ask, &copy, o, answer, seen, sizeof(seen));
    assert_non_null(strstr(seen, options->name));
    assert_non_null(strstr(seen, options->required ? "type prod/shop: " : "type yes: "));
    rc = o->rc;
    *err = o->err;
    outcome_free(o);
    return rc;
}

static int alone(const struct confirm_options *options, const char *input, struct err *err)
{
    struct confirm_options copy = *options;
    struct outcome *o = outcome_new();
    int rc;

    without_terminal(ask, &copy, o, input);
    rc = o->rc;
    *err = o->err;
    outcome_free(o);
    return rc;
}

static void test_flags(void **state)
{
    struct confirm_options o = plain;
    struct err err = {0};

    o.yes = 1;
    assert_int_equal(confirm_ask(&o, &err), 0);
    o = production;
    o.yes = 1;
    o.given = "prod/shop";
    assert_int_equal(confirm_ask(&o, &err), 0);
    assert_int_equal(err.kind, ERR_NONE);
}

static void test_yes_alone(void **state)
{
    struct confirm_options o = production;
    struct err err = {0};

    o.yes = 1;
    assert_int_equal(confirm_ask(&o, &err), -1);
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_int_equal(err_exit_code(&err), 4);
    assert_non_null(strstr(err.message, "--yes alone"));
    assert_non_null(strstr(err.hint, "--yes --confirm prod/shop"));
}

/* Another name than this one's is refused whatever else was said: it may be the wrong database. */
static void test_wrong_name(void **state)
{
    static const char *const names[] = {"prod/shop2", "prod/sho", "PROD/SHOP", "prod/shop ", "yes", ""};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (int required = 0; required < 2; required++)
            for (int yes = 0; yes < 2; yes++) {
                struct confirm_options o = production;
                struct err err = {0};

                o.required = required;
                o.yes = yes;
                o.given = names[i];
                assert_int_equal(confirm_ask(&o, &err), -1);
                assert_int_equal(err.kind, ERR_REFUSED);
                assert_non_null(strstr(err.message, "\"prod/shop\""));
                assert_non_null(strstr(err.hint, "--confirm prod/shop"));
            }
}

/* Standard input is not asked, whatever stands there. */
static void test_no_terminal(void **state)
{
    struct confirm_options o = production;
    struct err err;

    assert_int_equal(alone(&plain, "yes\n", &err), -1);
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.message, "no terminal"));
    assert_non_null(strstr(err.hint, "--yes"));
    assert_null(strstr(err.hint, "--confirm"));
    o.given = "prod/shop"; /* without --yes: that alone does not say so */
    assert_int_equal(alone(&o, "prod/shop\n", &err), -1);
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.hint, "--yes --confirm prod/shop"));
}

static void test_typed(void **state)
{
    static const char *const wrong[] = {"yes\n", "prod/sho\n", "prod/shopp\n", "Prod/shop\n",
                                        "prod/shop \n", "\n"};
    static const char *const not_yes[] = {"y\n", "YES\n", "yes!\n", "shop_dev\n", "\n"};
    struct err err;

    assert_int_equal(typed(&production, "prod/shop\n", &err), 0);
    assert_int_equal(typed(&plain, "yes\n", &err), 0);
    assert_int_equal(err.kind, ERR_NONE);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(typed(&production, wrong[i], &err), -1);
        assert_int_equal(err.kind, ERR_REFUSED);
        assert_non_null(strstr(err.message, "nothing was changed"));
    }
    for (size_t i = 0; i < sizeof(not_yes) / sizeof(not_yes[0]); i++) {
        assert_int_equal(typed(&plain, not_yes[i], &err), -1);
        assert_int_equal(err.kind, ERR_REFUSED);
        assert_non_null(strstr(err.hint, "yes, in full"));
    }
}

static void test_closed(void **state)
{
    struct err err;

    assert_int_equal(typed(&production, "\x04", &err), -1); /* ^D */
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.message, "no answer"));
}

/* The name stands there already when ^C comes: it is no answer. */
static void test_interrupted(void **state)
{
    struct confirm_options copy = production;
    struct outcome *o = outcome_new();
    char seen[2048];

    at_terminal(ask_interruptibly, &copy, o, "prod/shop\x03", seen, sizeof(seen));
    assert_int_equal(o->rc, -1);
    assert_int_equal(o->err.kind, ERR_INTERRUPTED);
    assert_int_equal(err_exit_code(&o->err), 130);
    outcome_free(o);
}

/* A signal from before the question: whatever is typed then is no answer. */
static void test_interrupted_before(void **state)
{
    struct confirm_options copy = production;
    struct outcome *o = outcome_new();
    char seen[2048];

    at_terminal(ask_after_signal, &copy, o, "prod/shop\n", seen, sizeof(seen));
    assert_int_equal(o->rc, -1);
    assert_int_equal(o->err.kind, ERR_INTERRUPTED);
    assert_int_equal(err_exit_code(&o->err), 143);
    outcome_free(o);
}

/* What is suggested can be copied into a shell. */
static void test_name_for_the_shell(void **state)
{
    static const struct {
        const char *name, *said;
    } rows[] = {
        {"prod/shop", "--confirm prod/shop"}, {"my shop", "--confirm 'my shop'"},
        {"a;rm -rf $HOME", "--confirm 'a;rm -rf $HOME'"}, {"it's", "--confirm 'it'\\''s'"},
        {"shop*", "--confirm 'shop*'"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct confirm_options o = production;
        struct err err = {0}, wrong = {0};

        o.name = rows[i].name;
        o.yes = 1;
        assert_int_equal(confirm_ask(&o, &err), -1);
        assert_non_null(strstr(err.hint, rows[i].said));
        o.given = "other";
        assert_int_equal(confirm_ask(&o, &wrong), -1);
        assert_non_null(strstr(wrong.hint, rows[i].said));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_for_the_shell),
        cmocka_unit_test(test_flags),       cmocka_unit_test(test_yes_alone),
        cmocka_unit_test(test_wrong_name),  cmocka_unit_test(test_no_terminal),
        cmocka_unit_test(test_typed),       cmocka_unit_test(test_closed),
        cmocka_unit_test(test_interrupted), cmocka_unit_test(test_interrupted_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
