#include "prodcheck/verdict.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "prodcheck/baseline.h"
#include "prodcheck/check.h"
#include "prodcheck/facts.h"
#include "prodcheck/fresh.h"
#include "prodcheck/local.h"
#include "prodcheck/round.h"
#include "prodcheck/selection.h"
#include "prodcheck/toollock.h"
#include "prodcheck/wire.h"

struct work {
    struct conn *c;
    const struct verdict_options *o;
    struct verdict *v;
    struct round_terms terms;
    json_t *plans;       /* {"plan/NAME": text}, for the baseline */
    /* what the server says of this role */
    int may_see, managed;
    char *data_directory, *role;
};

/* The largest of the affected tables, as "sizes" saw it (at 100 MB/s). */
static double largest(const struct verdict *v)
{
    size_t i;

    for (i = 0; i < v->nchecks; i++)
        if (strcmp(v->checks[i].id, "sizes") == 0 && v->checks[i].has_number)
            return v->checks[i].number * 1e8;
    return 0;
}

static int check_local(struct work *w, const struct check *k, struct check_result *out,
                       struct err *err)
{
    struct check_limits limits;

    if (check_limits(k, w->o, &limits, err) != 0)
        return -1;
    if (strcmp(k->id, "connection") == 0)
        return check_say(out, k, CHECK_OK, err, "%s (from %s)", conn_title(w->c),
                         conn_source(w->c));
    if (strcmp(k->id, "version") == 0)
        return facts_version(w->c, k, out, err);
    if (strcmp(k->id, "environment") == 0)
        return facts_environment(w->o, k, out, err);
    if (strcmp(k->id, "pooler") == 0)
        return facts_pooler(w->c, k, out, err);
    if (strcmp(k->id, "revision") == 0)
        return facts_revision(w->o, k, out, err);
    if (strcmp(k->id, "disk") == 0)
        return local_disk(k, &limits, w->c, w->data_directory, largest(w->v), out, err);
    if (strcmp(k->id, "backup") == 0)
        return fresh_check(k, &limits, w->o, conn_database(w->c), out, err);
    if (strcmp(k->id, "flag-file") == 0)
        return local_flag_file(k, w->o->config, out, err);
    if (strcmp(k->id, "health") == 0)
        return local_health(k, w->o->config, out, err);
    return check_say(out, k, CHECK_SKIPPED, err, "not known");
}

/* A query that cannot be planned is part of the picture too: its table may be gone. */
static int take_plan(struct work *w, const char *name, const struct result *r,
                     const struct err *why, struct err *err)
{
    struct buf text = {0}, key = {0};
    int i, rc = -1;

    if (w->plans == NULL && (w->plans = json_object()) == NULL)
        return err_oom(err);
    for (i = 0; r != NULL && i < result_rows(r); i++)
        if (buf_addf(&text, err, "%s%s", i > 0 ? "\n" : "", result_text(r, i, 0)) != 0)
            goto out;
    if ((r == NULL && buf_addf(&text, err, "cannot be planned: %s", why->message) != 0) ||
        buf_addf(&key, err, "plan/%s", name) != 0)
        goto out;
    if (json_object_set_new(w->plans, key.data, json_string(text.data != NULL ? text.data : "")) != 0)
        err_oom(err);
    else
        rc = 0;
out:
    buf_free(&text);
    buf_free(&key);
    return rc;
}

static int take_meta(struct work *w, const struct result *r, struct err *err)
{
    if (result_rows(r) != 1)
        return err_set(err, ERR_FAILED, "the server did not say what this role may see");
    w->may_see = result_bool(r, 0, 0);
    w->managed = result_bool(r, 0, 1);
    if (strings_dup(&w->data_directory, result_text(r, 0, 2), err) != 0)
        return -1;
    return strings_dup(&w->role, result_text(r, 0, 3), err);
}

