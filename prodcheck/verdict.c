#include "prodcheck/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/interrupt.h"
#include "core/nearest.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "prodcheck/baseline.h"
#include "prodcheck/check.h"
#include "prodcheck/fresh.h"
#include "prodcheck/local.h"
#include "prodcheck/target.h"
#include "script/closure.h"

/* Before each query, for it alone: nothing that is asked may write, wait for a lock, or run for long;
 * and the session is left as it was, which a pooler would hand to the application. */
static const char before_sql[] =
    "SELECT pg_catalog.set_config('statement_timeout', '%" PRId64 "ms', true), "
    "pg_catalog.set_config('lock_timeout', '300ms', true), "
    "pg_catalog.set_config('search_path', '', true), "
    "pg_catalog.set_config('TimeZone', 'UTC', true), "
    "pg_catalog.set_config('transaction_read_only', 'on', true)";
static const char meta_sql[] =
#include "prodcheck/sql/meta.sql.h"
    ;
static const char window_sql[] =
#include "prodcheck/sql/window.sql.h"
    ;

#define MAX_QUERIES 256
#define MAX_PARAMS 6

/* One query of the pipeline and whose it is. */
struct slot {
    const struct check *check;  /* NULL: a query of mig.json */
    size_t result;              /* index into the verdict's checks */
};

struct round {
    struct query queries[MAX_QUERIES];
    const char *params[MAX_QUERIES][MAX_PARAMS];
    struct slot slots[MAX_QUERIES];
    struct result *results[MAX_QUERIES];
    struct err errs[MAX_QUERIES];
    int n;
};

struct work {
    struct conn *c;
    const struct verdict_options *o;
    struct verdict *v;
    struct target target;
    char *zones, before[512];
    /* what the server says of this role */
    int may_see, managed;
    char *data_directory, *role;
};

/* --- names --- */

const char *check_status_name(enum check_status s)
{
    static const char *const names[] = {
        [CHECK_OK] = "ok",       [CHECK_WARN] = "warn",       [CHECK_FAIL] = "fail",
        [CHECK_ERROR] = "error", [CHECK_SKIPPED] = "skipped",
    };

    return names[s];
}

const char *verdict_answer_name(enum verdict_answer a)
{
    static const char *const names[] = {
        [VERDICT_GO] = "go", [VERDICT_NO_GO] = "no-go", [VERDICT_UNKNOWN] = "unknown"};

    return names[a];
}

int verdict_exit_code(const struct verdict *v)
{
    static const int codes[] = {[VERDICT_GO] = 0, [VERDICT_NO_GO] = 1, [VERDICT_UNKNOWN] = 3};

    return codes[v->answer];
}

void verdict_free(struct verdict *v)
{
    size_t i;

    if (v == NULL)
        return;
    for (i = 0; i < v->nchecks; i++)
        check_result_wipe(&v->checks[i]);
    for (i = 0; v->names != NULL && v->names[i] != NULL; i++)
        ;
    strings_free(v->names);
    free(v->checks);
    free(v);
}

/* --- which checks --- */

static const json_t *custom(const struct config *config)
{
    return config != NULL ? config_json(config, "prodcheck.sql") : NULL;
}

static int is_known(const char *word, const struct config *config)
{
    return check_find(word) != NULL ||
           (strncmp(word, "sql:", 4) == 0 && json_object_get(custom(config), word + 4) != NULL);
}

int verdict_known(const char *words, const struct config *config, struct err *err)
{
    while (*words != '\0') {
        size_t len = strcspn(words, ","), n;
        char word[64];

        (void)snprintf(word, sizeof(word), "%.*s", (int)(len < 63 ? len : 63), words);
        if (len > 0 && !is_known(word, config)) {
            const struct check *all = check_table(&n);
            const char *names[64];
            const char *close;
            size_t i;

            for (i = 0; i < n && i < 63; i++)
                names[i] = all[i].id;
            err_set(err, ERR_USAGE, "there is no check \"%s\"", word);
            if ((close = nearest_word(word, names, i)) != NULL)
                err_hint(err, "did you mean %s? mig-prodcheck --list shows all", close);
            else
                err_hint(err, "mig-prodcheck --list shows all");
            return -1;
        }
        words += len + (words[len] == ',');
    }
    return 0;
}

