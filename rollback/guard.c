#include "rollback/guard.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "backup/keys.h"
#include "core/buf.h"
#include "core/config.h"
#include "core/log.h"
#include "core/report.h"
#include "core/state.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "pg/tx.h"
#include "prodcheck/check.h"
#include "prodcheck/verdict.h"
#include "rollback/execute.h"
#include "rollback/proof.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/statement.h"
#include "validate/hazard.h"
#include "validate/judge.h"

static const char sizes_sql[] =
#include "rollback/sql/sizes.sql.h"
    ;

/* What a copy does on a slow machine; an estimate that is too short would break its promise. */
enum { COPY_BYTES_PER_MS = 40000, SHORT_MS = 1000 };

int64_t guard_copy_ms(uint64_t bytes)
{
    return (int64_t)(bytes / COPY_BYTES_PER_MS);
}

int guard_refuse(struct guard *g, struct err *err, const char *name, int may_force, const char *hint,
                 const char *fmt, ...)
{
    struct guard_refusal *more = realloc(g->refusals, (g->nrefusals + 1) * sizeof(*more));
    struct guard_refusal *r;
    char text[2048];
    va_list ap;

    if (more == NULL)
        return err_oom(err);
    g->refusals = more;
    r = &more[g->nrefusals];
    memset(r, 0, sizeof(*r));
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    g->nrefusals++;
    r->may_force = may_force;
    return strings_dup(&r->name, name, err) != 0 || strings_dup(&r->message, text, err) != 0 ||
                   strings_dup(&r->hint, hint, err) != 0
               ? -1
               : 0;
}

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
    if ((g->control = conn_open(&o, CONN_OWN, err)) != NULL &&
        (g->main = conn_again(g->control, CONN_MIGRATION, err)) != NULL)
        rc = 0;
    free(url);
    return rc;
}

/* A misspelt name must not look like a check that was skipped. */
static int check_force(const struct cli_list *force, struct err *err)
{
    static const char *const ours[] = {"gate", "validate", "missing", "max-block", "room", "online"};

    for (size_t i = 0; force != NULL && i < force->count; i++)
        for (const char *at = force->items[i]; *at != '\0';) {
            size_t n = strcspn(at, ",");
            char name[64];
            int known = 0;

            (void)snprintf(name, sizeof(name), "%.*s", (int)n, at);
            for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++)
                known |= strcmp(ours[k], name) == 0;
            if (!known && hazard_find(name) == NULL && check_find(name) == NULL) {
                (void)err_set(err, ERR_USAGE, "--force does not know \"%s\"", name);
                err_hint(err, "it takes check ids, hazard codes, \"gate\", \"validate\", \"missing\", "
                              "\"max-block\", \"room\" and \"online\"; \"mig-rollback plan\" names them");
                return -1;
            }
            at += n + (at[n] == ',');
        }
    return 0;
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
    if (check_force(r->force, err) != 0)
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

void guard_free(struct guard *g)
{
    if (g == NULL)
        return;
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
        guard_refuse(g, err, "standby", 0, "connect to the primary", "%s is a standby",
                     conn_title(g->control)) != 0)
        return -1;
    if ((e->pooled || conn_pooled(g->main)) &&
        guard_refuse(g, err, "pooler", 0, "use the server's own address: $MIG_DATABASE_URL or --dbname",
                     "%s is a pooler in transaction mode: locks and sessions would not be ours",
                     conn_title(g->control)) != 0)
        return -1;
    if (e->contradiction && guard_refuse(g, err, "environment", 0, "correct --env, $MIG_ENV or the address",
                                         "%s", e->why) != 0)
        return -1;
    return 0;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static int judge_steps(struct guard *g, struct err *err)
{
    struct err one = {0};

    if (g->plan->nsteps == 0)
        return guard_refuse(g, err, "nothing", 0, NULL, "there is nothing to do: the database is there already");
    for (size_t i = 0; i < g->plan->nsteps; i++) {
        const struct plan_step *s = &g->plan->steps[i];

        if (s->irreversible &&
            guard_refuse(g, err, "irreversible", 0, "write the downgrade, or go back with a restore",
                         "%s has no downgrade: %s", s->revision,
                         s->irreversible_why != NULL ? s->irreversible_why : "it is empty") != 0)
            return -1;
        if (s->online_only) {
            g->command = 1;
            if (guard_refuse(g, err, "online", 1,
                             "make it work with \"alembic downgrade --sql\"; or --force online --reason TEXT",
                             "%s cannot be rendered as SQL (%s): alembic would run it and commit by itself; the "
                             "backup comes before, without locks, and the verification after",
                             s->revision,
                             s->online_why != NULL ? s->online_why : "it needs a live connection") != 0)
                return -1;
        }
        if (!s->online_only && !s->irreversible && s->script == NULL &&
            guard_refuse(g, err, "online", 0, NULL, "%s has no SQL", s->revision) != 0)
            return -1;
    }
    if (execute_runnable(g->plan, &one) != 0 &&
        guard_refuse(g, err, "segments", 0, NULL, "%s", one.message) != 0)
        return -1;
    return 0;
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
        if (guard_refuse(g, err, "missing", 1, "is this the right database, and the right search_path?",
                         "the script names %s, which is not in the database", g->closure->missing[i]) != 0)
            return -1;
    return 0;
}

