/* How long the locks are held, for people: the worst first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/report.h"
#include "migration/plan.h"
#include "script/lock.h"
#include "script/statement.h"
#include "validate/report.h"

#define SHOWN 12
#define SHORT 0.1 /* seconds that nobody notices */

/* Two figures say enough of an estimate. */
static const char *seconds(double s, char room[32])
{
    double unit = s >= 7200 ? 3600 : s >= 120 ? 60 : 1, n = s / unit, step;
    const char *name = unit > 60 ? "h" : unit > 1 ? "min" : "s";

    if (n < 0.01) {
        (void)snprintf(room, 32, "0 s");
        return room;
    }
    step = pow(10, floor(log10(n)) - 1);
    n = step * floor(n / step + 0.5);
    (void)snprintf(room, 32, n < 0.1 ? "%.3f %s" : n < 1 ? "%.2f %s" : n < 10 ? "%.1f %s" : "%.0f %s", n, name);
    return room;
}

static int worse_first(const void *a, const void *b)
{
    const struct hold *x = *(const struct hold *const *)a, *y = *(const struct hold *const *)b;

    if (x->endless != y->endless)
        return y->endless - x->endless;
    if (x->most < y->most || x->most > y->most)
        return x->most < y->most ? 1 : -1;
    return strcmp(x->relation, y->relation);
}

static const char *who_waits(const char *mode)
{
    return lock_strength(mode) == 8   ? "nobody reads or writes"
           : lock_strength(mode) >= 5 ? "nobody writes"
                                      : NULL;
}

static void span(const struct hold *h, char *text, size_t size)
{
    char least[32], most[32];

    if (h->endless && h->least < SHORT)
        (void)snprintf(text, size, "nobody knows how long");
    else if (h->endless)
        (void)snprintf(text, size, "at least %s", seconds(h->least, least));
    else if (h->most < SHORT)
        (void)snprintf(text, size, "less than %.1f s", SHORT);
    else
        (void)snprintf(text, size, "%s to %s", seconds(h->least, least), seconds(h->most, most));
}

static void place(const struct report_judgement *r, size_t step, const struct statement *st, char *text, size_t size)
{
    if (r->plan->nsteps > 1)
        (void)snprintf(text, size, "%s:%d", r->plan->steps[step].revision, st->line);
    else
        (void)snprintf(text, size, "line %d", st->line);
}

/* Inside of a Markdown table. */
static void cell(FILE *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (strchr("|\\`*_<>[]", *s) != NULL)
            fputc('\\', out);
        fputc(*s == '\n' ? ' ' : *s, out);
    }
}

static void row(FILE *out, const struct report_judgement *r, const struct hold *h, int markdown)
{
    char time[80], from[160], until[160], room[512];

    span(h, time, sizeof(time));
    place(r, h->step, h->first, from, sizeof(from));
    place(r, h->last_step, h->last, until, sizeof(until));
    if (h->first == h->last)
        until[0] = '\0';
    if (markdown) {
        fprintf(out, "| ");
        cell(out, h->relation);
        fprintf(out, " | %s | %s | %s | ", who_waits(h->mode), h->mode, time);
        cell(out, from);
        fprintf(out, *until != '\0' ? " to " : "");
        cell(out, until);
        fprintf(out, " |\n");
        return;
    }
    fprintf(out, "  %-22s %s%s%s", who_waits(h->mode), report_plain(h->relation, room, sizeof(room)),
            strncmp(time, "nobody", 6) == 0 ? ", " : " for ", time);
    fprintf(out, "  (%s, %s%s%s)\n", h->mode, from, *until != '\0' ? " to " : "", until);
}

void report_holds(FILE *out, const struct report_judgement *r, int markdown)
{
    const struct judgement *j = r->judgement;
    const struct hold **sorted = calloc(j->nholds + 1, sizeof(*sorted));
    size_t i, n = 0, longer = 0;
    char bytes[32];

    for (i = 0; sorted != NULL && i < j->nholds; i++) {
        const struct hold *h = &j->holds[i];

        /* Who waits for an index waits for its table. */
        if (h->least < 0 || h->index || who_waits(h->mode) == NULL)
            continue;
        sorted[n++] = h;
        longer += h->endless || h->most >= SHORT;
    }
    if (n == 0)
        goto out;
    qsort(sorted, n, sizeof(*sorted), worse_first);
    fprintf(out, markdown ? "\n### Locks held, estimated\n\nOnce granted, to the end of the transaction" :
                            "\nlocks, once granted, to the end of their transaction (estimated");
    if (j->pace.relation != NULL)
        fprintf(out, "%s from sizes and a read of %s here", markdown ? "," : "",
                report_bytes((uint64_t)j->pace.bytes, bytes));
    else
        fprintf(out, "%s from sizes", markdown ? "," : "");
    fprintf(out, markdown ? ".\n" : "):\n");
    if (longer == 0) {
        fprintf(out, markdown ? "\n%zu relation%s, each for less than %.1f s.\n" : "  %zu relation%s, each for less than %.1f s\n",
                n, n == 1 ? "" : "s", SHORT);
        goto out;
    }
    if (markdown)
        fprintf(out, "\n| relation | who waits | lock | estimate | where |\n|---|---|---|---|---|\n");
    for (i = 0; i < longer && i < SHOWN; i++)
        row(out, r, sorted[i], markdown);
    if (n > i)
        fprintf(out, markdown ? "\n%zu more in the JSON report.\n" : "  and %zu more (--format json)\n", n - i);
out:
    free(sorted);
}
