#include "prodcheck/facts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/environment.h"

int facts_release(int version, int year, int month, int day, const struct check *k,
                  struct check_result *out, struct err *err)
{
    static const struct {
        int major;
        int year, month, day; /* the last release */
    } ends[] = {{12, 2024, 11, 21}, {13, 2025, 11, 13}, {14, 2026, 11, 12}, {15, 2027, 11, 11},
                {16, 2028, 11, 9},  {17, 2029, 11, 8},  {18, 2030, 11, 14}};
    const size_t n = sizeof(ends) / sizeof(ends[0]);
    int major = version / 10000;
    size_t i;

    for (i = 0; i < n; i++)
        if (ends[i].major == major)
            break;
    if (i == n)
        return check_say(out, k, CHECK_OK, err,
                         "PostgreSQL %d.%d: a release that this mig does not know the end of", major,
                         version % 10000);
    if (year * 10000 + month * 100 + day >= ends[i].year * 10000 + ends[i].month * 100 + ends[i].day)
        return check_say(out, k, CHECK_WARN, err,
                         "PostgreSQL %d.%d: release %d ended its life on %d-%02d-%02d", major,
                         version % 10000, major, ends[i].year, ends[i].month, ends[i].day);
    return check_say(out, k, CHECK_OK, err, "PostgreSQL %d.%d, maintained until %d-%02d-%02d", major,
                     version % 10000, ends[i].year, ends[i].month, ends[i].day);
}

/* By this machine's clock: the day matters, not the minute. */
int facts_version(const struct conn *c, const struct check *k, struct check_result *out,
                  struct err *err)
{
    time_t now = time(NULL);
    struct tm t;

    (void)gmtime_r(&now, &t);
    return facts_release(conn_version(c), t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, k, out, err);
}

int facts_environment(const struct verdict_options *o, const struct check *k, struct check_result *out,
                      struct err *err)
{
    const struct environment *e = o->environment;

    if (e == NULL)
        return check_say(out, k, CHECK_SKIPPED, err, "not asked");
    if (e->contradiction)
        return check_say(out, k, CHECK_FAIL, err, "%s",
                         e->why != NULL ? e->why : "name and address disagree");
    if (e->name == NULL)
        return check_say(out, k, CHECK_SKIPPED, err, "no environment of mig.json has this address");
    return check_say(out, k, CHECK_OK, err, "%s%s", e->name, e->production ? " (production)" : "");
}

int facts_pooler(const struct conn *c, const struct check *k, struct check_result *out,
                 struct err *err)
{
    if (!conn_pooled(c))
        return check_say(out, k, CHECK_OK, err, "%s", k->ok);
    return check_say(out, k, CHECK_WARN, err,
                     "a pooler stands between us and the server; whether it hands out sessions or single "
                     "transactions cannot be told from here: mig-backup and mig-rollback refuse either");
}

static int join_rows(struct buf *b, char *const *rows, struct err *err)
{
    size_t i;

    if (rows == NULL || rows[0] == NULL)
        return buf_adds(b, "base", err);
    for (i = 0; rows[i] != NULL; i++)
        if (buf_addf(b, err, "%s%s", i > 0 ? ", " : "", rows[i]) != 0)
            return -1;
    return 0;
}

int facts_revision(const struct verdict_options *o, const struct check *k, struct check_result *out,
                   struct err *err)
{
    const struct plan *p = o->plan != NULL && o->plan->version_table != NULL && o->plan->version_column == NULL
                               ? o->plan
                               : o->history;
    const struct err *why = o->revision_error;
    struct buf from = {0}, to = {0};
    int rc = -1;

    if (p == NULL && why != NULL) {
        /* The database knows a revision that the files do not: code and data do not belong together. */
        if (why->hint[0] != '\0' && (out->remedy = strdup(why->hint)) == NULL)
            return err_oom(err);
        return check_say(out, k,
                         strstr(why->message, "ahead") != NULL ? CHECK_FAIL : CHECK_ERROR, err, "%s",
                         why->message);
    }
    if (p == NULL)
        return check_say(out, k, CHECK_SKIPPED, err, "%s",
                         o->alembic_problem != NULL ? o->alembic_problem
                                                       : "no Alembic project was named");
    if (join_rows(&from, p->from, err) != 0 || join_rows(&to, p->to, err) != 0)
        goto out;
    if (o->after && p->nsteps > 0)
        rc = check_say(out, k, CHECK_FAIL, err, "at %s, not at %s: %zu revision%s to go", from.data,
                       to.data, p->nsteps, p->nsteps == 1 ? "" : "s");
    else if (p->nsteps == 0)
        rc = check_say(out, k, CHECK_OK, err, "at %s, nothing to do", from.data);
    else if (p->direction == PLAN_UP && strings_count(p->to) > 1)
        rc = check_say(out, k, CHECK_WARN, err, "several heads: %s; at %s, %zu pending", to.data,
                       from.data, p->nsteps);
    else
        rc = check_say(out, k, CHECK_OK, err, "at %s; %zu revision%s to %s", from.data, p->nsteps,
                       p->nsteps == 1 ? "" : "s", to.data);
out:
    buf_free(&from);
    buf_free(&to);
    return rc;
}
