#include "validate/report.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "core/report.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "script/shown.h"
#include "script/statement.h"
#include "validate/judge.h"

char *report_sql(const char *sql, int show_values, size_t max)
{
    char *text = show_values ? strdup(sql) : shown_normalize(sql), *to, *from;
    int space = 0;

    if (text == NULL)
        return strdup("");
    if (max == 0)
        return text;
    for (to = from = text; *from != '\0'; from++) {
        if (strchr(" \t\r\n", *from) != NULL) {
            space = to != text;
            continue;
        }
        if (space)
            *to++ = ' ';
        space = 0;
        *to++ = *from;
    }
    *to = '\0';
    if ((size_t)(to - text) > max) {
        /* Not in the middle of a character. */
        for (max = max > 3 ? max - 3 : 0; max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80;)
            max--;
        memcpy(text + max, "...", 4);
    }
    return text;
}

struct pen {
    FILE *out;
    int colour;
    char **shown; /* SQL of the step's statements, by index, once it was made */
    size_t nshown;
};

static const char *paint(const struct pen *p, const char *code)
{
    return p->colour ? code : "";
}

static const char *severity_colour(enum severity s)
{
    return s == SEVERITY_CRITICAL || s == SEVERITY_HIGH ? "\033[1;31m"
           : s == SEVERITY_MEDIUM                       ? "\033[33m"
                                                        : "\033[2m";
}

/* On over one character of TEXT at P. */
static const char *step_over(const char *p, int *line, int *column)
{
    if (*p == '\n') {
        ++*line;
        *column = 1;
    } else if (((unsigned char)*p & 0xc0) != 0x80) {
        ++*column;
    }
    return p + 1;
}

void report_place(const struct finding *f, struct report_place *out)
{
    const struct statement *st = f->statement;
    const char *p = st->text;
    size_t n = 1;

    *out = (struct report_place){st->line, st->column, st->line, st->column};
    while (*p != '\0') {
        if (((unsigned char)*p & 0xc0) != 0x80 && n++ == st->unknown_at && st->unknown != NULL) {
            out->line = out->end_line;
            out->column = out->end_column;
        }
        p = step_over(p, &out->end_line, &out->end_column);
    }
}

static int is_word(char c)
{
    return c == '_' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           ((unsigned char)c & 0x80) != 0;
}

/* Columns before the last part of OBJECT, as a word of SQL; -1: not there, or right at the start. */
static int caret_of(const char *sql, const char *object)
{
    const char *name = strrchr(object, '.') != NULL ? strrchr(object, '.') + 1 : object, *p;
    size_t n = strlen(name);
    int columns = 0;

    for (p = sql; n > 0 && *p != '\0'; p++) {
        if (strncasecmp(p, name, n) == 0 && !is_word(p[n]) && (p == sql || !is_word(p[-1])))
            return p == sql ? -1 : columns;
        columns += ((unsigned char)*p & 0xc0) != 0x80;
    }
    return -1;
}

/* The line at which the parser stopped, with a caret; what is inside of literals is not shown. */
static void show_unparsed(const struct pen *p, const struct finding *f, const struct report_judgement *r)
{
    const struct statement *st = f->statement;
    char *text = r->show_values ? strdup(st->text) : shown_mask(st->text), room[4096], *line, *end;
    struct report_place at;
    int i, first;

    report_place(f, &at);
    first = at.line == st->line ? st->column : 1;
    for (line = text, i = st->line; line != NULL && i < at.line; i++)
        line = strchr(line, '\n') == NULL ? NULL : strchr(line, '\n') + 1;
    if (line != NULL && (end = strpbrk(line, "\r\n")) != NULL)
        *end = '\0';
    for (end = line; end != NULL && *end != '\0'; end++)
        if (*end == '\t')
            *end = ' ';
    if (line != NULL && *line != '\0' && strlen(line) < 400)
        fprintf(p->out, "           %s\n           %*s%s^%s\n", report_plain(line, room, sizeof(room)),
                at.column - first, "", paint(p, "\033[1;31m"), paint(p, "\033[0m"));
    else
        fprintf(p->out, "           (not shown: it does not parse)\n");
    free(text);
}

