#include "prodcheck/present.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/report.h"
#include "prodcheck/verdict.h"

const char *const present_forms[] = {"text", "json", "junit", "markdown", "prometheus", "nagios",
                                     "github", NULL};

static size_t count(const struct verdict *v, enum check_status s)
{
    size_t i, n = 0;

    for (i = 0; i < v->nchecks; i++)
        n += v->checks[i].status == s;
    return n;
}

/* Worst first, as a reader needs them. */
static const enum check_status order[] = {CHECK_FAIL, CHECK_ERROR, CHECK_WARN, CHECK_OK, CHECK_SKIPPED};

static const char *or_empty(const char *s)
{
    return s != NULL ? s : "";
}

/* One character of S as it may be shown to a terminal or a log, whose last byte is returned: a name
 * from the database is not to steer either. */
static const char *put_plain(FILE *out, const char *s)
{
    char one[5] = {0}, room[16];
    size_t n = 1;

    if ((unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0)
        n = 2;
    memcpy(one, s, n);
    (void)fputs(report_plain(one, room, sizeof(room)), out);
    return s + n - 1;
}

static void plain(FILE *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        s = put_plain(out, s);
}

/* --- text --- */

static const char *sgr(const struct present_about *a, enum check_status s)
{
    static const char *const codes[] = {
        [CHECK_OK] = "\033[32m",      [CHECK_WARN] = "\033[33m",  [CHECK_FAIL] = "\033[31;1m",
        [CHECK_ERROR] = "\033[35;1m", [CHECK_SKIPPED] = "\033[2m",
    };

    return a->colour ? codes[s] : "";
}

static void evidence_text(const struct check_result *r, FILE *out)
{
    const json_t *one;
    size_t i;

    json_array_foreach(r->evidence, i, one) {
        const char *query = json_string_value(json_object_get(one, "query"));
        char room[256];

        (void)fputs("           - ", out);
        plain(out, json_string_value(json_object_get(one, "object")));
        (void)fputs(": ", out);
        plain(out, json_string_value(json_object_get(one, "detail")));
        if (query != NULL)
            (void)fprintf(out, "\n             %.200s", report_plain(query, room, sizeof(room)));
        (void)fputc('\n', out);
    }
}

static void line(FILE *out, const char *before, const char *s)
{
    if (s == NULL)
        return;
    (void)fputs(before, out);
    plain(out, s);
    (void)fputc('\n', out);
}

static void text_one(const struct check_result *r, const struct present_about *a, FILE *out)
{
    static const char *const words[] = {
        [CHECK_OK] = "ok",       [CHECK_WARN] = "WARN",     [CHECK_FAIL] = "FAIL",
        [CHECK_ERROR] = "ERROR", [CHECK_SKIPPED] = "skipped",
    };
    int loud = r->status != CHECK_OK && r->status != CHECK_SKIPPED;

    (void)fprintf(out, "  %s%-7s%s  %-21s  ", sgr(a, r->status), words[r->status],
                  a->colour ? "\033[0m" : "", r->id);
    line(out, "", or_empty(r->message));
    if (!loud)
        return;
    if (r->has_number)
        line(out, "           limits: ", r->threshold);
    line(out, "           why: ", r->why);
    line(out, "           do:  ", r->remedy);
    if (json_array_size(r->evidence) > 1 || a->verbose)
        evidence_text(r, out);
}

static void text(const struct verdict *v, const struct present_about *a, FILE *out)
{
    static const char *const answers[] = {
        [VERDICT_GO] = "GO", [VERDICT_NO_GO] = "NO-GO", [VERDICT_UNKNOWN] = "UNKNOWN"};
    static const enum check_status as[] = {
        [VERDICT_GO] = CHECK_OK, [VERDICT_NO_GO] = CHECK_FAIL, [VERDICT_UNKNOWN] = CHECK_ERROR};
    size_t fail = count(v, CHECK_FAIL), error = count(v, CHECK_ERROR), warn = count(v, CHECK_WARN);
    size_t i, j;

    (void)fprintf(out, "%s%s%s", sgr(a, as[v->answer]), answers[v->answer],
                  a->colour ? "\033[0m" : "");
    if (a->title != NULL) {
        (void)fputs("  ", out);
        plain(out, a->title);
    }
    if (a->environment != NULL) {
        (void)fputs("  ", out);
        plain(out, a->environment);
        if (a->production && strcmp(a->environment, "production") != 0)
            (void)fputs(" (production)", out);
    }
    if (a->after != NULL) {
        (void)fputs("  ", out);
        plain(out, a->after);
    }
    (void)fprintf(out, "\n%zu failed, %zu could not be checked, %zu warning%s, %zu ok, %zu skipped",
                  fail, error, warn, warn == 1 ? "" : "s", count(v, CHECK_OK),
                  count(v, CHECK_SKIPPED));
    if (a->seconds > 0)
        (void)fprintf(out, " (%.0f ms)", a->seconds * 1000);
    (void)fputs("\n", out);
    if (fail + error + warn > 0 || a->verbose)
        (void)fputs("\n", out);
    for (j = 0; j < sizeof(order) / sizeof(order[0]); j++) {
        if ((order[j] == CHECK_OK || order[j] == CHECK_SKIPPED) && !a->verbose)
            continue;
        for (i = 0; i < v->nchecks; i++)
            if (v->checks[i].status == order[j])
                text_one(&v->checks[i], a, out);
    }
    if (a->verbose && a->log_head != NULL)
        (void)fprintf(out, "\nlog head %s\n", a->log_head);
    if (v->answer == VERDICT_UNKNOWN)
        (void)fputs("\nWhat could not be checked is not called safe.\n", out);
}

/* --- XML --- */

/* Control characters that XML forbids are left out. */
static void xml(FILE *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        switch (*s) {
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        case '\n':
            (void)fputs("&#10;", out);
            break;
        default:
            if ((unsigned char)*s >= 0x20 || *s == '\t')
                (void)fputc(*s, out);
        }
}

static void junit_body(const struct check_result *r, const char *element, FILE *out)
{
    (void)fprintf(out, "    <%s message=\"", element);
    xml(out, r->message);
    (void)fputs("\">", out);
    xml(out, r->why);
    if (r->remedy != NULL) {
        (void)fputs("&#10;", out);
        xml(out, r->remedy);
    }
    (void)fprintf(out, "</%s>\n", element);
}

static void junit(const struct verdict *v, const struct present_about *a, FILE *out)
{
    size_t i;

    (void)fprintf(out,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<testsuites>\n<testsuite name=\"mig-prodcheck\" tests=\"%zu\" failures=\"%zu\" "
                  "errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\">\n"
                  "  <properties>\n    <property name=\"verdict\" value=\"%s\"/>\n"
                  "    <property name=\"database\" value=\"",
                  v->nchecks, count(v, CHECK_FAIL), count(v, CHECK_ERROR), count(v, CHECK_SKIPPED),
                  a->seconds, verdict_answer_name(v->answer));
    xml(out, a->title);
    (void)fputs("\"/>\n  </properties>\n", out);
    for (i = 0; i < v->nchecks; i++) {
        const struct check_result *r = &v->checks[i];

        (void)fputs("  <testcase classname=\"mig-prodcheck\" name=\"", out);
        xml(out, r->id);
        (void)fputs("\">\n", out);
        if (r->status == CHECK_FAIL) {
            junit_body(r, "failure", out);
        } else if (r->status == CHECK_ERROR) {
            junit_body(r, "error", out);
        } else if (r->status == CHECK_SKIPPED) {
            (void)fputs("    <skipped message=\"", out);
            xml(out, r->message);
            (void)fputs("\"/>\n", out);
        } else {
            (void)fprintf(out, "    <system-out>%s", r->status == CHECK_WARN ? "warning: " : "");
            xml(out, r->message);
            (void)fputs("</system-out>\n", out);
        }
        (void)fputs("  </testcase>\n", out);
    }
    (void)fputs("</testsuite>\n</testsuites>\n", out);
}

/* --- Markdown --- */

static void cell(FILE *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++) {
        if (strchr("|\\`*_<>[]", *s) != NULL)
            (void)fputc('\\', out);
        if (*s == '\n')
            (void)fputc(' ', out);
        else
            s = put_plain(out, s);
    }
}

