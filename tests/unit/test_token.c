#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "migration/literal.h"
#include "migration/token.h"

static struct tokens t;

static int read_text(const char *text, struct err *err)
{
    memset(err, 0, sizeof(*err));
    return tokens_read(&t, text, strlen(text), "x.py", err);
}

/* All tokens but the newlines, as text with bars between. */
static const char *line_up(const char *text)
{
    static char out[1024];
    struct err err;
    size_t n = 0;

    assert_int_equal(read_text(text, &err), 0);
    out[0] = '\0';
    for (size_t i = 0; t.items[i].kind != TOKEN_END; i++) {
        const struct token *k = &t.items[i];

        if (k->kind == TOKEN_NEWLINE)
            n += (size_t)snprintf(out + n, sizeof(out) - n, "$");
        else
            n += (size_t)snprintf(out + n, sizeof(out) - n, "%.*s|", (int)k->len,
                                  t.text.data + k->start);
    }
    return out;
}

static void test_lines(void **state)
{
    assert_string_equal(line_up("a = 1\n\n  # c\nb=2"), "a|=|1|$b|=|2|$");
    assert_string_equal(line_up("a = (1,\n\n 2) # c\r\nb"), "a|=|(|1|,|2|)|$b|$");
    assert_string_equal(line_up("a = \\\r\n 1\rb\n"), "a|=|1|$b|$");
    assert_string_equal(line_up("x->y:=z...**=w!=1.5e-3j 0x_f"), "x|->|y|:=|z|...|**=|w|!=|1.5e-3j|0x_f|$");
    assert_string_equal(line_up(""), "");
    assert_string_equal(line_up("def f():\n\tpass\n"), "def|f|(|)|:|$pass|$");
    assert_int_equal(t.items[6].column, 8); /* a tab */
    assert_true(t.items[6].flags & TOKEN_FIRST);
}

static void test_strings(void **state)
{
    static const struct {
        const char *source, *value; /* NULL: only Python knows */
    } cases[] = {
        {"'a'", "a"},          {"\"it's\"", "it's"},
        {"'''a\n'b'''", "a\n'b"}, {"r'\\n\\''", "\\n\\'"},
        {"U'\\x41\\u00e9'", "A\xc3\xa9"}, {"'\\101\\\nb\\q'", "Ab\\q"},
        {"''", ""},            {"'\\U0001F600'", "\xf0\x9f\x98\x80"},
        {"b'a'", NULL},        {"f'a'", NULL},
        {"'\\N{DASH}'", NULL}, {"'\\ud800'", NULL},
        {"'\\x4'", NULL},      {"'a\\\r\nb'", "ab"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        struct buf b = {0};
        int rc;

        assert_int_equal(read_text(cases[i].source, &err), 0);
        assert_int_equal(t.items[0].kind, TOKEN_STRING);
        assert_int_equal(t.items[1].kind, TOKEN_NEWLINE);
        rc = literal_read(&t, &t.items[0], &b, &err);
        assert_int_equal(rc, cases[i].value == NULL);
        if (cases[i].value != NULL)
            assert_string_equal(b.data != NULL ? b.data : "", cases[i].value);
        buf_free(&b);
    }
}

static void test_format_strings(void **state)
{
    /* as Python 3.12 reads them, and what older ones allow */
    assert_string_equal(line_up("f'{a[\"x\"]!r:>{w}} {{}}' b"), "f'{a[\"x\"]!r:>{w}} {{}}'|b|$");
    assert_string_equal(line_up("f'{d['x']}' b"), "f'{d['x']}'|b|$");
    assert_string_equal(line_up("rf\"{x:%H'%M}\" b"), "rf\"{x:%H'%M}\"|b|$");
}

static void test_encodings(void **state)
{
    struct err err;
    struct buf b = {0};

    assert_int_equal(read_text("\xef\xbb\xbf# coding: utf-8\n'\xc3\xa9'", &err), 0);
    assert_int_equal(read_text("#!/x\n# vim: set fileencoding=latin-1 :\n'\xe9'", &err), 0);
    assert_int_equal(literal_read(&t, &t.items[0], &b, &err), 0);
    assert_string_equal(b.data, "\xc3\xa9");
    buf_free(&b);
    assert_int_equal(read_text("x = 1\n# coding: latin-1\n'\xe9'", &err), -1); /* not in the first lines */
    assert_non_null(strstr(err.message, "x.py line 3"));
    assert_int_equal(read_text("# coding: klingon\n", &err), -1);
    assert_non_null(strstr(err.message, "klingon"));
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"a = 'x\nb", "line 1: not Python: a string is not closed"},
        {"\n'''x", "line 2: not Python: a string is not closed"},
        {"a)", "line 1: not Python: a bracket that was not opened"},
        {"\na = (1,\n2", "line 2: not Python: a bracket is not closed"},
        {"f'{a", "brace is not closed"},
        {"a \x01 b", "unexpected character"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err;

        assert_int_equal(read_text(cases[i].text, &err), -1);
        assert_int_equal(err.kind, ERR_FAILED);
        assert_non_null(strstr(err.message, cases[i].says));
    }
    {
        struct err err = {0};

        assert_int_equal(tokens_read(&t, "a\0b", 3, "x.py", &err), -1);
    }
}

static int done(void **state)
{
    tokens_free(&t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_strings),
        cmocka_unit_test(test_format_strings), cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