/* "x.sql:3:7  ALTER TABLE users DROP COLUMN phone", and a caret below what it is about. */
static void show_statement(const struct pen *p, const struct finding *f, const struct report_judgement *r)
{
    const struct statement *st = f->statement;
    size_t at = (size_t)st->index;
    char *sql = NULL, room[4096];
    const char *shown;
    int before, caret;

    if (p->shown != NULL && at < p->nshown) {
        if (p->shown[at] == NULL)
            p->shown[at] = report_sql(st->text, r->show_values, 100);
        shown = p->shown[at];
    } else {
        shown = sql = report_sql(st->text, r->show_values, 100);
    }
    before = r->plan->direction == PLAN_SQL && strcmp(r->plan->steps[f->step].file, "-") != 0
                 ? fprintf(p->out, "           %s:%d:%d  ", report_plain(r->plan->steps[f->step].revision, room, sizeof(room)),
                           st->line, st->column)
                 : fprintf(p->out, "           %d:%d  ", st->line, st->column);
    if (shown == NULL || *shown == '\0') {
        struct report_place stopped;

        report_place(f, &stopped);
        fprintf(p->out, st->unknown_at > 0 ? "stopped at %d:%d\n" : "\n", stopped.line, stopped.column);
        show_unparsed(p, f, r);
    } else {
        fprintf(p->out, "%s\n", report_plain(shown, room, sizeof(room)));
        caret = f->severity > SEVERITY_LOW ? caret_of(room, f->object) : -1;
        if (caret >= 0)
            fprintf(p->out, "%*s%s^%s\n", before + caret, "", paint(p, "\033[1;31m"), paint(p, "\033[0m"));
    }
    free(sql);
}

static void show_finding(const struct pen *p, const struct finding *f,
                         const struct report_judgement *r)
{
    char room[4096];

    fprintf(p->out, "  %s%-8s%s %s  %s[%s]%s\n", paint(p, severity_colour(f->severity)),
            severity_name(f->severity), paint(p, "\033[0m"),
            report_plain(f->message, room, sizeof(room)), paint(p, "\033[2m"),
            f->code, paint(p, "\033[0m"));
    if (f->statement != NULL)
        show_statement(p, f, r);
    if (f->lock_mode != NULL && f->severity > SEVERITY_LOW)
        fprintf(p->out, "           %s %s in %s%s%s\n",
                f->possible || f->opaque ? "may lock" : "locks",
                report_plain(f->lock_relation, room, sizeof(room)), f->lock_mode,
                f->rewrite ? ", rewrites it" : "", f->scan ? ", reads it whole" : "");
    if (f->ignored != NULL)
        fprintf(p->out, "           ignored: %s\n", f->ignored);
    else if (f->severity > SEVERITY_LOW && f->remedy != NULL && *f->remedy != '\0')
        fprintf(p->out, "           %s>%s %s\n", paint(p, "\033[32m"), paint(p, "\033[0m"),
                f->remedy);
}

static void show_rows(FILE *out, char *const *rows)
{
    if (rows == NULL || *rows == NULL)
        fprintf(out, "base");
    for (; rows != NULL && *rows != NULL; rows++)
        fprintf(out, "%s%s", *rows, rows[1] != NULL ? ", " : "");
}

/* Worst first within a step. */
static void show_step(const struct pen *pen, const struct report_judgement *r, size_t step,
                      int ignored)
{
    const struct judgement *j = r->judgement;
    const struct script *script = r->plan->steps[step].script;
    struct pen mine = *pen, *p = &mine;
    int s;
    size_t i;

    mine.shown = script == NULL ? NULL : calloc(script->count + 1, sizeof(*mine.shown));
    mine.nshown = mine.shown == NULL ? 0 : script->count + 1;

    for (s = SEVERITY_CRITICAL; s >= (int)SEVERITY_INFO; s--)
        for (i = 0; i < j->nfindings; i++)
            if (j->findings[i].step == step && (int)j->findings[i].severity == s &&
                (j->findings[i].ignored != NULL) == ignored)
                show_finding(p, &j->findings[i], r);
    for (i = 0; i < mine.nshown; i++)
        free(mine.shown[i]);
    free(mine.shown);
}

static int step_has(const struct judgement *j, size_t step, int ignored)
{
    size_t i;

    for (i = 0; i < j->nfindings; i++)
        if (j->findings[i].step == step && (j->findings[i].ignored != NULL) == ignored)
            return 1;
    return 0;
}

/* The table in an object's name, "public.users" of "public.users.phone"; dots inside quotes are not
 * its joints.  Its length. */
static size_t table_of(const char *object)
{
    size_t second = 0, n = 0;
    int quoted = 0, dots = 0;

    for (; object[n] != '\0'; n++) {
        if (object[n] == '"')
            quoted = !quoted;
        else if (object[n] == '.' && !quoted && ++dots == 2)
            second = n;
    }
    return dots == 2 ? second : n;
}

/* Two findings on one table lose the same rows, each in part. */
static int same_table(const struct finding *f, const struct finding *g)
{
    const char *a = f->object != NULL ? f->object : "", *b = g->object != NULL ? g->object : "";
    size_t n = table_of(a);

    return n == table_of(b) && memcmp(a, b, n) == 0;
}