static int find_sizes(struct guard *g, struct err *err)
{
    const struct closure *c = g->closure;
    struct query q = {.sql = sizes_sql, .nparams = 1, .columns = 4};
    struct catalog_table **catalog = NULL;
    struct result *r = NULL;
    struct buf oids = {0};
    uint32_t *numbers = calloc(c->ntables + 1, sizeof(*numbers));
    const char *param;
    int rc = -1;

    g->tables = calloc(c->ntables + 1, sizeof(*g->tables));
    if (numbers == NULL || g->tables == NULL) {
        (void)err_oom(err);
        goto out;
    }
    if (buf_addc(&oids, '{', err) != 0)
        goto out;
    for (size_t i = 0; i < c->ntables; i++) {
        numbers[i] = c->tables[i].oid;
        g->tables[i].rows = -1;
        if (buf_addf(&oids, err, "%s%u", i > 0 ? "," : "", numbers[i]) != 0)
            goto out;
    }
    if (buf_addc(&oids, '}', err) != 0)
        goto out;
    param = oids.data;
    q.params = &param;
    if ((r = query_run(g->control, &q, err)) == NULL)
        goto out;
    for (int k = 0; k < result_rows(r); k++)
        for (size_t i = 0; i < c->ntables; i++)
            if (numbers[i] == (uint32_t)result_int(r, k, 0)) {
                g->tables[i].bytes = result_int(r, k, 1);
                g->tables[i].rows = result_int(r, k, 2);
            }
    if (c->ntables > 0 &&
        (catalog = catalog_tables_get(g->control, numbers, c->ntables, err)) == NULL)
        goto out;
    for (size_t i = 0; i < c->ntables; i++) {
        g->tables[i].keyed = catalog[i] != NULL && catalog[i]->nkeys > 0;
        if (closure_table_at_risk(&c->tables[i]))
            g->bytes += (uint64_t)g->tables[i].bytes;
    }
    g->copy_ms = guard_copy_ms(g->bytes);
    g->short_copy = g->copy_ms < SHORT_MS;
    rc = 0;
out:
    catalog_tables_free(catalog, c->ntables);
    result_free(r);
    buf_free(&oids);
    free(numbers);
    return rc;
}

static int find_way_back(struct guard *g, struct err *err)
{
    struct err why = {0};

    if (g->plan->direction == PLAN_SQL)
        return strings_dup(&g->reverse_why, "another tool's script: its way forward is not known", err);
    if ((g->reverse = plan_reverse(g->plan, &g->request->plan, g->main, &why)) != NULL)
        return 0;
    if (why.kind == ERR_INTERRUPTED) {
        *err = why;
        return -1;
    }
    return strings_dup(&g->reverse_why, why.message, err);
}

/* The rules of DESIGN.md, section 9: what undo could not put back is said beforehand. */
static int weigh_undo(struct guard *g, struct err *err)
{
    struct err one = {0};

    g->undo = UNDO_EXACT;
    if (g->request->backup == ROLLBACK_NONE) {
        g->undo = UNDO_IMPOSSIBLE;
        return strings_dup(&g->undo_why, "no backup is taken", err);
    }
    if (g->reverse == NULL) {
        g->undo = UNDO_IMPOSSIBLE;
        return strings_dup(&g->undo_why, g->reverse_why, err);
    }
    for (size_t i = 0; i < g->reverse->nsteps; i++)
        if (g->reverse->steps[i].online_only || g->reverse->steps[i].script == NULL) {
            g->undo = UNDO_IMPOSSIBLE;
            return strings_dup(&g->undo_why, "an upgrade cannot be rendered as SQL", err);
        }
    for (size_t i = 0; i < g->closure->ntables; i++) {
        const struct closure_table *t = &g->closure->tables[i];

        if (closure_table_at_risk(t) && (t->fate & CLOSURE_DROPPED) == 0 && !g->tables[i].keyed) {
            struct buf b = {0};

            if (buf_addf(&b, err, "%s.%s has no key to put its values back by", t->schema, t->name) != 0)
                return -1;
            g->undo = UNDO_IMPOSSIBLE;
            g->undo_why = b.data;
            return 0;
        }
    }
    if (execute_one_transaction(g->reverse, &one) != 0) {
        g->undo = UNDO_STAGED;
        return strings_dup(&g->undo_why, one.message, err);
    }
    return 0;
}

