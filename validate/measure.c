#include "validate/measure.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/interrupt.h"
#include "core/log.h"
#include "core/report.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/tx.h"
#include "validate/hazard.h"
#include "validate/inquiry.h"

struct answer {
    int answered;
    int over;            /* the budget ended */
    int64_t total, rows, values, bytes, since; /* SINCE: -1 not asked */
    int64_t vague;       /* of ROWS: it is not known beforehand whether they change */
    struct err why;
};

struct crew {
    struct inquiry *q;
    struct answer *answers; /* one per finding */
    size_t *order;          /* findings with a probe, the smallest tables first */
    size_t n;
    atomic_size_t next;
    struct timespec end;
};

static int64_t left_ms(const struct timespec *end)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)(end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
}

static void ask(struct conn *c, struct crew *crew, size_t index)
{
    struct answer *a = &crew->answers[index];
    const struct probe *p = &crew->q->probes[index];
    struct query q = {.sql = p->sql, .columns = -1, .min_rows = 1, .max_rows = 1};
    int64_t left = left_ms(&crew->end);
    struct result *r;
    int tries = 0;

again:
    if (left <= 0) {
        a->over = 1;
        return;
    }
    err_clear(&a->why);
    if (tx_savepoint(c, "probe", &a->why) < 0 ||
        query_execf(c, &a->why, "SET LOCAL statement_timeout = %lld", (long long)left) < 0)
        return;
    r = query_run(c, &q, &a->why);
    if (r != NULL) {
        a->answered = 1;
        a->total = result_int(r, 0, 0);
        a->rows = result_columns(r) > 1 ? result_int(r, 0, 1) : 0;
        a->values = result_columns(r) > 2 ? result_int(r, 0, 2) : 0;
        a->bytes = result_columns(r) > 3 ? result_int(r, 0, 3) : 0;
        a->since = result_columns(r) > 4 ? result_int(r, 0, 4) : -1;
        a->vague = result_columns(r) > 5 ? result_int(r, 0, 5) : 0;
        result_free(r);
    } else {
        struct err ignored = {0};

        a->over = strcmp(a->why.sqlstate, "57014") == 0 && interrupt_pending() == 0;
        /* What fails here fails again at the next probe, and is told there. */
        if (!conn_lost(c) && tx_rollback_to(c, "probe", &ignored) < 0)
            log_debug("%s", ignored.message);
        if (p->otherwise != NULL && tries++ == 0 && strncmp(a->why.sqlstate, "42", 2) == 0 &&
            strcmp(a->why.sqlstate, "42501") != 0) {
            q.sql = p->otherwise;
            left = left_ms(&crew->end);
            goto again;
        }
    }
}

/* With what is left of the budget: can the UPDATEs be undone? */
static void ask_undo(struct conn *c, struct crew *crew)
{
    struct inquiry *q = crew->q;
    size_t i;

    for (i = 0; i < q->out->nfindings && interrupt_pending() == 0 && !conn_lost(c); i++) {
        struct query query = {.sql = q->probes[i].undo, .columns = 1, .min_rows = 1, .max_rows = 1};
        int64_t left = left_ms(&crew->end);
        struct err why = {0};
        struct result *r = NULL;

        if (query.sql == NULL || !crew->answers[i].answered || crew->answers[i].rows == 0 ||
            q->probes[i].shaken || left <= 0)
            continue;
        if (tx_savepoint(c, "probe", &why) == 0 &&
            query_execf(c, &why, "SET LOCAL statement_timeout = %lld", (long long)left) == 0 &&
            (r = query_run(c, &query, &why)) != NULL)
            q->out->findings[i].undo = !result_bool(r, 0, 0);
        else if (!conn_lost(c) && tx_rollback_to(c, "probe", &why) < 0)
            log_debug("%s", why.message);
        result_free(r);
    }
}

struct worker {
    struct crew *crew;
    struct conn *c;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    size_t i;

    while ((i = atomic_fetch_add(&w->crew->next, 1)) < w->crew->n) {
        if (interrupt_pending() != 0 || conn_lost(w->c))
            break;
        ask(w->c, w->crew, w->crew->order[i]);
    }
    return NULL;
}

/* A session that sees what LEADER sees.  The migration's own settings decide how casts and
 * expressions read; rows that a policy would hide are an error, not a smaller count. */