static void markdown(const struct verdict *v, const struct present_about *a, FILE *out)
{
    static const char *const marks[] = {
        [CHECK_OK] = "ok",       [CHECK_WARN] = "warn",       [CHECK_FAIL] = "**fail**",
        [CHECK_ERROR] = "**error**", [CHECK_SKIPPED] = "skipped",
    };
    size_t i, j;

    (void)fprintf(out, "## mig-prodcheck: %s\n\n", verdict_answer_name(v->answer));
    if (a->title != NULL) {
        cell(out, a->title);
        if (a->environment != NULL) {
            (void)fputs(", ", out);
            cell(out, a->environment);
        }
        (void)fputs("\n\n", out);
    }
    (void)fputs("| | check | what | do |\n|---|---|---|---|\n", out);
    for (j = 0; j < sizeof(order) / sizeof(order[0]); j++) {
        if (order[j] == CHECK_SKIPPED && !a->verbose)
            continue;
        for (i = 0; i < v->nchecks; i++) {
            const struct check_result *r = &v->checks[i];

            if (r->status != order[j] || (r->status == CHECK_OK && !a->verbose))
                continue;
            (void)fprintf(out, "| %s | ", marks[r->status]);
            cell(out, r->id);
            (void)fputs(" | ", out);
            cell(out, r->message);
            (void)fputs(" | ", out);
            cell(out, r->remedy);
            (void)fputs(" |\n", out);
        }
    }
    (void)fprintf(out, "\n%zu failed, %zu could not be checked, %zu warnings, %zu ok, %zu skipped\n",
                  count(v, CHECK_FAIL), count(v, CHECK_ERROR), count(v, CHECK_WARN),
                  count(v, CHECK_OK), count(v, CHECK_SKIPPED));
}

