/* nearest: a slip of the finger finds its word, nonsense finds none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/nearest.h"

static const char *const words[] = {"create", NULL, "restore", "verify", "list", "prune", "passphrase-file"};

static const char *find(const char *word)
{
    return nearest_word(word, words, sizeof(words) / sizeof(words[0]));
}

static void test_slips(void **state)
{
    assert_string_equal(find("create"), "create");
    assert_string_equal(find("creat"), "create");     /* left out */
    assert_string_equal(find("creaate"), "create");   /* twice */
    assert_string_equal(find("craete"), "create");    /* swapped */
    assert_string_equal(find("lsit"), "list");
    assert_string_equal(find("vorefy"), "verify");    /* two other letters */
    assert_string_equal(find("passphrasefile"), "passphrase-file");
    assert_string_equal(find("pasphrse-fille"), "passphrase-file");
}

static void test_nonsense(void **state)
{
    char long_word[300];

    assert_null(find("frobnicate"));
    assert_null(find("xyz"));
    assert_null(nearest_word("create", NULL, 0));
    for (size_t len = 1; len < sizeof(long_word); len++) {
        memset(long_word, 'z', len);
        long_word[len] = '\0';
        if (find(long_word) != NULL && len > 3)
            fail_msg("%zu letters z are taken for \"%s\"", len, find(long_word));
    }
}

/* The nearest one, wherever it stands; among equals the first. */
static void test_choice(void **state)
{
    static const char *const near[] = {"tablas", "tables", "table", "cable"};
    static const char *const equal[] = {"bat", "cat"};

    assert_string_equal(nearest_word("tabels", near, 4), "tables");
    assert_string_equal(nearest_word("tabl", near, 4), "table");
    assert_string_equal(nearest_word("hat", equal, 2), "bat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_choice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