static struct conn *open_session(const struct conn *model, const char *snapshot, struct err *err)
{
    struct conn *c = conn_again(model, CONN_MIGRATION, err);

    if (c == NULL)
        return NULL;
    if (query_exec(c, "SET row_security = off", "SET", err) < 0 ||
        tx_begin(c, TX_REPEATABLE_READ, 1, err) < 0 ||
        (snapshot != NULL && tx_import_snapshot(c, snapshot, err) < 0)) {
        conn_free(c);
        return NULL;
    }
    return c;
}

/* ---- what the answers mean ---- */

static void say(struct inquiry *q, struct finding *f, char *message)
{
    if (message == NULL) {
        inquiry_oom(q);
        return;
    }
    free(f->message);
    f->message = message;
}

static void lower(struct finding *f, enum severity to)
{
    if (f->severity > to)
        f->severity = to;
}

/* BOUND: why it is at most so much, or NULL; MOST: it was counted, and may happen or not. */
static void settle_loss(struct inquiry *q, struct finding *f, const struct probe *p, int exact,
                        const char *bound, int most)
{
    char rows[64], values[64], total[64], bytes[32];
    const char *about = exact ? "" : bound != NULL || most ? "at most " : "about ";
    struct buf b = {0};
    int rc;

    (void)report_count(f->loss_rows, rows);
    (void)report_things(f->loss_values, "non-null value", values);
    (void)report_things(f->table_rows, "row", total);
    (void)report_bytes(f->loss_bytes, bytes);
    f->has_loss = 1;
    f->loss_exact = exact;
    f->evidence = exact ? EVIDENCE_EXACT : EVIDENCE_ESTIMATED;
    if ((exact || most) && f->table_rows == 0) {
        /* An empty table is no evidence: the next database may be full. */
        f->evidence = EVIDENCE_EMPTY;
        rc = buf_addf(&b, q->err, "%s: the table is empty here, which proves nothing", p->subject);
    } else if ((exact || most) && f->loss_rows == 0) {
        lower(f, SEVERITY_LOW);
        rc = buf_addf(&b, q->err, p->recreated ? "%s: computed values, which come again (%s)"
                                               : "%s: nothing to lose in %s",
                      p->subject, total);
    } else if (strcmp(f->code, "delete-rows") == 0 || strcmp(f->code, "delete-cascades") == 0) {
        rc = buf_addf(&b, q->err, "%s %s %s%s of %s (%s)", p->subject,
                      strstr(p->subject, "SET NULL") != NULL ? "changes" : "destroys", about, rows,
                      total, values);
    } else if (strcmp(f->code, "merge-rows") == 0) {
        rc = buf_addf(&b, q->err, "%s destroys or overwrites %s%s of %s (%s)", p->subject, about,
                      rows, total, values);
    } else if (strcmp(f->code, "update-rows") == 0 || strcmp(f->code, "lossy-cast") == 0) {
        rc = buf_addf(&b, q->err, "%s changes %s%s in %s%s", p->subject, about,
                      report_things(f->loss_rows, "value", rows), total,
                      f->undo == 1   ? "; the new values still tell the old ones"
                      : f->undo == 0 ? "; the new values do not tell the old ones: it cannot be undone"
                                     : "");
    } else if (p->values_per_row == 1) {
        rc = buf_addf(&b, q->err, "%s destroys %s%s in %s", p->subject, about,
                      values, total);
    } else {
        rc = buf_addf(&b, q->err, "%s destroys %s%s (%s, %s)", p->subject, about,
                      report_things(f->loss_rows, "row", rows), values, bytes);
    }
    if (rc == 0 && bound != NULL)
        rc = buf_addf(&b, q->err, ": not known beforehand, %s", bound);
    if (rc == 0 && f->since_upgrade > 0 && f->loss_rows > 0)
        rc = buf_addf(&b, q->err, "; %s %s written since the upgrade",
                      report_things((uint64_t)f->since_upgrade, "row", rows),
                      f->since_upgrade == 1 ? "was" : "were");
    say(q, f, rc < 0 ? NULL : buf_take(&b, q->err));
    buf_free(&b);
}