static int set_remedy(struct check_result *out, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int set_remedy(struct check_result *out, struct err *err, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    free(out->remedy);
    out->remedy = strdup(text);
    return out->remedy != NULL ? 0 : err_oom(err);
}

/* A check that could not be made: nobody's fault on a managed service, else an error. */
static int not_made(struct work *w, const struct check *k, const struct err *why,
                    struct check_result *out, struct err *err)
{
    static const struct check own = {.id = "sql"};
    const char *id = out->id;
    int rc;

    if (k == NULL)
        k = &own;
    if (strcmp(k->id, "window") == 0 && strcmp(why->sqlstate, "22023") == 0) {
        rc = check_say(out, k, CHECK_ERROR, err,
                       "the server does not know a time zone of prodcheck.window (%s)", w->terms.zones);
    } else if (strcmp(why->sqlstate, "42501") == 0 && w->managed) {
        rc = check_say(out, k, CHECK_SKIPPED, err, "this service lets nobody see it: %s",
                       why->message);
    } else if (strcmp(why->sqlstate, "42501") == 0) {
        rc = check_say(out, k, CHECK_ERROR, err, "could not check: %s", why->message);
        if (rc == 0)
            rc = set_remedy(out, err, "GRANT pg_monitor TO %s", w->role != NULL ? w->role : "the role");
    } else if (strcmp(why->sqlstate, "57014") == 0 || strcmp(why->sqlstate, "55P03") == 0) {
        rc = check_say(out, k, CHECK_ERROR, err, "could not check in time: %s", why->message);
        if (rc == 0)
            rc = set_remedy(out, err, "try again; a lock on the catalog or a table may be held");
    } else {
        rc = check_say(out, k, CHECK_ERROR, err, "could not check: %s", why->message);
    }
    out->id = id;
    return rc;
}

/* The first column of the first row above 0 (or true) is no-go. */
static int judge_custom(const struct result *r, struct check_result *out, struct err *err)
{
    const struct check own = {.id = out->id, .remedy = "see prodcheck.sql in mig.json"};
    const char *text = result_rows(r) > 0 && result_columns(r) > 0 ? result_text(r, 0, 0) : NULL;
    char *end = NULL;
    double v;

    /* A sum over nothing, or a filter that no row meets: whether that is good news, only the author knows. */
    if (text == NULL) {
        if (check_say(out, &own, CHECK_ERROR, err, "could not check: the query answers %s",
                      result_rows(r) == 0 ? "no row" : "NULL") != 0)
            return -1;
        return set_remedy(out, err, "make it answer a number: SELECT count(*) ..., or coalesce(..., 0)");
    }
    v = strcmp(text, "t") == 0 ? 1 : strcmp(text, "f") == 0 ? 0 : strtod(text, &end);
    if (isnan(v) || (end != NULL && (end == text || *end != '\0')))
        return check_say(out, &own, CHECK_ERROR, err, "the query must answer a number or a boolean");
    out->has_number = 1;
    out->number = v;
    return check_say(out, &own, v > 0 ? CHECK_FAIL : CHECK_OK, err, "the query answers %g%s", v,
                     v > 0 ? ", which is more than 0" : "");
}

/* A role that is blind to other sessions has not seen that there are none. */
static int blind(struct work *w, const struct check *k, struct check_result *out, struct err *err)
{
    if (w->may_see || !(k->flags & CHECK_NEEDS_STATS) || out->status == CHECK_FAIL)
        return 0;
    if (check_say(out, k, CHECK_ERROR, err,
                  "could not check: the role %s may not see other roles' sessions",
                  w->role != NULL ? w->role : "?") != 0)
        return -1;
    return set_remedy(out, err, "GRANT pg_monitor TO %s", w->role != NULL ? w->role : "the role");
}

/* Each setting does its own harm.  All are warnings, so the first row is the one that is told: WHY is
 * its, and what to do is about each.  *REMEDY is owned, NULL where there is nothing wrong. */
static int about_settings(const struct result *r, const char **why, char **remedy, struct err *err)
{
    static const struct {
        const char *name, *why, *remedy;
    } settings[] = {
        {"lock_timeout", "DDL that waits without a limit stops the application",
         "ALTER ROLE migrator SET lock_timeout = '2s'"},
        {"statement_timeout", "a long statement of the migration is cut off in the middle",
         "ALTER ROLE migrator SET statement_timeout = 0"},
        {"synchronous_commit", "a crash loses what the migration has committed just before",
         "ALTER ROLE migrator SET synchronous_commit = on"},
        {"fsync", "a crash of the machine may damage the whole database",
         "ALTER SYSTEM SET fsync = on, and reload"},
        {"full_page_writes", "a crash of the machine may leave pages half written",
         "ALTER SYSTEM SET full_page_writes = on, and reload"},
    };
    struct buf b = {0};
    size_t i;
    int row;

    *remedy = NULL;
    for (row = 0; row < result_rows(r); row++)
        for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
            if (strcmp(result_text(r, row, 0), settings[i].name) != 0)
                continue;
            if (row == 0)
                *why = settings[i].why;
            if (buf_addf(&b, err, "%s%s", b.len > 0 ? "; " : "", settings[i].remedy) != 0) {
                buf_free(&b);
                return -1;
            }
        }
    return b.len == 0 || (*remedy = buf_take(&b, err)) != NULL ? 0 : -1;
}