uint64_t report_rows_lost(const struct judgement *j, int *several)
{
    uint64_t sum = 0;

    *several = 0;
    for (size_t i = 0; i < j->nfindings; i++) {
        const struct finding *f = &j->findings[i];
        int counts = f->ignored == NULL && f->loss_rows > 0 && !f->possible;

        for (size_t k = 0; counts && k < j->nfindings; k++) {
            const struct finding *g = &j->findings[k];

            if (k == i || g->ignored != NULL || g->loss_rows == 0 || g->possible ||
                !same_table(f, g))
                continue;
            *several = 1;
            if (g->loss_rows > f->loss_rows || (g->loss_rows == f->loss_rows && k < i))
                counts = 0;
        }
        if (counts)
            sum += f->loss_rows;
    }
    return sum;
}

/* How the files are taken to be run: a lock lasts as long as its transaction. */
static void show_manners(FILE *out, const struct plan *plan)
{
    size_t i;

    for (i = 0; plan->direction == PLAN_SQL && i < plan->nsteps; i++) {
        const struct plain_manner *m = &plan->steps[i].manner;

        if (m->how != NULL)
            fprintf(out, "  %s: %s%s%s%s\n", plan->steps[i].revision, m->tool,
                    *m->tool != '\0' ? ": " : "", m->how,
                    m->assumed ? " (assumed; --tool says otherwise)" : "");
    }
}

int report_text(FILE *out, const struct report_judgement *r, struct err *err)
{
    const struct judgement *j = r->judgement;
    const struct plan *plan = r->plan;
    struct pen p = {.out = out, .colour = r->colour};
    char rows[64], values[64];
    uint64_t lost, lost_values = 0;
    int several = 0, possible = 0;
    size_t i, n = 0, ignored = 0;
    char *const *u;

    if (plan->direction == PLAN_SQL) {
        fprintf(out, "%zu file%s", plan->nsteps, plan->nsteps == 1 ? "" : "s");
    } else {
        fprintf(out, "%s ", plan->direction == PLAN_UP ? "upgrade" : "downgrade");
        show_rows(out, plan->from);
        fprintf(out, " -> ");
        show_rows(out, plan->to);
    }
    fprintf(out, "  (%s)\n", r->server == NULL ? "offline: nothing is measured" : r->server);
    show_manners(out, plan);
    for (i = 0; i < plan->nsteps; i++) {
        const struct plan_step *s = &plan->steps[i];

        if (!step_has(j, i, 0))
            continue;
        fprintf(out, "\n%s%s%s%s%s\n", paint(&p, "\033[1m"), s->revision, paint(&p, "\033[0m"),
                s->message != NULL && *s->message != '\0' ? "  " : "",
                s->message == NULL ? "" : s->message);
        show_step(&p, r, i, 0);
    }
    for (i = 0; i < j->nfindings; i++) {
        const struct finding *f = &j->findings[i];

        if (f->ignored != NULL) {
            ignored++;
            continue;
        }
        n++;
        if (!f->possible)
            lost_values += f->loss_values;
        possible |= f->possible && f->loss_rows > 0;
    }
    if (ignored > 0) {
        fprintf(out, "\nignored:\n");
        for (i = 0; i < plan->nsteps; i++)
            if (step_has(j, i, 1))
                show_step(&p, r, i, 1);
    }
    report_holds(out, r, 0);
    for (u = j->unused_ignores; u != NULL && *u != NULL; u++)
        fprintf(out, "\nunused mig:ignore: %s\n", *u);
    fprintf(out, "\n%s%s%s: %zu finding%s in %zu step%s",
            paint(&p, j->verdict == JUDGE_SAFE ? "\033[1;32m" : "\033[1;31m"),
            j->verdict == JUDGE_SAFE     ? "safe"
            : j->verdict == JUDGE_UNSAFE ? "unsafe"
                                         : "unknown",
            paint(&p, "\033[0m"), n, n == 1 ? "" : "s", plan->nsteps,
            plan->nsteps == 1 ? "" : "s");
    if ((lost = report_rows_lost(j, &several)) > 0)
        fprintf(out, "; %s in %s%s would be lost", report_things(lost_values, "value", values),
                several ? "at least " : "", report_things(lost, "row", rows));
    fprintf(out, "%s\n", possible ? "; DO blocks may take more" : "");
    if (j->verdict == JUDGE_UNKNOWN)
        fprintf(out, "  could not be judged: %s\n",
                j->why_unknown == NULL ? "" : j->why_unknown);
    return ferror(out) ? err_set_errno(err, ERR_FAILED, "cannot write the report") : 0;
}

int report_line(const struct report_judgement *r, const struct finding *f)
{
    return r->plan->direction == PLAN_SQL && f->statement != NULL ? f->statement->line : 1;
}