/* ---- what it would do ------------------------------------------------------------------------ */

static int validate(struct guard *g, struct err *err)
{
    struct judge_options o = {.config = g->request->config, .max_loss_rows = -1,
                              .jobs = g->request->common->jobs,
                              .show_values = g->request->common->show_values};

    if ((g->judgement = judge_run(g->plan, g->main, &o, err)) == NULL)
        return -1;
    for (size_t i = 0; i < g->judgement->nfindings; i++) {
        const struct finding *f = &g->judgement->findings[i];

        /* The plan's own refusal says it better. */
        if (f->ignored != NULL || (g->command && strcmp(f->code, "online-only") == 0))
            continue;
        if (f->opaque &&
            guard_refuse(g, err, f->code, 1, f->remedy, "%s: nobody can say what it does (%s)",
                         f->object != NULL ? f->object : f->hazard, f->message) != 0)
            return -1;
        if (f->predicted_failure &&
            guard_refuse(g, err, f->code, 1, f->remedy, "it would fail: %s", f->message) != 0)
            return -1;
        if (f->has_loss && (f->loss_rows > 0 || !f->loss_exact) && !f->covered && !f->opaque &&
            g->request->backup != ROLLBACK_NONE &&
            guard_refuse(g, err, f->code, 1, f->remedy, "no backup of the tables covers this loss: %s",
                         f->message) != 0)
            return -1;
    }
    /* What triggers and rules do is verified before COMMIT (proof_writes). */
    if (!g->command && g->judgement->verdict == JUDGE_UNKNOWN && !g->judgement->only_fires &&
        g->judgement->why_unknown != NULL &&
        guard_refuse(g, err, "validate", 1, NULL, "%s", g->judgement->why_unknown) != 0)
        return -1;
    if (g->closure->opaque > 0 && g->judgement->nfindings == 0 &&
        guard_refuse(g, err, "validate", 1, NULL, "%zu statement%s whose reach nobody can know",
                     g->closure->opaque, g->closure->opaque == 1 ? "" : "s") != 0)
        return -1;
    return 0;
}

static int gate(struct guard *g, struct err *err)
{
    struct verdict_options o = {
        .config = g->request->config,
        .environment = g->environment,
        .keys = g->request->keys,
        .plan = g->plan,
        .closure = g->closure,
        .strict = g->request->config != NULL && config_boolean(g->request->config, "prodcheck.strict"),
        .no_backup_check = 1,
    };
    size_t before = g->nrefusals;

    if ((g->verdict = verdict_run(g->control, &o, err)) == NULL)
        return -1;
    if (g->verdict->answer == VERDICT_GO)
        return 0;
    for (size_t i = 0; i < g->verdict->nchecks; i++) {
        const struct check_result *c = &g->verdict->checks[i];

        if ((c->status == CHECK_FAIL || c->status == CHECK_ERROR) &&
            guard_refuse(g, err, c->id, 1, c->remedy, "check %s: %s", c->id,
                         c->message != NULL ? c->message : check_status_name(c->status)) != 0)
            return -1;
    }
    /* Warnings alone can make it no-go (strict): no-go is never passed over. */
    for (size_t i = 0; g->nrefusals == before && i < g->verdict->nchecks; i++) {
        const struct check_result *c = &g->verdict->checks[i];

        if (c->status == CHECK_WARN &&
            guard_refuse(g, err, c->id, 1, c->remedy, "check %s: %s (warnings are no-go: prodcheck.strict)",
                         c->id, c->message != NULL ? c->message : check_status_name(c->status)) != 0)
            return -1;
    }
    if (g->nrefusals == before)
        return guard_refuse(g, err, "gate", 1, NULL, "the gate answered %s",
                            verdict_answer_name(g->verdict->answer));
    return 0;
}

/* ---- can the backup be taken ----------------------------------------------------------------- */

static int backup_room(struct guard *g, struct err *err)
{
    const char *dir = state_shelf(g->request->common, g->request->config);
    struct statvfs fs;
    struct err why = {0};
    char have[32], need[32];
    /* Compressed at least two to one, or the disk is not the bottleneck. */
    uint64_t bytes = g->bytes / 2 + (8U << 20);

    if (g->request->backup == ROLLBACK_NONE)
        return 0;
    if (keyring_can_write(g->request->keys, &why) != 0 &&
        guard_refuse(g, err, "key", 0, why.hint[0] != '\0' ? why.hint : NULL, "%s", why.message) != 0)
        return -1;
    if (statvfs(dir, &fs) != 0 && (errno != ENOENT || statvfs(".", &fs) != 0))
        return 0;
    if ((uint64_t)fs.f_bavail * fs.f_frsize < bytes &&
        guard_refuse(g, err, "room", 1, "free some, or name another folder with --dir",
                     "the shelf \"%s\" has %s left, the backup may need %s", dir,
                     report_bytes((uint64_t)fs.f_bavail * fs.f_frsize, have),
                     report_bytes(bytes, need)) != 0)
        return -1;
    return 0;
}

