/* answer and present: what a verdict says, in each form, of words that try to break out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prodcheck/check.h"
#include "prodcheck/present.h"
#include "prodcheck/verdict.h"

static struct check_result results[4];
static struct verdict v = {.checks = results};
static struct present_about about;
static char *shown;

/* The IDth check said so; what a test leaves out of it is zero. */
static struct check_result *say(size_t i, const char *id, enum check_status status, const char *message)
{
    check_result_wipe(&results[i]);
    results[i].id = id;
    results[i].status = status;
    results[i].unit = "";
    results[i].message = strdup(message);
    v.nchecks = i + 1;
    return &results[i];
}

static const char *show(enum present_form form)
{
    struct err err = {0};
    size_t size = 0;
    FILE *out;

    free(shown);
    shown = NULL;
    out = open_memstream(&shown, &size);
    assert_non_null(out);
    assert_int_equal(present(&v, &about, form, out, &err), 0);
    fclose(out);
    return shown;
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("\"%s\" is in:\n%s", part, text);
}

static void test_codes(void **state)
{
    say(0, "disk", CHECK_OK, "room");
    v.answer = VERDICT_GO;
    assert_int_equal(verdict_exit_code(&v), 0);
    assert_int_equal(present_nagios_code(&v), 0);
    say(0, "disk", CHECK_WARN, "little room");
    assert_int_equal(verdict_exit_code(&v), 0);
    assert_int_equal(present_nagios_code(&v), 1); /* only a go is a warning */
    v.answer = VERDICT_NO_GO;
    assert_int_equal(verdict_exit_code(&v), 1);
    assert_int_equal(present_nagios_code(&v), 2);
    v.answer = VERDICT_UNKNOWN;
    assert_int_equal(verdict_exit_code(&v), 3);
    assert_int_equal(present_nagios_code(&v), 3);
    assert_string_equal(verdict_answer_name(VERDICT_NO_GO), "no-go");
    assert_string_equal(check_status_name(CHECK_SKIPPED), "skipped");
}

static void test_unreachable(void **state)
{
    struct err why = {.message = "no route to \"db1\"", .hint = "look at the cable"}, err = {0};
    struct verdict *none = verdict_unreachable(&why, &err);

    assert_non_null(none);
    assert_int_equal(verdict_exit_code(none), 3);
    assert_int_equal(none->nchecks, 1);
    assert_string_equal(none->checks[0].id, "connection");
    assert_int_equal(none->checks[0].status, CHECK_ERROR);
    assert_string_equal(none->checks[0].message, "no route to \"db1\"");
    assert_string_equal(none->checks[0].remedy, "look at the cable");
    verdict_free(none);
}

static json_t *as_json(void)
{
    json_error_t why;
    json_t *o = json_loads(show(PRESENT_JSON), JSON_REJECT_DUPLICATES, &why);

    if (o == NULL)
        fail_msg("not JSON: %s\n%s", why.text, shown);
    return o;
}