static int settings_judge(const struct check *k, const struct check_limits *limits, const struct result *r,
                          struct check_result *out, struct err *err)
{
    struct check own = *k;
    char *remedy;
    int rc;

    if (about_settings(r, &own.why, &remedy, err) != 0)
        return -1;
    own.remedy = remedy;
    rc = check_judge(&own, limits, r, out, err);
    free(remedy);
    return rc;
}

static int judge_one(struct work *w, const struct check *k, const struct result *r,
                     struct check_result *out, struct err *err)
{
    struct check_limits limits;

    if (check_limits(k, w->o, &limits, err) != 0)
        return -1;
    if (strcmp(k->id, "migration-locks") == 0)
        return toollock_judge(k, conn_database(w->c), r, out, err);
    if (strcmp(k->id, "tls") == 0)
        return wire_check(w->c, w->o->environment != NULL && w->o->environment->production, k, r, out, err);
    if (strcmp(k->id, "window") == 0)
        return local_window(k, w->o->config, r, out, err);
    if (strcmp(k->id, "baseline") == 0)
        return baseline_check(k, w->o->baseline, w->o->after, r, w->plans, out, err);
    if (strcmp(k->id, "settings") == 0)
        return settings_judge(k, &limits, r, out, err);
    if (check_judge(k, &limits, r, out, err) != 0)
        return -1;
    return blind(w, k, out, err);
}

/* Keep the id: a result is judged anew. */
static void renew(struct check_result *out)
{
    const char *id = out->id;

    check_result_wipe(out);
    out->id = id;
}

