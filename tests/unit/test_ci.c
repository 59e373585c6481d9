/* report: a judgement for pipelines, of words that try to break out of each form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migration/plan.h"
#include "script/statement.h"
#include "validate/hazard.h"
#include "validate/report.h"

static struct statement statement = {.index = 2, .line = 7, .column = 3,
                                     .text = (char[]){"DELETE FROM t\n WHERE a = '<secret>'"}};
static struct plan_step steps[2];
static struct plan plan = {.steps = steps, .nsteps = 2};
static struct finding findings[4];
static struct judgement judgement = {.findings = findings};
static struct report_judgement about = {.judgement = &judgement, .plan = &plan, .fail_on = SEVERITY_HIGH};
static char *shown;

static char words[][64] = {"a<1>", "x,y:z.sql", "b2", "s.t", "a<b> & \"c\"\001\033[2J | `d`\n100 %", "x > y\nz",
                           "<why> & | not"};

/* The findings as every test begins: one that fails, one small, one that is ignored, one opaque. */
static int begin(void **state)
{
    static const char *const codes[] = {"delete-rows", "change-default", "drop-table", "opaque"};
    static const enum severity severities[] = {SEVERITY_HIGH, SEVERITY_LOW, SEVERITY_CRITICAL, SEVERITY_MEDIUM};

    memset(findings, 0, sizeof(findings));
    memset(steps, 0, sizeof(steps));
    steps[0].revision = words[0];
    steps[0].file = words[1];
    steps[1].revision = words[2];
    for (size_t i = 0; i < 4; i++) {
        findings[i].code = codes[i];
        findings[i].hazard = "h";
        findings[i].severity = severities[i];
        findings[i].object = words[3];
        findings[i].message = words[4];
        findings[i].remedy = words[5];
        findings[i].statement = &statement;
    }
    findings[2].ignored = words[6];
    findings[3].opaque = 1;
    judgement.nfindings = 4;
    judgement.verdict = JUDGE_UNSAFE;
    judgement.why_unknown = NULL;
    plan.direction = PLAN_SQL;
    about.fail_on = SEVERITY_HIGH;
    about.server = NULL;
    about.show_values = 0;
    return 0;
}

static const char *show(int (*report)(FILE *, const struct report_judgement *, struct err *))
{
    struct err err = {0};
    size_t size = 0;
    FILE *out;

    free(shown);
    shown = NULL;
    out = open_memstream(&shown, &size);
    assert_non_null(out);
    assert_int_equal(report(out, &about, &err), 0);
    fclose(out);
    return shown;
}

