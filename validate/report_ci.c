/* JUnit, Markdown and GitHub's annotations: text with escapes of its own. */
#include <stdlib.h>
#include <string.h>

#include "core/report.h"
#include "migration/plan.h"
#include "script/statement.h"
#include "validate/report.h"

static const char *file_of(const struct plan_step *s)
{
    return s->file != NULL ? s->file : s->revision;
}

static const char *verdict_word(const struct judgement *j)
{
    return j->verdict == JUDGE_SAFE ? "safe" : j->verdict == JUDGE_UNSAFE ? "unsafe" : "unknown";
}

static int finished(FILE *out, struct err *err)
{
    return ferror(out) ? err_set_errno(err, ERR_FAILED, "cannot write the report") : 0;
}

/* XML: control characters are not allowed at all. */
static void xml(FILE *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '&')
            fputs("&amp;", out);
        else if (c == '<')
            fputs("&lt;", out);
        else if (c == '>')
            fputs("&gt;", out);
        else if (c == '"')
            fputs("&quot;", out);
        else if (c == '\n') /* a name does not begin a line of its own */
            fputs("&#10;", out);
        else if ((c < 0x20 && c != '\t') || c == 0x7f)
            fputc(' ', out);
        else
            fputc(c, out);
    }
}

static void junit_case(FILE *out, const struct report_judgement *r, const struct finding *f)
{
    const struct plan_step *s = &r->plan->steps[f->step];
    char *sql = f->statement == NULL ? NULL
                                     : report_sql(f->statement->text, r->show_values, 400);

    fprintf(out, "    <testcase classname=\"");
    xml(out, s->revision);
    fprintf(out, "\" name=\"");
    xml(out, f->code);
    fprintf(out, " ");
    xml(out, f->object);
    fprintf(out, "\" file=\"");
    xml(out, file_of(s));
    fprintf(out, "\" line=\"%d\">", report_line(r, f));
    if (f->ignored != NULL) {
        fprintf(out, "<skipped message=\"");
        xml(out, f->ignored);
        fprintf(out, "\"/>");
    } else if (f->severity >= r->fail_on || f->opaque) {
        const char *element = f->severity >= r->fail_on ? "failure" : "error";

        fprintf(out, "<%s type=\"%s\" message=\"", element, severity_name(f->severity));
        xml(out, f->message);
        fprintf(out, "\">");
        xml(out, sql);
        fprintf(out, "\n");
        xml(out, f->remedy);
        fprintf(out, "</%s>", element);
    } else {
        fprintf(out, "<system-out>");
        xml(out, f->message);
        fprintf(out, "</system-out>");
    }
    fprintf(out, "</testcase>\n");
    free(sql);
}

int report_junit(FILE *out, const struct report_judgement *r, struct err *err)
{
    const struct judgement *j = r->judgement;
    size_t i, k;

    fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mig-validate\">\n");
    for (i = 0; i < r->plan->nsteps; i++) {
        const struct plan_step *s = &r->plan->steps[i];
        size_t tests = 0, failures = 0, errors = 0, skipped = 0;

        for (k = 0; k < j->nfindings; k++) {
            const struct finding *f = &j->findings[k];

            if (f->step != i)
                continue;
            tests++;
            if (f->ignored != NULL)
                skipped++;
            else if (f->severity >= r->fail_on)
                failures++;
            else if (f->opaque)
                errors++;
        }
        fprintf(out, "  <testsuite name=\"");
        xml(out, s->revision);
        fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
                tests == 0 ? (size_t)1 : tests, failures, errors, skipped);
        if (tests == 0) {
            fprintf(out, "    <testcase classname=\"");
            xml(out, s->revision);
            fprintf(out, "\" name=\"nothing found\" file=\"");
            xml(out, file_of(s));
            fprintf(out, "\"/>\n");
        }
        for (k = 0; k < j->nfindings; k++)
            if (j->findings[k].step == i)
                junit_case(out, r, &j->findings[k]);
        fprintf(out, "  </testsuite>\n");
    }
    if (j->verdict == JUDGE_UNKNOWN) {
        fprintf(out, "  <testsuite name=\"verdict\" tests=\"1\" errors=\"1\">\n    <testcase "
                     "classname=\"mig-validate\" name=\"verdict\"><error message=\"could not be "
                     "judged: ");
        xml(out, j->why_unknown);
        fprintf(out, "\"/></testcase>\n  </testsuite>\n");
    }
    fprintf(out, "</testsuites>\n");
    return finished(out, err);
}

/* Inside of a Markdown table. */
static void cell(FILE *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++) {
        if (strchr("|\\`*_<>[]", *s) != NULL)
            fputc('\\', out);
        fputc((unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s, out);
    }
}