static int judge_round(struct work *w, struct round *r, struct err *err)
{
    int i;

    for (i = 0; i < r->n; i++) {
        const struct check *k = r->slots[i].check;
        struct check_result *out = &w->v->checks[r->slots[i].result];
        int rc;

        if (r->slots[i].is_meta) {
            if (r->results[i] == NULL) {
                *err = r->errs[i];
                return err_prefix(err, "cannot prepare the checks");
            }
            if (take_meta(w, r->results[i], err) != 0)
                return -1;
            continue;
        }
        if (r->slots[i].plan != NULL) {
            if (take_plan(w, r->slots[i].plan, r->results[i], &r->errs[i], err) != 0)
                return -1;
            continue;
        }
        renew(out);
        if (r->errs[i].kind == ERR_INTERRUPTED) {
            *err = r->errs[i];
            return -1;
        }
        if (r->results[i] == NULL)
            rc = not_made(w, k, &r->errs[i], out, err);
        else if (k == NULL)
            rc = judge_custom(r->results[i], out, err);
        else
            rc = judge_one(w, k, r->results[i], out, err);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static int ask_round(struct work *w, struct round *r, int again, struct err *err)
{
    int i, rc;

    round_compose(r, &w->terms, w->v, again);
    rc = round_ask(r, &w->terms, w->c, err);
    if (rc == 0)
        rc = judge_round(w, r, err);
    for (i = 0; i < r->n; i++)
        result_free(r->results[i]);
    return rc;
}

/* --- the whole --- */

static int add(struct work *w, const char *id, struct err *err)
{
    struct verdict *v = w->v;
    struct check_result *more;

    if (w->o->only != NULL && w->o->only->count > 0 && !selection_lists(w->o->only, id))
        return 0;
    if ((more = realloc(v->checks, (v->nchecks + 1) * sizeof(*more))) == NULL)
        return err_oom(err);
    v->checks = more;
    memset(&v->checks[v->nchecks], 0, sizeof(v->checks[0]));
    v->checks[v->nchecks].id = id;
    v->checks[v->nchecks].status = CHECK_ERROR; /* until it has been made */
    v->nchecks++;
    return 0;
}

static int list_checks(struct work *w, struct err *err)
{
    const json_t *sql = selection_custom(w->o->config), *one;
    const char *name;
    const struct check *all;
    size_t i, n;

    all = check_table(&n);
    for (i = 0; i < n; i++)
        if (add(w, all[i].id, err) != 0)
            return -1;
    json_object_foreach((json_t *)(uintptr_t)sql, name, one) {
        (void)one;
        if (strings_addf(&w->v->names, err, "sql:%s", name) != 0)
            return -1;
    }
    for (i = 0; w->v->names != NULL && w->v->names[i] != NULL; i++)
        if (add(w, w->v->names[i], err) != 0)
            return -1;
    if (w->v->nchecks > ROUND_QUERIES - ROUND_QUERIES / 4 - 1)
        return err_set(err, ERR_USAGE, "mig.json: prodcheck.sql has more than %d queries",
                       ROUND_QUERIES - ROUND_QUERIES / 4 - 1 - (int)n);
    return 0;
}

/* What is not asked at all: named by --skip, or in want of a plan. */
static int skip_some(struct work *w, struct err *err)
{
    size_t i;

    for (i = 0; i < w->v->nchecks; i++) {
        struct check_result *out = &w->v->checks[i];
        const struct check own = {.id = out->id}, *k = check_find(out->id);

        if (selection_lists(w->o->skip, out->id) || selection_skips(w->o->config, out->id)) {
            renew(out);
            if (check_say(out, k != NULL ? k : &own, CHECK_SKIPPED, err, "skipped on request") != 0)
                return -1;
        } else if (k != NULL && strcmp(k->id, "baseline") == 0 && w->o->baseline == NULL) {
            if (check_say(out, k, CHECK_SKIPPED, err, "needs --baseline FILE") != 0)
                return -1;
        } else if (k != NULL && !w->terms.target.known && round_needs_plan(k) &&
                   check_say(out, k, CHECK_SKIPPED, err,
                             "needs --for-downgrade, --for-upgrade or --for-sql") != 0) {
            return -1;
        }
    }
    return 0;
}

static int local_checks(struct work *w, struct err *err)
{
    size_t i;

    for (i = 0; i < w->v->nchecks; i++) {
        struct check_result *out = &w->v->checks[i];
        const struct check *k = check_find(out->id);

        if (k == NULL || !(k->flags & CHECK_LOCAL) || strcmp(k->id, "window") == 0 ||
            out->status == CHECK_SKIPPED)
            continue;
        renew(out);
        if (check_local(w, k, out, err) != 0)
            return -1;
    }
    return 0;
}

static int any_volatile_failure(const struct verdict *v)
{
    size_t i;

    for (i = 0; i < v->nchecks; i++) {
        const struct check *k = check_find(v->checks[i].id);

        if (v->checks[i].status == CHECK_FAIL && k != NULL && (k->flags & CHECK_VOLATILE))
            return 1;
    }
    return 0;
}

static int pause_ms(int64_t ms, struct err *err)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        if (interrupt_check(err) != 0)
            return -1;
    return interrupt_check(err);
}

static void weigh(struct verdict *v, const struct verdict_options *o)
{
    int fail = 0, error = 0, warn = 0;
    size_t i;

    for (i = 0; i < v->nchecks; i++) {
        const struct check *k = check_find(v->checks[i].id);

        fail |= v->checks[i].status == CHECK_FAIL;
        error |= v->checks[i].status == CHECK_ERROR;
        warn |= v->checks[i].status == CHECK_WARN &&
                (o->strict || (o->after && k != NULL && (k->flags & CHECK_AFTER)));
    }
    v->answer = fail ? VERDICT_NO_GO : error ? VERDICT_UNKNOWN : warn ? VERDICT_NO_GO : VERDICT_GO;
}

struct verdict *verdict_run(struct conn *c, const struct verdict_options *o, struct err *err)
{
    struct work w = {.c = c, .o = o};
    struct round *r = calloc(1, sizeof(*r));
    int rc = -1;

    if (r == NULL || (w.v = calloc(1, sizeof(*w.v))) == NULL) {
        err_oom(err);
        goto out;
    }
    if (selection_check(o, err) != 0 || list_checks(&w, err) != 0 ||
        round_prepare(&w.terms, o, err) != 0 || skip_some(&w, err) != 0 ||
        ask_round(&w, r, 0, err) != 0)
        goto out;
    if (o->recheck_ms >= 0 && any_volatile_failure(w.v) &&
        (pause_ms(o->recheck_ms > 0 ? o->recheck_ms : 1000, err) != 0 ||
         ask_round(&w, r, 1, err) != 0))
        goto out;
    if (local_checks(&w, err) != 0)
        goto out;
    weigh(w.v, o);
    rc = 0;
out:
    round_terms_free(&w.terms);
    json_decref(w.plans);
    free(w.data_directory);
    free(w.role);
    free(r);
    if (rc != 0) {
        verdict_free(w.v);
        w.v = NULL;
    }
    return w.v;
}