static int in_words(const char *words, const char *id)
{
    size_t n = strlen(id);

    while (*words != '\0') {
        size_t len = strcspn(words, ",");

        if (len == n && strncmp(words, id, n) == 0)
            return 1;
        words += len + (words[len] == ',');
    }
    return 0;
}

static int in_list(const struct cli_list *list, const char *id)
{
    size_t i;

    for (i = 0; list != NULL && i < list->count; i++)
        if (in_words(list->items[i], id))
            return 1;
    return 0;
}

static int in_config(const struct config *config, const char *id)
{
    size_t i;

    for (i = 0; config != NULL && i < config_count(config, "prodcheck.skip"); i++)
        if (in_words(config_item(config, "prodcheck.skip", i), id))
            return 1;
    return 0;
}

static int known_lists(const struct verdict_options *o, struct err *err)
{
    size_t i;

    for (i = 0; o->only != NULL && i < o->only->count; i++)
        if (verdict_known(o->only->items[i], o->config, err) != 0)
            return -1;
    for (i = 0; o->skip != NULL && i < o->skip->count; i++)
        if (verdict_known(o->skip->items[i], o->config, err) != 0)
            return -1;
    for (i = 0; o->config != NULL && i < config_count(o->config, "prodcheck.skip"); i++)
        if (verdict_known(config_item(o->config, "prodcheck.skip", i), o->config, err) != 0)
            return err_prefix(err, "mig.json: prodcheck.skip");
    if (check_thresholds(o->config, err) != 0)
        return -1;
    return local_window_known(o->config, err);
}

/* --- what the tool locks mean --- */

struct lock_owner {
    const char *key;
    const char *tool;
};

/* golang-migrate's key: crc32 of the database's and schema's names, salted. */
static void migrate_key(const char *database, char key[24])
{
    uLong crc = crc32(0L, (const Bytef *)database, (uInt)strlen(database));

    (void)snprintf(key, 24, "%" PRIu32, (uint32_t)crc * 1486364155u);
}

static void rails_key(const char *database, char key[24])
{
    uLong crc = crc32(0L, (const Bytef *)database, (uInt)strlen(database));

    (void)snprintf(key, 24, "%" PRId64, (int64_t)2053462845 * (int64_t)crc);
}

static int judge_migration_locks(struct work *w, const struct check *k, const struct result *r,
                                 struct check_result *out, struct err *err)
{
    char migrate[24], rails[24];
    const struct lock_owner owners[] = {
        {"77431708279161", "Flyway"},  {"75474063", "sqitch"}, {"4036779288569897133", "Reshape"},
        {"2686470616", "Atlas"},       {migrate, "golang-migrate"}, {rails, "Rails"},
        {"7169383,1919905644", "mig-rollback"}, /* rollback/locks.c */
    };
    const char *database = conn_database(w->c);
    size_t i;
    int row;

    migrate_key(database, migrate);
    rails_key(database, rails);
    for (row = 0; row < result_rows(r); row++)
        for (i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
            if (strcmp(result_text(r, row, 0), owners[i].key) == 0) {
                const char *who = result_text(r, row, 2);

                if (check_evidence(out, owners[i].tool, NULL, who, NULL, err) != 0)
                    return -1;
                if (out->message == NULL &&
                    check_say(out, k, CHECK_FAIL, err, "%s is migrating: %s", owners[i].tool,
                              who != NULL ? who : "a session holds its lock") != 0)
                    return -1;
            }
    return out->message != NULL ? 0 : check_say(out, k, CHECK_OK, err, "%s", k->ok);
}

/* --- checks that need no query of their own --- */

static int check_version(struct work *w, const struct check *k, struct check_result *out,
                         struct err *err)
{
    static const struct {
        int major;
        int year, month, day; /* the last release */
    } ends[] = {{12, 2024, 11, 21}, {13, 2025, 11, 13}, {14, 2026, 11, 12}, {15, 2027, 11, 11},
                {16, 2028, 11, 9},  {17, 2029, 11, 8},  {18, 2030, 11, 14}};
    int version = conn_version(w->c), major = version / 10000;
    time_t now = time(NULL);
    struct tm t;
    size_t i;