int report_markdown(FILE *out, const struct report_judgement *r, struct err *err)
{
    const struct judgement *j = r->judgement;
    char rows[64], values[64];
    int several;
    uint64_t lost = 0, lost_values = 0;
    size_t i, n = 0;
    int s;

    for (i = 0; i < j->nfindings; i++)
        if (j->findings[i].ignored == NULL) {
            n++;
            lost_values += j->findings[i].loss_values;
        }
    fprintf(out, "## mig-validate: %s\n\n", verdict_word(j));
    fprintf(out, "%zu finding%s in %zu step%s", n, n == 1 ? "" : "s", r->plan->nsteps,
            r->plan->nsteps == 1 ? "" : "s");
    if ((lost = report_rows_lost(j, &several)) > 0)
        fprintf(out, "; **%s in %s%s would be lost**", report_things(lost_values, "value", values),
                several ? "at least " : "", report_things(lost, "row", rows));
    fprintf(out, r->server == NULL ? "; nothing was measured (offline)\n" : ".\n");
    for (i = 0; r->plan->direction == PLAN_SQL && i < r->plan->nsteps; i++) {
        const struct plain_manner *m = &r->plan->steps[i].manner;

        if (m->how == NULL)
            continue;
        fprintf(out, "\n");
        cell(out, r->plan->steps[i].revision);
        fprintf(out, ": %s%s%s%s.\n", m->tool, *m->tool != '\0' ? ", " : "", m->how,
                m->assumed ? " (assumed)" : "");
    }
    if (j->verdict == JUDGE_UNKNOWN) {
        fprintf(out, "\nCould not be judged: ");
        cell(out, j->why_unknown);
        fprintf(out, "\n");
    }
    if (n > 0)
        fprintf(out, "\n| severity | what | where | instead |\n|---|---|---|---|\n");
    for (s = SEVERITY_CRITICAL; s >= (int)SEVERITY_INFO; s--)
        for (i = 0; i < j->nfindings; i++) {
            const struct finding *f = &j->findings[i];

            if ((int)f->severity != s || f->ignored != NULL)
                continue;
            fprintf(out, "| %s | ", severity_name(f->severity));
            cell(out, f->message);
            fprintf(out, " (`%s`) | ", f->code);
            cell(out, r->plan->steps[f->step].revision);
            if (f->statement != NULL)
                fprintf(out, ":%d", f->statement->line);
            fprintf(out, " | ");
            if (f->severity > SEVERITY_LOW)
                cell(out, f->remedy);
            fprintf(out, " |\n");
        }
    report_holds(out, r, 1);
    for (i = 0; i < j->nfindings; i++) {
        const struct finding *f = &j->findings[i];

        if (f->ignored == NULL)
            continue;
        fprintf(out, "\nIgnored: ");
        cell(out, f->message);
        fprintf(out, " (`%s`): ", f->code);
        cell(out, f->ignored);
        fprintf(out, "\n");
    }
    return finished(out, err);
}

/* A workflow command's data, or its properties, where : and , are escaped too. */
static void annotation(FILE *out, const char *s, int property)
{
    for (; s != NULL && *s != '\0'; s++) {
        if (*s == '%' || *s == '\r' || *s == '\n' || (property && (*s == ':' || *s == ',')))
            fprintf(out, "%%%02X", (unsigned)(unsigned char)*s);
        else
            fputc((unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s, out);
    }
}

/* Columns only mean something within one line. */
static void place(FILE *out, const struct report_judgement *r, const struct finding *f)
{
    struct report_place at;

    if (r->plan->direction != PLAN_SQL || f->statement == NULL) {
        fprintf(out, ",line=%d", report_line(r, f));
        return;
    }
    report_place(f, &at);
    fprintf(out, ",line=%d", at.line);
    if (at.end_line > at.line)
        fprintf(out, ",endLine=%d", at.end_line);
    else if (at.end_column > at.column)
        fprintf(out, ",endLine=%d,col=%d,endColumn=%d", at.end_line, at.column, at.end_column);
    else
        fprintf(out, ",col=%d", at.column); /* a place, not a range */
}

int report_github(FILE *out, const struct report_judgement *r, struct err *err)
{
    const struct judgement *j = r->judgement;
    size_t i;

    for (i = 0; i < j->nfindings; i++) {
        const struct finding *f = &j->findings[i];

        if (f->ignored != NULL)
            continue;
        fprintf(out, "::%s file=",
                f->severity >= r->fail_on      ? "error"
                : f->severity >= SEVERITY_MEDIUM ? "warning"
                                                 : "notice");
        annotation(out, file_of(&r->plan->steps[f->step]), 1);
        place(out, r, f);
        fprintf(out, ",title=%s::", f->code);
        annotation(out, f->message, 0);
        if (f->severity > SEVERITY_LOW) {
            fprintf(out, "%%0A");
            annotation(out, f->remedy, 0);
        }
        fprintf(out, "\n");
    }
    if (j->verdict == JUDGE_UNKNOWN) {
        fprintf(out, "::error title=unknown::could not be judged: ");
        annotation(out, j->why_unknown, 0);
        fprintf(out, "\n");
    }
    return finished(out, err);
}
