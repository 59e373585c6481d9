#include "rollback/guard.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup/ddl.h"
#include "backup/keys.h"
#include "core/buf.h"
#include "core/config.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "pg/tx.h"
#include "prodcheck/verdict.h"
#include "rollback/estimate.h"
#include "rollback/execute.h"
#include "rollback/forecast.h"
#include "rollback/holder.h"
#include "rollback/opinion.h"
#include "rollback/proof.h"
#include "rollback/refusal.h"
#include "rollback/segments.h"
#include "rollback/wayback.h"
#include "rollback/tools.h"
#include "script/closure.h"
#include "validate/judge.h"

static int open_sessions(struct guard *g, struct err *err)
{
    const struct cli_common *c = g->request->common;
    struct conn_options o = {
        .dbname = c->dbname,
        .host = c->host,
        .port = c->port,
        .user = c->user,
        .role = c->role,
        .no_password = c->no_password,
        .ask_password = c->ask_password,
        .application = "mig-rollback",
        .lock_timeout_ms = g->request->lock_timeout_ms,
    };
    struct err ignored = {0};
    char *url = plan_database_url(&g->request->plan, &ignored);
    int rc = -1;

    o.fallback_url = url;
    o.fallback_source = "alembic.ini";
    o.identify = 1;
    if ((g->control = conn_open(&o, CONN_OWN, err)) != NULL &&
        (g->main = conn_again(g->control, CONN_MIGRATION, err)) != NULL)
        rc = 0;
    free(url);
    return rc;
}

struct guard *guard_open(const struct rollback_request *r, struct err *err)
{
    struct guard *g = calloc(1, sizeof(*g));
    struct buf key = {0};