/* --- Prometheus --- */

static void label(FILE *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++) {
        if (*s == '\n') {
            (void)fputs("\\n", out);
            continue;
        }
        if (*s == '"' || *s == '\\')
            (void)fputc('\\', out);
        (void)fputc(*s, out);
    }
}

static void labels(FILE *out, const struct present_about *a, const char *check)
{
    (void)fputs("{database=\"", out);
    label(out, a->database);
    if (a->environment != NULL) {
        (void)fputs("\",environment=\"", out);
        label(out, a->environment);
    }
    if (check != NULL) {
        (void)fputs("\",check=\"", out);
        label(out, check);
    }
    (void)fputs("\"}", out);
}

static void prometheus(const struct verdict *v, const struct present_about *a, FILE *out)
{
    size_t i;

    (void)fputs("# HELP mig_prodcheck_verdict 0 go, 1 no-go, 3 could not be checked.\n"
                "# TYPE mig_prodcheck_verdict gauge\nmig_prodcheck_verdict", out);
    labels(out, a, NULL);
    (void)fprintf(out, " %d\n", verdict_exit_code(v));
    (void)fputs("# HELP mig_prodcheck_status 0 ok, 1 warn, 2 fail, 3 error, 4 skipped.\n"
                "# TYPE mig_prodcheck_status gauge\n", out);
    for (i = 0; i < v->nchecks; i++) {
        (void)fputs("mig_prodcheck_status", out);
        labels(out, a, v->checks[i].id);
        (void)fprintf(out, " %d\n", (int)v->checks[i].status);
    }
    (void)fputs("# HELP mig_prodcheck_value What the check measured, in its unit.\n"
                "# TYPE mig_prodcheck_value gauge\n", out);
    for (i = 0; i < v->nchecks; i++) {
        if (!v->checks[i].has_number || !isfinite(v->checks[i].number))
            continue;
        (void)fputs("mig_prodcheck_value", out);
        labels(out, a, v->checks[i].id);
        (void)fprintf(out, " %.17g\n", v->checks[i].number);
    }
    (void)fputs("# HELP mig_prodcheck_timestamp_seconds When it was checked.\n"
                "# TYPE mig_prodcheck_timestamp_seconds gauge\nmig_prodcheck_timestamp_seconds", out);
    labels(out, a, NULL);
    (void)fprintf(out, " %lld\n", (long long)time(NULL));
}

/* --- Nagios --- */

int present_nagios_code(const struct verdict *v)
{
    static const int codes[] = {[VERDICT_GO] = 0, [VERDICT_NO_GO] = 2, [VERDICT_UNKNOWN] = 3};

    return v->answer == VERDICT_GO && count(v, CHECK_WARN) > 0 ? 1 : codes[v->answer];
}

/* One line: what would end it or begin the performance data is replaced. */
static void nagios_text(FILE *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        if (strchr("|\n\r", *s) != NULL)
            (void)fputc(*s == '|' ? '/' : ' ', out);
        else
            s = put_plain(out, s);
}

/* In quotes; a quote is doubled, and '=' is not allowed at all. */
static void nagios_label(FILE *out, const char *s)
{
    for (; *s != '\0'; s++)
        if (*s == '\'')
            (void)fputs("''", out);
        else
            (void)fputc(*s == '=' ? '_' : *s == '|' ? '/' : *s == '\n' || *s == '\r' ? ' ' : *s, out);
}

