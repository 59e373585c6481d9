#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "migration/revision.h"

static struct tokens t;

static struct revision *take(const char *text)
{
    struct err err = {0};
    struct revision *r = revision_read(text, strlen(text), "v/0a1b.py", &t, &err);

    if (r == NULL)
        fail_msg("%s", err.message);
    return r;
}

static void refuse(const char *text, const char *says)
{
    struct err err = {0};

    assert_null(revision_read(text, strlen(text), "v/0a1b.py", &t, &err));
    assert_int_equal(err.kind, ERR_FAILED);
    if (strstr(err.message, says) == NULL)
        fail_msg("\"%s\" is not in: %s", says, err.message);
}

static void test_identifiers(void **state)
{
    struct revision *r = take("\"\"\" Add users \n\nRevision ID: x\nCreate Date: 2024-01-02 03:04\n\"\"\"\n"
                              "revision: str = 'ae'\ndown_revision = ('b', \"c\")\n"
                              "branch_labels = ['l']\ndepends_on = 'd' 'e'\n");

    assert_string_equal(r->id, "ae");
    assert_int_equal(r->id_line, 6);
    assert_string_equal(r->message, "Add users");
    assert_string_equal(r->create_date, "2024-01-02 03:04");
    assert_string_equal(r->down[0], "b");
    assert_string_equal(r->down[1], "c");
    assert_null(r->down[2]);
    assert_string_equal(r->labels[0], "l");
    assert_string_equal(r->depends[0], "de");
    revision_free(r);
    /* the last assignment wins; the file's name is an id of old */
    r = take("down_revision = 'x'\nif 1:\n    pass\ndown_revision = None\n");
    assert_string_equal(r->id, "0a1b");
    assert_int_equal(r->id_line, 0);
    assert_null(r->down[0]);
    revision_free(r);
}