static void settle_violation(struct inquiry *q, struct finding *f, const struct probe *p, int exact)
{
    char rows[32], total[64];
    struct buf b = {0};
    int rc;

    (void)report_count(f->violation_rows, rows);
    (void)report_things(f->table_rows, "row", total);
    f->has_violations = 1;
    f->violation_exact = exact;
    f->evidence = exact ? EVIDENCE_EXACT : EVIDENCE_ESTIMATED;
    if (exact && f->table_rows == 0) {
        f->evidence = EVIDENCE_EMPTY;
        rc = buf_addf(&b, q->err, "%s: the table is empty here, which proves nothing", p->subject);
    } else if (exact && f->violation_rows == 0) {
        lower(f, SEVERITY_LOW);
        rc = buf_addf(&b, q->err, "%s: none of %s is in the way", p->subject, total);
    } else {
        f->predicted_failure = exact && p->certain;
        if (exact && p->later && f->severity == SEVERITY_MEDIUM)
            f->severity = SEVERITY_HIGH;
        rc = buf_addf(&b, q->err, "%s%s: %s%s of %s %s", p->subject,
                      p->later ? "" : exact ? " fails" : " may fail", exact ? "" : "about ", rows, total,
                      p->what != NULL            ? p->what
                      : f->violation_rows == 1 ? "is in the way"
                                               : "are in the way");
    }
    say(q, f, rc < 0 ? NULL : buf_take(&b, q->err));
}

static uint64_t positive(double x)
{
    return x <= 0 ? 0 : (uint64_t)(x + 0.5);
}

static void settle(struct inquiry *q, size_t i, const struct answer *a)
{
    struct finding *f = &q->out->findings[i];
    const struct probe *p = &q->probes[i];
    const char *bound = p->bound != NULL ? p->bound
                        : a->vague > 0   ? "several rows of what it is joined with disagree"
                                         : NULL;
    int exact = a->answered && !p->shaken && bound == NULL && !f->possible;

    if (p->kind == PROBE_NONE)
        return;
    if (p->sql != NULL) {
        char **to = p->kind == PROBE_LOSS ? &f->loss_sql : &f->violation_sql;

        if ((*to = strdup(p->sql)) == NULL)
            inquiry_oom(q);
        f->quotes = p->quotes;
    }
    if (a->answered) {
        f->table_rows = (uint64_t)a->total;
        if (p->kind == PROBE_LOSS && a->since >= 0)
            f->since_upgrade = a->since;
        if (p->kind == PROBE_LOSS) {
            f->loss_rows = p->recreated ? 0 : (uint64_t)a->rows;
            f->loss_values = p->recreated ? 0 : (uint64_t)a->values;
            f->loss_bytes = p->recreated ? 0 : (uint64_t)a->bytes;
            settle_loss(q, f, p, exact, bound, f->possible && !p->shaken);
        } else {
            f->violation_rows = (uint64_t)a->rows;
            settle_violation(q, f, p, exact);
        }
        return;
    }
    /* The data itself stopped the query: it would stop the statement too. */
    if (!a->over && p->cast && !f->possible && (strncmp(a->why.sqlstate, "22", 2) == 0 ||
                                strncmp(a->why.sqlstate, "23", 2) == 0)) {
        struct buf b = {0};

        f->predicted_failure = 1;
        f->evidence = EVIDENCE_EXACT;
        say(q, f,
            buf_addf(&b, q->err, "%s fails: a value cannot be cast (SQLSTATE %s)", p->subject,
                     a->why.sqlstate) < 0
                ? NULL
                : buf_take(&b, q->err));
        return;
    }
    /* Names that only the script itself will make (42xxx, but for rights) are no failure to check:
     * the finding stays unmeasured. */
    if (!a->over && p->sql != NULL && q->out->why_unknown == NULL &&
        (strncmp(a->why.sqlstate, "42", 2) != 0 || strcmp(a->why.sqlstate, "42501") == 0)) {
        struct buf b = {0};

        /* What the server says of data quotes them. */
        if (buf_addf(&b, q->err, "%s could not be counted: %s%s", p->subject,
                     a->why.sqlstate[0] == '2' ? "SQLSTATE " : "",
                     a->why.sqlstate[0] == '2' ? a->why.sqlstate : a->why.message) < 0 ||
            (q->out->why_unknown = buf_take(&b, q->err)) == NULL)
            q->failed = 1;
        buf_free(&b);
    }
    /* Statistics say how many rows there are; a table never analysed says nothing. */
    if (p->rows < 0 || p->fraction < 0)
        return;
    f->table_rows = positive(p->rows);
    if (p->kind == PROBE_LOSS) {
        f->loss_rows = positive(p->rows * p->fraction);
        f->loss_values = f->loss_rows * (uint64_t)p->values_per_row;
        f->loss_bytes = p->bytes < 0 ? 0 : positive((double)p->bytes * p->fraction);
        settle_loss(q, f, p, 0, NULL, 0);
    } else {
        f->violation_rows = positive(p->rows * p->fraction);
        settle_violation(q, f, p, 0);
    }
}