    out->value = NULL;
    (void)gmtime_r(&now, &t);
    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (ends[i].major == major &&
            (t.tm_year + 1900) * 10000 + (t.tm_mon + 1) * 100 + t.tm_mday >=
                ends[i].year * 10000 + ends[i].month * 100 + ends[i].day)
            return check_say(out, k, CHECK_WARN, err,
                             "PostgreSQL %d.%d: release %d ended its life on %d-%02d-%02d", major,
                             version % 10000, major, ends[i].year, ends[i].month, ends[i].day);
    return check_say(out, k, CHECK_OK, err, "PostgreSQL %d.%d", major, version % 10000);
}

static int check_environment(struct work *w, const struct check *k, struct check_result *out,
                             struct err *err)
{
    const struct environment *e = w->o->environment;

    if (e == NULL)
        return check_say(out, k, CHECK_SKIPPED, err, "not asked");
    if (e->contradiction)
        return check_say(out, k, CHECK_FAIL, err, "%s",
                         e->why != NULL ? e->why : "name and address disagree");
    if (e->name == NULL)
        return check_say(out, k, CHECK_SKIPPED, err, "no environment of mig.json has this address");
    return check_say(out, k, CHECK_OK, err, "%s%s", e->name, e->production ? " (production)" : "");
}

static int check_pooler(struct work *w, const struct check *k, struct check_result *out,
                        struct err *err)
{
    if (!conn_pooled(w->c))
        return check_say(out, k, CHECK_OK, err, "%s", k->ok);
    return check_say(out, k, CHECK_WARN, err,
                     "a pooler stands between us and the server: mig-backup and mig-rollback will "
                     "refuse it");
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

static int check_revision(struct work *w, const struct check *k, struct check_result *out,
                          struct err *err)
{
    const struct plan *p = w->o->plan != NULL && w->o->plan->version_table != NULL ? w->o->plan
                                                                                   : w->o->history;
    const struct err *why = w->o->revision_error;
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
                         w->o->alembic_problem != NULL ? w->o->alembic_problem
                                                       : "no Alembic project was named");
    if (join_rows(&from, p->from, err) != 0 || join_rows(&to, p->to, err) != 0)
        goto out;
    if (w->o->after && p->nsteps > 0)
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
        return check_version(w, k, out, err);
    if (strcmp(k->id, "environment") == 0)
        return check_environment(w, k, out, err);
    if (strcmp(k->id, "pooler") == 0)
        return check_pooler(w, k, out, err);
    if (strcmp(k->id, "revision") == 0)
        return check_revision(w, k, out, err);
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

/* --- the pipeline --- */

static struct query *ask(struct round *r, const char *sql, int columns, const struct check *k,
                         size_t result)
{
    struct query *q = &r->queries[r->n];

    memset(q, 0, sizeof(*q));
    q->sql = sql;
    q->columns = columns;
    q->params = r->params[r->n];
    r->slots[r->n].check = k;
    r->slots[r->n].result = result;
    r->n++;
    return q;
}

/* The parameters that K's query takes. */
static void give(struct work *w, const struct check *k, struct query *q, const char **params)
{
    if (strcmp(k->id, "privileges") == 0) {
        params[0] = w->target.owned;
        params[1] = w->target.written;
        params[2] = w->target.schemas;
        params[3] = w->target.saved;
        params[4] = w->target.version_schema;
        params[5] = w->target.version_table;
        q->nparams = 6;
    } else if (strcmp(k->id, "extensions") == 0) {
        params[0] = w->target.extensions;
        q->nparams = 1;
    } else if (strcmp(k->id, "sizes") == 0) {
        params[0] = w->target.large;
        q->nparams = 1;
    } else if (k->flags & CHECK_FOR_PLAN) {
        params[0] = w->target.named;
        q->nparams = 1;
    } else if (k->flags & CHECK_ON_TABLES) {
        params[0] = w->target.tables;
        q->nparams = 1;
    }
}

static int needs_plan(const struct check *k)
{
    return (k->flags & CHECK_FOR_PLAN) != 0 || strcmp(k->id, "privileges") == 0 ||
           strcmp(k->id, "extensions") == 0;
}

/* Ask what is due: every check of the verdict, or with AGAIN only the volatile ones that failed. */
static void compose(struct work *w, struct round *r, int again)
{
    size_t i;

    r->n = 0;
    if (!again)
        (void)ask(r, meta_sql, 4, NULL, 0);
    for (i = 0; i < w->v->nchecks && r->n < MAX_QUERIES - 1; i++) {
        struct check_result *out = &w->v->checks[i];
        const struct check *k = check_find(out->id);

        if (out->status == CHECK_SKIPPED)
            continue;
        if (again && (out->status != CHECK_FAIL || k == NULL || !(k->flags & CHECK_VOLATILE)))
            continue;
        if (k == NULL) {
            const char *sql = json_string_value(json_object_get(custom(w->o->config), out->id + 4));

            if (sql != NULL)
                (void)ask(r, sql, -1, NULL, i);
        } else if (strcmp(k->id, "window") == 0) {
            ask(r, window_sql, CHECK_COLUMNS, k, i)->nparams = 1;
            r->params[r->n - 1][0] = w->zones;
        } else if (k->sql != NULL) {
            struct query *q = ask(r, k->sql, CHECK_COLUMNS, k, i);

            give(w, k, q, r->params[r->n - 1]);
        }
    }
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
                       "the server does not know a time zone of prodcheck.window (%s)", w->zones);
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