static void test_needs_python(void **state)
{
    static const char *const texts[] = {
        "revision = make()\ndown_revision = None\n",
        "revision = 'a' + 'b'\ndown_revision = None\n",
        "revision = f'a'\ndown_revision = None\n",
        "revision = 'a'\ndown_revision = other\n",
        "revision = 'a'\ndown_revision = None\nif x:\n    down_revision = 'b'\n",
        "revision = 'a'\ndown_revision = None\nrevision += 'b'\n",
        "revision = 'a'\ndown_revision = None\ntry:\n    depends_on = 'z'\nexcept E:\n    pass\n",
        "revision = 'a'\ndown_revision = None\nfrom x import depends_on\n",
        "revision = 'a'\ndown_revision = None\nfrom x import *\n",
        "revision = 'a'\ndown_revision = None\ndel revision\n",
        "revision, down_revision = 'a', None\n",
        "revision = 'a'\ndown_revision = None\nfor revision in y:\n    pass\n",
        "revision = 'a'\ndown_revision = None\ndef depends_on(): pass\n",
        "revision = 'a'\ndown_revision = {'a'}\n",
        "revision = 'a'\ndown_revision = 'b' if x else 'c'\n",
        "revision = 'a'\ndown_revision = [*x]\n",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refuse(texts[i], "needs Python");
    refuse("x = 1\nrevision = 'a'\ndown_revision = None\nbranch_labels = (1, 2)\n",
           "v/0a1b.py line 4: branch_labels is computed");
}

static void test_what_alembic_refuses(void **state)
{
    refuse("revision = 'a'\n", "has no down_revision");
    refuse("revision = ('a', 'b')\ndown_revision = None\n", "is not a string");
    refuse("revision = None\ndown_revision = None\n", "is not a string");
    refuse("revision = 'a-b'\ndown_revision = None\n", "does not allow in an id");
    refuse("revision = 'a'\ndown_revision = ('b', 'a')\n", "its own down_revision");
    refuse("revision = 'a'\ndown_revision = None\ndepends_on = 'a'\n", "depends on itself");
    refuse("revision = 'a'\ndown_revision = (None, 'b')\n", "a None among ids");
}

static void test_bodies(void **state)
{
    static const struct {
        const char *body;
        enum revision_body is;
    } cases[] = {
        {"def downgrade():\n    pass\n", BODY_EMPTY},
        {"def downgrade(): ...\n", BODY_EMPTY},
        {"def downgrade():\n    '''Doc.'''\n", BODY_EMPTY},
        {"def downgrade():\n    return\n    op.f()\n", BODY_EMPTY},
        {"def downgrade():\n    print('no')\n", BODY_EMPTY},
        {"def downgrade():\n    raise NotImplementedError\n", BODY_RAISES},
        {"def downgrade():\n    raise NotImplemented('x')\n", BODY_RAISES},
        {"def downgrade():\n    assert False, 'x'\n", BODY_RAISES},
        {"def downgrade():\n    op.f()\n    raise Exception\n", BODY_RAISES},
        {"async def downgrade(): raise E\n", BODY_RAISES},
        {"def downgrade():\n    if x:\n        raise E\n    op.f()\n", BODY_CODE},
        {"def downgrade():\n    for x in y:\n        pass\n", BODY_CODE},
        {"def downgrade():\n    assert x\n", BODY_CODE},
        {"def downgrade():\n    op.f(raise_=1)\n", BODY_CODE},
        {"from x import downgrade\n", BODY_OPAQUE},
        {"downgrade = upgrade\n", BODY_OPAQUE},
        {"if x:\n    def downgrade(): pass\n", BODY_OPAQUE},
        {"class A:\n    def downgrade(self): pass\n", BODY_MISSING},
        {"", BODY_MISSING},
        {"def downgrade(): op.f()\ndef downgrade(): pass\n", BODY_EMPTY},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = {0}, why = {0};
        struct err err = {0};
        struct revision *r;
        int way;

        assert_int_equal(buf_addf(&b, &err, "revision = 'a'\ndown_revision = None\n"
                                  "def upgrade():\n    op.f()\n%s", cases[i].body), 0);
        r = take(b.data);
        if (r->downgrade.body != cases[i].is)
            fail_msg("case %zu: %d", i, (int)r->downgrade.body);
        way = revision_irreversible(r, &why, &err);
        assert_int_equal(way, cases[i].is != BODY_CODE && cases[i].is != BODY_OPAQUE);
        assert_int_equal(way, why.len > 0);
        assert_int_equal(r->upgrade.body, BODY_CODE);
        revision_free(r);
        buf_free(&b);
        buf_free(&why);
    }
    {
        /* nothing up, nothing down: a merge */
        struct revision *r = take("revision = 'a'\ndown_revision = ('b', 'c')\ndef upgrade(): pass\ndef downgrade(): pass\n");
        struct buf why = {0};
        struct err err = {0};

        assert_int_equal(revision_irreversible(r, &why, &err), 0);
        revision_free(r);
    }
}

static void test_what_is_seen(void **state)
{
    struct revision *r = take("revision = 'a'\ndown_revision = None\n"
                              "def upgrade():\n"
                              "    '''a\ttab in the docstring'''\n"
                              "    op.execute('a\\tb')\n"
                              "    with op.get_context().autocommit_block():\n"
                              "        input()\n"
                              "def downgrade():\n"
                              "    b.drop_constraint(None, 't')\n"
                              "    bind = op.get_bind()\n"
                              "    print('x')\n"
                              "    op.create_index('i', postgresql_concurrently=True)\n");

    assert_int_equal(r->upgrade.tab_line, 5);
    assert_int_equal(r->upgrade.autocommit_line, 6);
    assert_int_equal(r->upgrade.input_line, 7);
    assert_null(r->upgrade.bind); /* get_context() alone asks nothing */
    assert_int_equal(r->downgrade.tab_line, 0);
    assert_int_equal(r->downgrade.unnamed_line, 9);
    assert_string_equal(r->downgrade.bind, "get_bind");
    assert_int_equal(r->downgrade.bind_line, 10);
    assert_int_equal(r->downgrade.print_line, 11);
    assert_int_equal(r->downgrade.autocommit_line, 12);
    assert_int_equal(r->downgrade.end_line, 12);
    revision_free(r);
}

static int done(void **state)
{
    tokens_free(&t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identifiers),  cmocka_unit_test(test_needs_python),
        cmocka_unit_test(test_what_alembic_refuses), cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_what_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