struct ordered {
    size_t index;
    double rows;
};

static int smaller_first(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;

    return (x->rows > y->rows) - (x->rows < y->rows);
}

int measure_run(struct inquiry *q, struct err *err)
{
    size_t n = q->out->nfindings, i, jobs, opened = 0;
    struct crew crew = {.q = q};
    struct ordered *sorted = calloc(n + 1, sizeof(*sorted));
    struct worker *workers = NULL;
    pthread_t *threads = NULL;
    char *snapshot = NULL;
    struct conn *leader = NULL;
    int64_t budget = q->o->budget_ms > 0 ? q->o->budget_ms : 10000;
    int rc = -1;

    crew.answers = calloc(n + 1, sizeof(*crew.answers));
    crew.order = calloc(n + 1, sizeof(*crew.order));
    if (sorted == NULL || crew.answers == NULL || crew.order == NULL) {
        (void)err_oom(err);
        goto out;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &crew.end);
    crew.end.tv_sec += (time_t)(budget / 1000);
    crew.end.tv_nsec += (long)(budget % 1000) * 1000000;
    if (crew.end.tv_nsec >= 1000000000) {
        crew.end.tv_sec++;
        crew.end.tv_nsec -= 1000000000;
    }
    for (i = 0; i < n; i++)
        if (q->probes[i].kind != PROBE_NONE && q->probes[i].sql != NULL) {
            sorted[crew.n].index = i;
            sorted[crew.n++].rows = q->probes[i].rows;
        }
    qsort(sorted, crew.n, sizeof(*sorted), smaller_first);
    for (i = 0; i < crew.n; i++)
        crew.order[i] = sorted[i].index;

    if (crew.n > 0) {
        jobs = q->o->jobs > 0 ? (size_t)q->o->jobs : 2;
        if (jobs > crew.n)
            jobs = crew.n;
        workers = calloc(jobs, sizeof(*workers));
        threads = calloc(jobs, sizeof(*threads));
        if (workers == NULL || threads == NULL) {
            (void)err_oom(err);
            goto out;
        }
        if ((leader = open_session(q->conn, NULL, err)) == NULL)
            goto out;
        if (jobs > 1 && (snapshot = tx_export_snapshot(leader, err)) == NULL)
            goto out;
        workers[0] = (struct worker){&crew, leader};
        for (opened = 1; opened < jobs; opened++) {
            struct err why = {0};
            struct conn *c = open_session(q->conn, snapshot, &why);

            if (c == NULL) {
                log_debug("measuring with %zu sessions: %s", opened, why.message);
                break;
            }
            workers[opened] = (struct worker){&crew, c};
            if (pthread_create(&threads[opened], NULL, work, &workers[opened]) != 0) {
                conn_free(c);
                break;
            }
        }
        (void)work(&workers[0]);
        for (i = 1; i < opened; i++) {
            (void)pthread_join(threads[i], NULL);
            conn_free(workers[i].c);
        }
        ask_undo(leader, &crew);
        if (interrupt_check(err) < 0)
            goto out;
        if (conn_lost(leader)) {
            (void)err_set(err, ERR_FAILED, "the connection was lost while counting");
            goto out;
        }
    }
    for (i = 0; i < n; i++)
        settle(q, i, &crew.answers[i]);
    rc = q->failed ? -1 : 0;
out:
    if (leader != NULL)
        tx_rollback(leader);
    conn_free(leader);
    free(snapshot);
    free(workers);
    free(threads);
    free(sorted);
    free(crew.answers);
    free(crew.order);
    return rc;
}