    if (g == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    g->request = r;
    if (refusal_force_known(r->force, err) != 0)
        goto fail;
    if (open_sessions(g, err) != 0)
        goto fail;
    if ((g->environment = environment_read(g->control, r->config, r->common->env, err)) == NULL)
        goto fail;
    if ((g->state_dir = state_dir(r->common, r->config, err)) == NULL)
        goto fail;
    if (buf_addf(&key, err, "%s-%u", g->environment->system_id[0] != '\0' ? g->environment->system_id : "0",
                 g->environment->database_oid) != 0)
        goto fail;
    g->key = key.data;
    return g;
fail:
    guard_free(g);
    return NULL;
}

static void forget_findings(struct guard *g)
{
    for (size_t i = 0; i < g->nrefusals; i++) {
        free(g->refusals[i].name);
        free(g->refusals[i].message);
        free(g->refusals[i].hint);
    }
    free(g->refusals);
    proof_free(g->proof);
    verdict_free(g->verdict);
    judgement_free(g->judgement);
    closure_free(g->closure);
    free(g->tables);
    plan_free(g->reverse);
    plan_free(g->plan);
    free(g->reverse_why);
    free(g->undo_why);
}

int guard_read_schema(struct guard *g, struct err *err)
{
    struct err why = {0};

    /* What is refused anyway needs none. */
    if (g->request->backup != ROLLBACK_LOCKED || g->environment->pooled || g->environment->standby ||
        keyring_can_write(g->request->keys, &why) != 0)
        return 0;
    err_clear(&why);
    /* Whoever needs it tries again, and says why there is none. */
    if ((g->ddl = ddl_ahead(g->control, g->request->lock_timeout_ms, &why)) != NULL || why.kind != ERR_INTERRUPTED)
        return 0;
    *err = why;
    return -1;
}

void guard_free(struct guard *g)
{
    if (g == NULL)
        return;
    ddl_free(g->ddl);
    forget_findings(g);
    free(g->state_dir);
    free(g->key);
    environment_free(g->environment);
    conn_free(g->main);
    conn_free(g->control);
    free(g);
}

/* ---- who and where -------------------------------------------------------------------------- */

static int identity(struct guard *g, struct err *err)
{
    const struct environment *e = g->environment;

    if (e->standby &&
        refusal_add(g, err, "standby", 0, "connect to the primary", "%s is a standby",
                     conn_title(g->control)) != 0)
        return -1;
    if ((e->pooled || conn_pooled(g->main)) &&
        refusal_add(g, err, "pooler", 0, "use the server's own address: $MIG_DATABASE_URL or --dbname",
                     "%s is a pooler in transaction mode: locks and sessions would not be ours",
                     conn_title(g->control)) != 0)
        return -1;
    if (e->contradiction && refusal_add(g, err, "environment", 0, "correct --env, $MIG_ENV or the address",
                                         "%s", e->why) != 0)
        return -1;
    return 0;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static int judge_steps(struct guard *g, struct err *err)
{
    struct err one = {0};

    if (g->plan->nsteps == 0)
        return refusal_add(g, err, "nothing", 0, NULL, "there is nothing to do: the database is there already");
    for (size_t i = 0; i < g->plan->nsteps; i++) {
        const struct plan_step *s = &g->plan->steps[i];

        if (s->irreversible &&
            refusal_add(g, err, "irreversible", 0, "write the downgrade, or go back with a restore",
                         "%s has no downgrade: %s", s->revision,
                         s->irreversible_why != NULL ? s->irreversible_why : "it is empty") != 0)
            return -1;
        if (s->online_only) {
            g->command = 1;
            if (g->plan->direction == PLAN_UP) {
                if (refusal_add(g, err, "online", 0,
                                "go forward with \"alembic upgrade\", then put the values back with "
                                "\"mig-backup restore\" from the run's backup",
                                "%s cannot be rendered as SQL (%s): undo cannot run it", s->revision,
                                s->online_why != NULL ? s->online_why : "it needs a live connection") != 0)
                    return -1;
            } else if (refusal_add(g, err, "online", 1,
                             "make it work with \"alembic downgrade --sql\"; or --force online --reason TEXT",
                             "%s cannot be rendered as SQL (%s): alembic would run it and commit by itself; the "
                             "backup comes before, without locks, and the verification after",
                             s->revision,
                             s->online_why != NULL ? s->online_why : "it needs a live connection") != 0)
                return -1;
        }
        if (!s->online_only && !s->irreversible && s->script == NULL &&
            refusal_add(g, err, "online", 0, NULL, "%s has no SQL", s->revision) != 0)
            return -1;
    }
    if (execute_runnable(g->plan, &one) != 0 &&
        refusal_add(g, err, "segments", 0, NULL, "%s", one.message) != 0)
        return -1;
    return 0;
}

/* Of files: Alembic's rows are where its plan begins. */
static int judge_versions(struct guard *g, struct err *err)
{
    const struct plan *p = g->plan;
    char **rows = NULL;
    struct err why = {0};
    int rc = -1;

    if (p->version_column == NULL)
        return 0;
    if (execute_version_rows(g->main, p, &rows, err) != 0)
        goto out;
    rc = 0;
    if (execute_version_same(rows, p->from, "now", &why) != 0)
        rc = refusal_add(g, err, "version", 0, "is this the right script for this database? Or set the tool's record first",
                         "%s.%s, %s: %s", p->version_schema, p->version_table, p->version_column, why.message);
    /* Each segment is committed by itself: nothing says which of them moves the rows. */
    if (rc == 0 && execute_version_same(p->from, p->to, "", &why) != 0 &&
        (segments_needed(p) || (g->reverse != NULL && segments_needed(g->reverse))))
        rc = refusal_add(g, err, "segments", 0, "run it without --version-after, and move the row afterwards",
                         "version rows that the script moves cannot be checked where statements run outside of a transaction");
out:
    strings_free(rows);
    return rc;
}

static int find_closure(struct guard *g, int judged, struct err *err)
{
    size_t n = 0;
    struct effects **effects = plan_effects(g->plan, &n, err);

    if (effects == NULL)
        return -1;
    g->closure = closure_find(g->main, effects, n, err);
    free(effects);
    if (g->closure == NULL)
        return -1;
    for (size_t i = 0; judged && i < g->closure->nmissing; i++)
        if (refusal_add(g, err, "missing", 1, "is this the right database, and the right search_path?",
                         "the script names %s, which is not in the database", g->closure->missing[i]) != 0)
            return -1;
    return 0;
}

static int mix_digest(struct guard *g, struct err *err)
{
    crypto_generichash_state s;
    unsigned char hash[32];
    struct buf b = {0};
    int rc = -1;

    if (sodium_init() < 0)
        return err_set(err, ERR_FAILED, "libsodium cannot start");
    if (buf_addf(&b, err, "%s\n%s\n", g->plan->digest, g->key) != 0)
        goto out;
    for (size_t i = 0; i < g->closure->ntables; i++) {
        const struct closure_table *t = &g->closure->tables[i];

        if (buf_addf(&b, err, "%s.%s %u\n", t->schema, t->name, t->fate) != 0)
            goto out;
        for (size_t k = 0; k < t->ncolumns; k++)
            if (buf_addf(&b, err, " %s %u\n", t->columns[k].name, t->columns[k].why) != 0)
                goto out;
    }
    (void)crypto_generichash_init(&s, NULL, 0, sizeof(hash));
    (void)crypto_generichash_update(&s, (const unsigned char *)b.data, b.len);
    (void)crypto_generichash_final(&s, hash, sizeof(hash));
    (void)sodium_bin2hex(g->digest, sizeof(g->digest), hash, sizeof(hash));
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

static int check_digest(struct guard *g, struct err *err)
{
    const char *given = g->request->digest;

    if (given == NULL || (strlen(given) >= 8 && strncmp(given, g->digest, strlen(given)) == 0))
        return 0;
    return refusal_add(g, err, "plan", 0, "look at the plan again: mig-rollback plan",
                        "the plan is not the one that was reviewed: %.16s, not %.16s", g->digest, given);
}

static int examine(struct guard *g, int judged, struct err *err)
{
    if (judge_steps(g, err) != 0)
        return -1;
    if (find_closure(g, judged, err) != 0 || estimate_sizes(g, err) != 0)
        return -1;
    if (g->reverse == NULL && g->plan->nsteps > 0 && wayback_find(g, err) != 0)
        return -1;
    if (judge_versions(g, err) != 0 || mix_digest(g, err) != 0 || check_digest(g, err) != 0)
        return -1;
    if (g->plan->nsteps == 0)
        return wayback_weigh(g, err);
    if (judged && (tools_warn(g, err) != 0 || forecast_examine(g, err) != 0 || opinion_validate(g, err) != 0 || opinion_gate(g, err) != 0))
        return -1;
    /* What was counted says whether a key keeps its values. */
    if (wayback_weigh(g, err) != 0 || estimate_room(g, err) != 0 || estimate_block(g, err) != 0)
        return -1;
    return (g->proof = proof_read(g->control, err)) != NULL ? 0 : -1;
}

/* All that was found out; the plan and its reverse too unless they are KEPT ones. */
static void forget(struct guard *g, int kept)
{
    struct guard fresh = {.request = g->request, .control = g->control, .main = g->main,
                          .environment = g->environment, .state_dir = g->state_dir, .key = g->key, .ddl = g->ddl};

    if (kept) {
        fresh.plan = g->plan;
        fresh.reverse = g->reverse;
        g->plan = g->reverse = NULL;
    }
    forget_findings(g);
    *g = fresh;
}

/* What planning reads is locked: say by whom, and wait for it as for the run's own locks. */
static int wait_for_lock(struct guard *g, time_t *end, struct err *err)
{
    struct err why = {0};

    /* What alembic took for the plan itself does not count. */
    if (*end == 0)
        *end = time(NULL) + (time_t)(g->request->lock_deadline_ms / 1000);
    if (!g->request->patient || !holder_is_lock(err) || time(NULL) >= *end)
        return 0;
    holder_name(g, err);
    log_warn("waiting: %s%s%s", err->message, err->detail[0] != '\0' ? ": " : "", err->detail);
    tx_rollback(g->main);
    tx_rollback(g->control);
    if (interrupt_check(&why) != 0) {
        *err = why;
        return 0;
    }
    err_clear(err);
    return 1;
}

int guard_examine(struct guard *g, const char *revision, struct err *err)
{
    struct plan_request q = g->request->plan;
    time_t end = 0;

    if (revision != NULL)
        q.revision = revision;
    q.both = 1;
    if (identity(g, err) != 0)
        return -1;
    /* A pooler's backends are shared: what a plan reads there would be true of another session. */
    if (g->nrefusals > 0)
        return 0;
    while ((g->plan = plan_make(&q, g->main, err)) == NULL || examine(g, 1, err) != 0) {
        if (!wait_for_lock(g, &end, err)) {
            holder_name(g, err);
            return -1;
        }
        forget(g, 0);
    }
    return 0;
}

int guard_examine_kept(struct guard *g, struct plan *plan, struct plan *reverse, int judged,
                       struct err *err)
{
    time_t end = 0;

    g->plan = plan;
    g->reverse = reverse;
    if (identity(g, err) != 0)
        return -1;
    while (g->nrefusals == 0 && examine(g, judged, err) != 0) {
        if (!wait_for_lock(g, &end, err)) {
            holder_name(g, err);
            return -1;
        }
        forget(g, 1);
    }
    return 0;
}