static int block_limit(struct guard *g, struct err *err)
{
    char is[32], max[32];

    if (g->command || g->request->backup != ROLLBACK_LOCKED || g->copy_ms <= g->request->max_block_ms)
        return 0;
    return guard_refuse(g, err, "max-block", 1,
                        "--scope loss saves only what is lost; --backup before copies first and locks "
                        "shortly; --max-block allows more",
                        "writers would wait about %s for the copy, more than --max-block %s",
                        report_duration(g->copy_ms, is), report_duration(g->request->max_block_ms, max));
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
    return guard_refuse(g, err, "plan", 0, "look at the plan again: mig-rollback plan",
                        "the plan is not the one that was reviewed: %.16s, not %.16s", g->digest, given);
}

static int examine(struct guard *g, int judged, struct err *err)
{
    if (judge_steps(g, err) != 0)
        return -1;
    if (find_closure(g, judged, err) != 0 || find_sizes(g, err) != 0)
        return -1;
    if (g->reverse == NULL && g->plan->nsteps > 0 && find_way_back(g, err) != 0)
        return -1;
    if (weigh_undo(g, err) != 0 || mix_digest(g, err) != 0 || check_digest(g, err) != 0)
        return -1;
    if (g->plan->nsteps == 0)
        return 0;
    if (judged && (validate(g, err) != 0 || gate(g, err) != 0))
        return -1;
    if (backup_room(g, err) != 0 || block_limit(g, err) != 0)
        return -1;
    return (g->proof = proof_read(g->control, err)) != NULL ? 0 : -1;
}

int guard_examine(struct guard *g, const char *revision, struct err *err)
{
    struct plan_request q = g->request->plan;

    if (revision != NULL)
        q.revision = revision;
    if (identity(g, err) != 0)
        return -1;
    /* A pooler's backends are shared: what a plan reads there would be true of another session. */
    if (g->nrefusals > 0)
        return 0;
    if ((g->plan = plan_make(&q, g->main, err)) == NULL)
        return -1;
    return examine(g, 1, err);
}

int guard_examine_kept(struct guard *g, struct plan *plan, struct plan *reverse, int judged,
                       struct err *err)
{
    g->plan = plan;
    g->reverse = reverse;
    if (identity(g, err) != 0)
        return -1;
    return g->nrefusals > 0 ? 0 : examine(g, judged, err);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static int is_forced(const struct guard *g, const struct guard_refusal *r)
{
    const struct cli_list *force = g->request->force;
    int is_check = 0;

    for (size_t i = 0; g->verdict != NULL && i < g->verdict->nchecks; i++)
        if (strcmp(g->verdict->checks[i].id, r->name) == 0)
            is_check = 1;
    for (size_t i = 0; r->may_force && force != NULL && i < force->count; i++)
        for (const char *at = force->items[i]; *at != '\0';) {
            size_t n = strcspn(at, ",");

            if (strlen(r->name) == n && memcmp(at, r->name, n) == 0)
                return 1;
            if (n == 4 && memcmp(at, "gate", 4) == 0 && is_check)
                return 1;
            if (n == 8 && memcmp(at, "validate", 8) == 0 && !is_check)
                return 1;
            at += n + (at[n] == ',');
        }
    return 0;
}

int guard_answer(const struct guard *g, struct err *err)
{
    const struct guard_refusal *first = NULL;
    struct buf others = {0};
    struct err ignored = {0};

    for (size_t i = 0; i < g->nrefusals; i++) {
        struct guard_refusal *r = &g->refusals[i];

        r->forced = is_forced(g, r);
        if (r->forced)
            continue;
        if (first == NULL)
            first = r;
        else if (buf_addf(&others, &ignored, "%s%s", others.len > 0 ? "; " : "", r->message) != 0)
            break;
    }
    if (first == NULL)
        return 0;
    /* A missing key is a matter of flags and files, not of the database. */
    (void)err_set(err, strcmp(first->name, "key") == 0 ? ERR_USAGE : ERR_REFUSED, "%s", first->message);
    if (others.len > 0)
        err_detail(err, "also: %s", others.data);
    if (first->hint != NULL && first->hint[0] != '\0')
        err_hint(err, "%s", first->hint);
    else if (first->may_force)
        err_hint(err, "in an incident: --force %s --reason TEXT (it is logged, and still backs up)",
                 first->name);
    buf_free(&others);
    return -1;
}
