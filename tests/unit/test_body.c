#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migration/revision.h"
#include "migration/token.h"

/* test_revision tells the kinds of bodies apart; here is where a body begins and ends. */
static struct revision_function read_body(const char *text)
{
    static struct tokens t;
    struct revision *r;
    struct revision_function f;
    struct err err = {0};
    char whole[800];

    (void)snprintf(whole, sizeof(whole), "revision = 'a'\ndown_revision = None\n%s", text);
    r = revision_read(whole, strlen(whole), "x.py", &t, &err);
    if (r == NULL)
        fail_msg("%s: %s", text, err.message);
    f = r->downgrade;
    revision_free(r);
    tokens_free(&t);
    return f;
}

static void test_bodies(void **state)
{
    static const struct {
        const char *text;
        enum revision_body body;
        int end_line;
    } cases[] = {
        {"def downgrade(a={1: 2}, b=lambda: 3) -> d[1:2]: pass\nop.f()\n", BODY_EMPTY, 3},
        {"def downgrade(\n    a=1,\n):\n    pass\n", BODY_EMPTY, 6},
        {"def downgrade(): pass; op.f()\n", BODY_CODE, 3},
        {"def downgrade(): pass; raise E\n", BODY_RAISES, 3},
        {"def downgrade(): x('a;b')\n", BODY_CODE, 3},
        {"def downgrade():\n    def g():\n        raise E\n    g()\n", BODY_CODE, 6},
        {"def downgrade():\n    return\n    raise E\n", BODY_EMPTY, 5},
        {"def downgrade():\n    '''a\n\nb'''\n    'c' \"d\"\n    pass\nop.f()\n", BODY_EMPTY, 8},
        {"def downgrade():\n    # op.f()\n    pass\n# op.f()\nop.f()\n", BODY_EMPTY, 5},
        {"def downgrade():\n    import os\n    from x import y\n    global z\n", BODY_EMPTY, 6},
        {"def downgrade():\n    assert 0, 'no'\n", BODY_RAISES, 4},
        {"def downgrade():\n    assert 0 == 0\n", BODY_CODE, 4},
        {"def downgrade():\n    assert False or x\n", BODY_CODE, 4},
        {"def downgrade():\n\tpass\n\nclass A:\n    def f(self):\n        op.f()\n", BODY_EMPTY, 4},
        /* what a print() prints may do something */
        {"def downgrade():\n    print('a', 1)\n", BODY_EMPTY, 4},
        {"def downgrade():\n    print(f'{x}')\n", BODY_EMPTY, 4},
        {"def downgrade():\n    print(op.execute('DELETE FROM t'))\n", BODY_CODE, 4},
        {"def downgrade():\n    print(f\"{op.execute('DELETE FROM t')}\")\n", BODY_CODE, 4},
        {"def downgrade():\n    print('a') or op.execute('DELETE FROM t')\n", BODY_CODE, 4},
        {"def downgrade():\n    f\"{op.execute('DELETE FROM t')}\"\n", BODY_CODE, 4},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct revision_function f = read_body(cases[i].text);

        if (f.body != cases[i].body || f.end_line != cases[i].end_line)
            fail_msg("%s: %d, to line %d", cases[i].text, (int)f.body, f.end_line);
        assert_int_equal(f.line, 3);
    }
}

static void test_seen(void **state)
{
    /* behind a return, in a nested function, on the def's own line: seen all the same */
    struct revision_function f = read_body("def downgrade(): inspect(x)\n");

    assert_string_equal(f.bind, "inspect");
    assert_int_equal(f.bind_line, 3);
    f = read_body("def downgrade():\n    op.f()\n    return\n    input()\n");
    assert_int_equal(f.input_line, 6);
    f = read_body("def downgrade():\n    op.f('drop index CONCURRENTLY x')\n    op.g()\n    op.h('CONCURRENTLY')\n");
    assert_int_equal(f.autocommit_line, 4); /* the first */
    f = read_body("def downgrade():\n    op.f(postgresql_concurrently=False)\n    y = input\n    z = op.get_context().dialect\n");
    assert_int_equal(f.autocommit_line, 0);
    assert_int_equal(f.input_line, 0);
    assert_null(f.bind);
    f = read_body("def downgrade():\n    c = op.get_context().connection\n");
    assert_string_equal(f.bind, "get_context().connection");
    /* another function's is not its own */
    f = read_body("def downgrade():\n    op.f()\ndef help():\n    input()\n    op.get_bind()\n");
    assert_int_equal(f.input_line, 0);
    assert_null(f.bind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bodies), cmocka_unit_test(test_seen)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