static json_t *show_json(int (*report)(FILE *, const struct report_judgement *, struct err *))
{
    json_error_t why;
    json_t *o = json_loads(show(report), JSON_REJECT_DUPLICATES, &why);

    if (o == NULL)
        fail_msg("not JSON: %s\n%s", why.text, shown);
    return o;
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

static void test_junit(void **state)
{
    const char *text = show(report_junit);

    has(text, "<testsuite name=\"a&lt;1&gt;\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\">");
    has(text, "<failure type=\"high\" message=\"a&lt;b&gt; &amp; &quot;c&quot;  [2J | `d`&#10;100 %\">"
              "DELETE FROM t WHERE a = $1\nx &gt; y&#10;z</failure>");
    has(text, "<system-out>a&lt;b&gt; &amp;");
    has(text, "<skipped message=\"&lt;why&gt; &amp; | not\"/>");
    has(text, "<error type=\"medium\"");
    has(text, "file=\"x,y:z.sql\" line=\"7\">");
    assert_null(strpbrk(text, "\001\033"));
    lacks(text, "secret");
    /* A step without findings is a test that passed: an empty suite would be "nothing ran". */
    has(text, "<testsuite name=\"b2\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\">");
    has(text, "<testcase classname=\"b2\" name=\"nothing found\" file=\"b2\"/>");
    lacks(text, "name=\"verdict\"");
    judgement.verdict = JUDGE_UNKNOWN;
    judgement.why_unknown = (char[]){"<?>"};
    about.fail_on = SEVERITY_CRITICAL;
    text = show(report_junit);
    has(text, "failures=\"0\" errors=\"1\" skipped=\"1\"");
    has(text, "<error message=\"could not be judged: &lt;?&gt;\"/>");
    about.show_values = 1;
    has(show(report_junit), "&lt;secret&gt;");
}

/* Cut between characters: half of one is no UTF-8, and the whole report no XML. */
static void test_cut(void **state)
{
    for (size_t lead = 0; lead < 4; lead++) {
        char sql[900] = "SELECT ''";
        size_t n = strlen(sql) - 1;
        char *cut;
        json_t *read;

        for (size_t i = 0; i < lead; i++)
            sql[n++] = 'x';
        while (n < 800) {
            memcpy(sql + n, "\xe2\x82\xac", 3);
            n += 3;
        }
        strcpy(sql + n, "'");
        assert_non_null(cut = report_sql(sql, 1, 400));
        assert_true(strlen(cut) <= 400 && strlen(cut) >= 396);
        assert_string_equal(cut + strlen(cut) - 3, "...");
        read = json_string(cut); /* NULL: not UTF-8 */
        assert_non_null(read);
        json_decref(read);
        free(cut);
    }
}

static void test_sarif(void **state)
{
    json_t *o = show_json(report_sarif);
    json_t *run = json_array_get(json_object_get(o, "runs"), 0);
    json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
    json_t *results = json_object_get(run, "results"), *rules = json_object_get(driver, "rules");
    json_t *one, *place;
    size_t i;

    assert_string_equal(json_string_value(json_object_get(o, "version")), "2.1.0");
    assert_string_equal(json_string_value(json_object_get(driver, "name")), "mig-validate");
    assert_int_equal(json_array_size(rules), hazard_count);
    assert_int_equal(json_array_size(results), 4);
    json_array_foreach(results, i, one) {
        const char *level = json_string_value(json_object_get(one, "level"));
        json_int_t rule = json_integer_value(json_object_get(one, "ruleIndex"));

        assert_string_equal(
            json_string_value(json_object_get(json_array_get(rules, (size_t)rule), "id")),
            json_string_value(json_object_get(one, "ruleId")));
        assert_string_equal(level, ((const char *[]){"error", "note", "error", "warning"})[i]);
        assert_string_equal(json_string_value(json_object_get(json_object_get(one, "message"), "text")),
                            findings[i].message);
        place = json_object_get(json_array_get(json_object_get(one, "locations"), 0), "physicalLocation");
        assert_string_equal(
            json_string_value(json_object_get(json_object_get(place, "artifactLocation"), "uri")), "x,y:z.sql");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(place, "region"), "startLine")), 7);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(place, "region"), "startColumn")), 3);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(place, "region"), "endLine")), 8);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(place, "region"), "endColumn")), 22);
        assert_int_equal(json_array_size(json_object_get(one, "suppressions")), i == 2);
    }
    assert_true(json_is_true(json_object_get(
        json_array_get(json_object_get(run, "invocations"), 0), "executionSuccessful")));
    json_decref(o);
    judgement.verdict = JUDGE_UNKNOWN;
    findings[0].code = "of-history"; /* in no table */
    o = show_json(report_sarif);
    run = json_array_get(json_object_get(o, "runs"), 0);
    assert_true(json_is_false(json_object_get(
        json_array_get(json_object_get(run, "invocations"), 0), "executionSuccessful")));
    assert_null(json_object_get(json_array_get(json_object_get(run, "results"), 0), "ruleIndex"));
    json_decref(o);
    judgement.nfindings = 0;
    o = show_json(report_sarif);
    run = json_array_get(json_object_get(o, "runs"), 0);
    assert_true(json_is_array(json_object_get(run, "results"))); /* none found is not "did not look" */
    json_decref(o);
}

static void fingerprint(size_t i, char text[64])
{
    json_t *o = show_json(report_sarif);
    const json_t *one = json_array_get(
        json_object_get(json_array_get(json_object_get(o, "runs"), 0), "results"), i);

    snprintf(text, 64, "%s",
             json_string_value(json_object_get(json_object_get(one, "partialFingerprints"), "mig/1")));
    assert_int_equal(strlen(text), 32);
    json_decref(o);
}