static void test_json(void **state)
{
    struct check_result *r = say(0, "disk", CHECK_FAIL, "full \"to\" the\nbrim");
    struct err err = {0};
    json_t *o, *one;

    v.answer = VERDICT_NO_GO;
    r->has_number = 1;
    r->number = 97;
    r->fail = 95;
    r->unit = "%";
    r->why = "a rewrite needs room";
    assert_int_equal(check_evidence(r, "/var", NULL, "97 %", "SELECT 'secret'", &err), 0);
    say(1, "tls", CHECK_OK, "local")->why = "not told of what is ok";
    say(2, "slots", CHECK_ERROR, "?")->value = strdup("words");
    o = as_json();
    assert_string_equal(json_string_value(json_object_get(o, "schema")), "mig-prodcheck/1");
    assert_string_equal(json_string_value(json_object_get(o, "verdict")), "no-go");
    assert_true(json_is_null(json_object_get(o, "server")));
    assert_int_equal(json_array_size(json_object_get(o, "checks")), 3);
    one = json_array_get(json_object_get(o, "checks"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "status")), "fail");
    assert_string_equal(json_string_value(json_object_get(one, "message")), "full \"to\" the\nbrim");
    assert_true(json_number_value(json_object_get(one, "value")) > 96.5);
    assert_string_equal(json_string_value(json_object_get(one, "unit")), "%");
    assert_true(json_is_null(json_object_get(json_object_get(one, "threshold"), "warn")));
    assert_true(json_number_value(json_object_get(json_object_get(one, "threshold"), "fail")) > 94.5);
    one = json_array_get(json_object_get(one, "evidence"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "object")), "/var");
    assert_true(json_is_null(json_object_get(one, "value")));
    assert_string_equal(json_string_value(json_object_get(one, "query")), "SELECT $1"); /* no literals */
    one = json_array_get(json_object_get(o, "checks"), 1);
    assert_true(json_is_null(json_object_get(one, "why")));
    assert_true(json_is_null(json_object_get(one, "threshold")));
    assert_int_equal(json_array_size(json_object_get(one, "evidence")), 0);
    one = json_array_get(json_object_get(o, "checks"), 2);
    assert_string_equal(json_string_value(json_object_get(one, "value")), "words");
    json_decref(o);
}

/* JSON, Prometheus' gauges and performance data have no word for it: the verdict is told all the same. */
static void test_not_finite(void **state)
{
    struct check_result *r = say(0, "sql:ratio", CHECK_FAIL, "the query answers inf");
    json_t *o;

    v.answer = VERDICT_NO_GO;
    r->has_number = 1;
    r->number = INFINITY;
    o = as_json();
    assert_string_equal(json_string_value(json_object_get(o, "verdict")), "no-go");
    assert_true(json_is_null(json_object_get(json_array_get(json_object_get(o, "checks"), 0), "value")));
    json_decref(o);
    lacks(show(PRESENT_PROMETHEUS), "mig_prodcheck_value{");
    lacks(show(PRESENT_NAGIOS), "'sql:ratio'=");
}

static void test_junit(void **state)
{
    const char *text;

    v.answer = VERDICT_NO_GO;
    say(0, "disk", CHECK_FAIL, "a<b>&\"c\"\001\033[2J\nd")->remedy = strdup("x > y");
    say(1, "tls", CHECK_ERROR, "e");
    say(2, "slots", CHECK_SKIPPED, "<s>");
    say(3, "vacuum", CHECK_WARN, "w & w");
    about.title = "u@h:1/\"db\"";
    text = show(PRESENT_JUNIT);
    has(text, "tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\"");
    has(text, "<failure message=\"a&lt;b&gt;&amp;&quot;c&quot;[2J&#10;d\">&#10;x &gt; y</failure>");
    has(text, "<error message=\"e\">");
    has(text, "<skipped message=\"&lt;s&gt;\"/>");
    has(text, "<system-out>warning: w &amp; w</system-out>");
    has(text, "value=\"u@h:1/&quot;db&quot;\"");
    assert_null(strpbrk(text, "\001\033"));
    about.title = NULL;
}

static void test_markdown(void **state)
{
    const char *text;

    v.answer = VERDICT_NO_GO;
    say(0, "vacuum", CHECK_WARN, "w");
    say(1, "disk", CHECK_FAIL, "a|b\n`c` <i>");
    say(2, "tls", CHECK_OK, "quiet");
    text = show(PRESENT_MARKDOWN);
    has(text, "## mig-prodcheck: no-go\n");
    has(text, "| **fail** | disk | a\\|b \\`c\\` \\<i\\> |  |\n| warn | vacuum |"); /* worst first */
    lacks(text, "quiet");
    about.verbose = 1;
    has(show(PRESENT_MARKDOWN), "| ok | tls | quiet |");
    about.verbose = 0;
}