    if (text == NULL)
        return check_say(out, &own, CHECK_OK, err, "no value");
    v = strcmp(text, "t") == 0 ? 1 : strcmp(text, "f") == 0 ? 0 : strtod(text, &end);
    if (end != NULL && (end == text || *end != '\0'))
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

static int judge_one(struct work *w, const struct check *k, const struct result *r,
                     struct check_result *out, struct err *err)
{
    struct check_limits limits;

    if (check_limits(k, w->o, &limits, err) != 0)
        return -1;
    if (strcmp(k->id, "migration-locks") == 0)
        return judge_migration_locks(w, k, r, out, err);
    if (strcmp(k->id, "window") == 0)
        return local_window(k, w->o->config, r, out, err);
    if (strcmp(k->id, "baseline") == 0)
        return baseline_check(k, w->o->baseline, w->o->after, r, out, err);
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

        if (r->queries[i].sql == meta_sql) {
            if (r->results[i] == NULL) {
                *err = r->errs[i];
                return err_prefix(err, "cannot prepare the checks");
            }
            if (take_meta(w, r->results[i], err) != 0)
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

    memset(r->results, 0, sizeof(r->results));
    memset(r->errs, 0, sizeof(r->errs));
    compose(w, r, again);
    rc = query_pipeline_under(w->c, w->before, r->queries, r->n, r->results, r->errs, err);
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

    if (w->o->only != NULL && w->o->only->count > 0 && !in_list(w->o->only, id))
        return 0;
    if ((more = realloc(v->checks, (v->nchecks + 1) * sizeof(*more))) == NULL)
        return err_oom(err);
    v->checks = more;
    memset(&v->checks[v->nchecks], 0, sizeof(v->checks[0]));
    v->checks[v->nchecks].id = id;
    v->nchecks++;
    return 0;
}

static int list_checks(struct work *w, struct err *err)
{
    const json_t *sql = custom(w->o->config), *one;
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
    return 0;
}

/* What is not asked at all: named by --skip, or in want of a plan. */
static int skip_some(struct work *w, struct err *err)
{
    size_t i;

    for (i = 0; i < w->v->nchecks; i++) {
        struct check_result *out = &w->v->checks[i];
        const struct check own = {.id = out->id}, *k = check_find(out->id);

        if (in_list(w->o->skip, out->id) || in_config(w->o->config, out->id)) {
            renew(out);
            if (check_say(out, k != NULL ? k : &own, CHECK_SKIPPED, err, "skipped on request") != 0)
                return -1;
        } else if (k != NULL && strcmp(k->id, "baseline") == 0 && w->o->baseline == NULL) {
            if (check_say(out, k, CHECK_SKIPPED, err, "needs --baseline FILE") != 0)
                return -1;
        } else if (k != NULL && !w->target.known && needs_plan(k) &&
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

    (void)snprintf(w.before, sizeof(w.before), before_sql, o->timeout_ms > 0 ? o->timeout_ms : 2000);
    if (r == NULL || (w.v = calloc(1, sizeof(*w.v))) == NULL) {
        err_oom(err);
        goto out;
    }
    if (known_lists(o, err) != 0 || list_checks(&w, err) != 0 ||
        target_find(o->plan, o->closure, &w.target, err) != 0 ||
        skip_some(&w, err) != 0 || (w.zones = local_window_zones(o->config, err)) == NULL ||
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
    target_free(&w.target);
    free(w.zones);
    free(w.data_directory);
    free(w.role);
    free(r);
    if (rc != 0) {
        verdict_free(w.v);
        w.v = NULL;
    }
    return w.v;
}

struct verdict *verdict_unreachable(const struct err *why, struct err *err)
{
    struct verdict *v = calloc(1, sizeof(*v));
    const struct check *k = check_find("connection");

    if (v == NULL || (v->checks = calloc(1, sizeof(*v->checks))) == NULL) {
        free(v);
        err_oom(err);
        return NULL;
    }
    v->nchecks = 1;
    v->answer = VERDICT_UNKNOWN;
    if (check_say(&v->checks[0], k, CHECK_ERROR, err, "%s", why->message) != 0 ||
        (why->hint[0] != '\0' && strings_dup(&v->checks[0].remedy, why->hint, err) != 0)) {
        verdict_free(v);
        return NULL;
    }
    return v;
}

/* --- as JSON --- */

static int put(json_t *o, const char *key, json_t *value)
{
    return value != NULL ? json_object_set_new(o, key, value) : -1;
}

static json_t *text_or_null(const char *s)
{
    return s != NULL ? json_string(s) : json_null();
}

static json_t *threshold_json(const struct check_result *r)
{
    json_t *t;

    if (r->warn <= 0 && r->fail <= 0)
        return json_null();
    if ((t = json_object()) == NULL ||
        put(t, "warn", r->warn > 0 ? json_real(r->warn) : json_null()) != 0 ||
        put(t, "fail", r->fail > 0 ? json_real(r->fail) : json_null()) != 0) {
        json_decref(t);
        return NULL;
    }
    return t;
}

static json_t *result_json(const struct check_result *r)
{
    json_t *o = json_object();

    if (o == NULL || put(o, "id", json_string(r->id)) != 0 ||
        put(o, "status", json_string(check_status_name(r->status))) != 0 ||
        put(o, "value", r->has_number ? json_real(r->number) : text_or_null(r->value)) != 0 ||
        put(o, "unit", json_string(r->unit != NULL ? r->unit : "")) != 0 ||
        put(o, "threshold", threshold_json(r)) != 0 ||
        put(o, "message", text_or_null(r->message)) != 0 ||
        put(o, "why", text_or_null(r->status == CHECK_OK || r->status == CHECK_SKIPPED ? NULL : r->why)) != 0 ||
        put(o, "remedy", text_or_null(r->remedy)) != 0 ||
        put(o, "evidence", r->evidence != NULL ? json_incref(r->evidence) : json_array()) != 0) {
        json_decref(o);
        return NULL;
    }
    return o;
}

json_t *verdict_json(const struct verdict *v, struct err *err)
{
    json_t *o = json_object(), *checks = json_array();
    size_t i;

    if (o == NULL || checks == NULL ||
        put(o, "schema", json_string("mig-prodcheck/1")) != 0 ||
        put(o, "verdict", json_string(verdict_answer_name(v->answer))) != 0)
        goto oom;
    for (i = 0; i < v->nchecks; i++) {
        json_t *one = result_json(&v->checks[i]);

        if (one == NULL || json_array_append_new(checks, one) != 0)
            goto oom;
    }
    if (json_object_set(o, "checks", checks) != 0)
        goto oom;
    json_decref(checks);
    return o;
oom:
    json_decref(o);
    json_decref(checks);
    err_oom(err);
    return NULL;
}