static void nagios(const struct verdict *v, const struct present_about *a, FILE *out)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    size_t i, j, shown = 0;

    (void)fprintf(out, "MIG PRODCHECK %s - %s", words[present_nagios_code(v)],
                  verdict_answer_name(v->answer));
    for (j = 0; j < 3; j++)
        for (i = 0; i < v->nchecks; i++)
            if (v->checks[i].status == order[j]) {
                (void)fputs(shown++ == 0 ? ": " : "; ", out);
                nagios_text(out, v->checks[i].id);
                (void)fputs(": ", out);
                nagios_text(out, v->checks[i].message);
            }
    if (shown == 0 && a->database != NULL) {
        (void)fputs(": ", out);
        nagios_text(out, a->database);
        (void)fprintf(out, ", %zu checks", v->nchecks);
    }
    (void)fputs(" |", out);
    for (i = 0; i < v->nchecks; i++) {
        const struct check_result *r = &v->checks[i];

        if (!r->has_number || !isfinite(r->number))
            continue;
        /* 'label'=value[UOM];warn;crit;min;max, and a threshold is a range: alert outside of 0:N. */
        (void)fputs(" '", out);
        nagios_label(out, r->id);
        (void)fprintf(out, "'=%.6g%s;", r->number, or_empty(r->unit));
        if (r->warn > 0)
            (void)fprintf(out, "%.6g", r->warn);
        (void)fputc(';', out);
        if (r->fail > 0)
            (void)fprintf(out, "%.6g", r->fail);
        (void)fputs(";0;", out);
    }
    (void)fputc('\n', out);
}

/* --- GitHub --- */

static void github_text(FILE *out, const char *s, int property)
{
    for (; s != NULL && *s != '\0'; s++)
        if (*s == '%')
            (void)fputs("%25", out);
        else if (*s == '\r')
            (void)fputs("%0D", out);
        else if (*s == '\n')
            (void)fputs("%0A", out);
        else if (property && *s == ':')
            (void)fputs("%3A", out);
        else if (property && *s == ',')
            (void)fputs("%2C", out);
        else
            s = put_plain(out, s);
}

/* About ten annotations of a kind are shown: the worst come first. */
static void github(const struct verdict *v, const struct present_about *a, FILE *out)
{
    size_t i, j;

    for (j = 0; j < 3; j++)
        for (i = 0; i < v->nchecks; i++) {
            const struct check_result *r = &v->checks[i];

            if (r->status != order[j])
                continue;
            (void)fprintf(out, "::%s title=mig-prodcheck ", r->status == CHECK_WARN ? "warning" : "error");
            github_text(out, r->id, 1);
            (void)fputs("::", out);
            github_text(out, r->message, 0);
            if (r->remedy != NULL) {
                (void)fputs("%0A", out);
                github_text(out, r->remedy, 0);
            }
            (void)fputc('\n', out);
        }
    (void)fprintf(out, "::notice title=mig-prodcheck::%s", verdict_answer_name(v->answer));
    if (a->title != NULL) {
        (void)fputs(" for ", out);
        github_text(out, a->title, 0);
    }
    (void)fputc('\n', out);
}

/* --- JSON --- */

static int json(const struct verdict *v, const struct present_about *a, FILE *out, struct err *err)
{
    json_t *o = verdict_json(v, err);
    char stamp[32];
    time_t now = time(NULL);
    struct tm t;
    int rc = -1;

    if (o == NULL)
        return -1;
    (void)gmtime_r(&now, &t);
    (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &t);
    if (json_object_set_new(o, "server", a->title != NULL ? json_string(a->title) : json_null()) != 0 ||
        json_object_set_new(o, "database",
                            a->database != NULL ? json_string(a->database) : json_null()) != 0 ||
        json_object_set_new(o, "environment",
                            a->environment != NULL ? json_string(a->environment) : json_null()) != 0 ||
        json_object_set_new(o, "production", json_boolean(a->production)) != 0 ||
        json_object_set_new(o, "time", json_string(stamp)) != 0 ||
        json_object_set_new(o, "seconds", json_real(a->seconds)) != 0 ||
        (a->log_head != NULL &&
         json_object_set_new(o, "log_head", json_string(a->log_head)) != 0)) {
        err_oom(err);
        goto out;
    }
    rc = report_json(out, o, err);
out:
    json_decref(o);
    return rc;
}

int present(const struct verdict *v, const struct present_about *a, enum present_form form, FILE *out,
            struct err *err)
{
    switch (form) {
    case PRESENT_JSON:
        return json(v, a, out, err);
    case PRESENT_JUNIT:
        junit(v, a, out);
        break;
    case PRESENT_MARKDOWN:
        markdown(v, a, out);
        break;
    case PRESENT_PROMETHEUS:
        prometheus(v, a, out);
        break;
    case PRESENT_NAGIOS:
        nagios(v, a, out);
        break;
    case PRESENT_GITHUB:
        github(v, a, out);
        break;
    case PRESENT_TEXT:
    default:
        text(v, a, out);
        break;
    }
    if (ferror(out))
        return err_set_errno(err, ERR_FAILED, "cannot write the report");
    return 0;
}