static void test_fingerprints(void **state)
{
    char before[64], after[64], second[64];

    findings[0].step = findings[1].step = 1;
    findings[1].code = findings[0].code;
    fingerprint(0, before);
    fingerprint(1, second);
    assert_string_not_equal(before, second); /* two of a kind are two */
    statement.line = 99;
    fingerprint(0, after);
    statement.line = 7;
    assert_string_equal(after, before);
    /* The same in another file that now comes first does not make this one new. */
    findings[3] = findings[1];
    findings[1] = findings[0];
    findings[0].step = 0;
    fingerprint(1, after);
    assert_string_equal(after, before);
    fingerprint(0, after);
    assert_string_not_equal(after, before);
}

static void test_gitlab(void **state)
{
    json_t *o = show_json(report_gitlab), *one;

    assert_int_equal(json_array_size(o), 3); /* not the ignored one */
    one = json_array_get(o, 0);
    assert_string_equal(json_string_value(json_object_get(one, "severity")), "major");
    assert_string_equal(json_string_value(json_object_get(one, "check_name")), "delete-rows");
    assert_string_equal(json_string_value(json_object_get(one, "description")), findings[0].message);
    assert_int_equal(strlen(json_string_value(json_object_get(one, "fingerprint"))), 32);
    one = json_object_get(one, "location");
    assert_string_equal(json_string_value(json_object_get(one, "path")), "x,y:z.sql");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(one, "lines"), "begin")), 7);
    json_decref(o);
}

static void test_github(void **state)
{
    const char *text = show(report_github);

    has(text, "::error file=x%2Cy%3Az.sql,line=7,endLine=8,title=delete-rows::a<b> & \"c\"");
    has(text, "`d`%0A100 %25%0Ax > y%0Az\n");
    has(text, "::notice file=x%2Cy%3Az.sql,line=7,endLine=8,title=change-default::");
    has(text, "::warning file=");
    lacks(text, "drop-table");
    for (const char *p = text; *p != '\0'; p = strchr(p, '\n') + 1)
        assert_memory_equal(p, "::", 2); /* no message begins a line of its own */
    plan.direction = PLAN_DOWN; /* rendered SQL: its lines are not the file's */
    has(show(report_github), ",line=1,title=delete-rows::");
    judgement.verdict = JUDGE_UNKNOWN;
    judgement.why_unknown = (char[]){"a\n::b"};
    has(show(report_github), "::error title=unknown::could not be judged: a%0A::b\n");
}

static void test_markdown(void **state)
{
    const char *text, *high, *low;

    findings[0].loss_rows = 48213;
    findings[0].loss_values = 5;
    findings[2].loss_rows = 1000000; /* ignored: not counted */
    text = show(report_markdown);
    has(text, "## mig-validate: unsafe\n\n3 findings in 2 steps; **5 values in 48 213 rows would be lost**; "
              "nothing was measured (offline)\n");
    high = strstr(text, "| high | a\\<b\\> & \"c\"");
    low = strstr(text, "| low | ");
    assert_true(high != NULL && low != NULL && high < low);
    has(text, "\\| \\`d\\` 100 % (`delete-rows`) | a\\<1\\>:7 | x \\> y z |\n");
    has(text, "\nIgnored: ");
    has(text, "(`drop-table`): \\<why\\> & \\| not\n");
    about.server = "u@h:1/d";
    lacks(show(report_markdown), "offline");
}

static int teardown(void **state)
{
    free(shown);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_junit, begin),        cmocka_unit_test_setup(test_cut, begin),
        cmocka_unit_test_setup(test_sarif, begin),        cmocka_unit_test_setup(test_fingerprints, begin),
        cmocka_unit_test_setup(test_gitlab, begin),       cmocka_unit_test_setup(test_github, begin),
        cmocka_unit_test_setup(test_markdown, begin),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