static void test_prometheus(void **state)
{
    const char *text;

    v.answer = VERDICT_UNKNOWN;
    say(0, "disk", CHECK_OK, "m")->has_number = 1;
    results[0].number = 0.5;
    say(1, "sql:a\"b\\c\nd", CHECK_ERROR, "m");
    about.database = "d\"b";
    about.environment = "prod";
    text = show(PRESENT_PROMETHEUS);
    has(text, "\nmig_prodcheck_verdict{database=\"d\\\"b\",environment=\"prod\"} 3\n");
    has(text, "\nmig_prodcheck_status{database=\"d\\\"b\",environment=\"prod\",check=\"disk\"} 0\n");
    has(text, "check=\"sql:a\\\"b\\\\c\\nd\"} 3\n");
    has(text, "check=\"disk\"} 0.5\n");
    about.database = about.environment = NULL;
}

static void test_nagios(void **state)
{
    struct check_result *r;
    const char *text;

    v.answer = VERDICT_NO_GO;
    say(0, "vacuum", CHECK_WARN, "slow");
    r = say(1, "disk", CHECK_FAIL, "a|b\nc\rd");
    r->has_number = 1;
    r->number = 97;
    r->unit = "%";
    r->warn = 90;
    r->fail = 95;
    text = show(PRESENT_NAGIOS);
    assert_string_equal(text, "MIG PRODCHECK CRITICAL - no-go: disk: a/b c d; vacuum: slow | 'disk'=97%;90;95;0;\n");
    /* mig.json's own checks are called as their author likes */
    r = say(1, "sql:it's|a=b\nc", CHECK_FAIL, "m");
    r->has_number = 1;
    r->number = 3;
    text = show(PRESENT_NAGIOS);
    assert_string_equal(text, "MIG PRODCHECK CRITICAL - no-go: sql:it's/a=b c: m; vacuum: slow | 'sql:it''s/a_b c'=3;;;0;\n");
    v.answer = VERDICT_GO;
    say(0, "tls", CHECK_OK, "local");
    about.database = "app";
    assert_string_equal(show(PRESENT_NAGIOS), "MIG PRODCHECK OK - go: app, 1 checks |\n");
    about.database = NULL;
}

static void test_github(void **state)
{
    const char *text;

    v.answer = VERDICT_NO_GO;
    say(0, "vacuum", CHECK_WARN, "w");
    say(1, "disk", CHECK_FAIL, "100 %\r\n::error::x")->remedy = strdup("free\nit");
    text = show(PRESENT_GITHUB);
    has(text, "::error title=mig-prodcheck disk::100 %25%0D%0A::error::x%0Afree%0Ait\n"
              "::warning title=mig-prodcheck vacuum::w\n");
    has(text, "\n::notice title=mig-prodcheck::no-go\n");
    say(1, "sql:a,line=1::b", CHECK_FAIL, "m");
    has(show(PRESENT_GITHUB), "::error title=mig-prodcheck sql%3Aa%2Cline=1%3A%3Ab::m\n");
}

static void test_text(void **state)
{
    struct check_result *r;
    const char *text;

    v.answer = VERDICT_UNKNOWN;
    r = say(0, "tls", CHECK_OK, "quiet");
    r = say(1, "disk", CHECK_ERROR, "nobody knows");
    r->why = "the why";
    r->remedy = strdup("the remedy");
    about.environment = "live";
    about.production = 1;
    text = show(PRESENT_TEXT);
    has(text, "UNKNOWN  live (production)\n0 failed, 1 could not be checked, 0 warnings, 1 ok, 0 skipped\n");
    has(text, "why: the why\n");
    has(text, "do:  the remedy\n");
    has(text, "What could not be checked is not called safe.");
    lacks(text, "quiet");
    lacks(text, "\033");
    about.colour = 1;
    has(show(PRESENT_TEXT), "\033[");
    about.colour = about.production = 0;
    about.environment = NULL;
    v.answer = VERDICT_GO;
    lacks(show(PRESENT_TEXT), "not called safe");
}

static int teardown(void **state)
{
    for (size_t i = 0; i < 4; i++)
        check_result_wipe(&results[i]);
    free(shown);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),      cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_json),       cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_junit),      cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_prometheus), cmocka_unit_test(test_nagios),
        cmocka_unit_test(test_github),     cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
