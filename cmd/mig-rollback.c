/* mig-rollback: run a downgrade under guard; resume after a crash; undo. */
#include <stdlib.h>
#include <string.h>

#include "backup/keys.h"
#include "backup/keysource.h"
#include "core/audit.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/confirm.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/report.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "rollback/command.h"
#include "rollback/fate.h"
#include "rollback/guard.h"
#include "rollback/outline.h"
#include "rollback/recorded.h"
#include "rollback/refusal.h"
#include "rollback/run.h"
#include "rollback/saved.h"
#include "rollback/undo.h"
#include "rollback/view.h"

enum { TEXT, JSON };

static const char *const formats[] = {"text", "json", NULL};
static const char *const backups[] = {"locked", "before", "none", NULL};
static const char *const scopes[] = {"tables", "loss", NULL};
static const char *const conflicts[] = {"fail", "keep", "overwrite", NULL};
static const char *const verifies[] = {"quick", "full", NULL};

struct given {
    struct cli_common common;
    const char *to_backup, *save, *plan, *no_backup, *smoke_command, *current, *current_from;
    struct cli_list sql, undo_sql, force, smoke;
    int back, backup, scope, verify, on_conflict, cancel, terminate, dry_run, no_sql;
    int64_t max_block, lock_deadline, lock_timeout, statement_timeout;
};

/* What every command opens, in this order; closed in the other. */
struct session {
    struct given *given;
    struct config *config;
    struct keyring *keys;
    struct rollback_request request;
    const char **smoke;
    struct report report;
    struct audit *audit;
    char log_head[65]; /* "" before session_log */
    struct guard *guard;
    char *recalled;    /* the revision that --plan DIGEST was made for */
};

static const char *or_config(const char *value, const struct config *c, const char *key)
{
    return value != NULL ? value : config_string(c, key);
}

static int64_t or_duration(int64_t value, const struct config *c, const char *key)
{
    return value >= 0 ? value : config_integer(c, key);
}

static int list_smoke(struct session *s, struct err *err)
{
    const struct cli_list *given = &s->given->smoke;
    size_t n = given->count > 0 ? given->count : config_count(s->config, "rollback.smoke");

    if ((s->smoke = calloc(n + 1, sizeof(*s->smoke))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < n; i++)
        s->smoke[i] = given->count > 0 ? given->items[i] : config_item(s->config, "rollback.smoke", i);
    s->request.smoke = s->smoke;
    return 0;
}

/* --plan takes a digest or a file: hexadecimal digits are a digest. */
static int is_digest(const char *text)
{
    return text != NULL && text[0] != '\0' && text[strspn(text, "0123456789abcdef")] == '\0';
}

/* The digest alone says where to. */
static int by_digest(const struct given *g)
{
    return is_digest(g->plan) && g->sql.count == 0 && g->to_backup == NULL;
}

static int make_request(struct session *s, const char *revision, struct err *err)
{
    struct given *g = s->given;
    struct cli_common *c = &g->common;
    struct rollback_request *r = &s->request;
    struct plan_request *p = &r->plan;

    p->direction = g->sql.count > 0 ? PLAN_SQL : PLAN_DOWN;
    p->revision = revision;
    p->sql_files = g->sql.items;
    p->nsql_files = g->sql.count;
    p->undo_files = g->undo_sql.items;
    p->nundo_files = g->undo_sql.count;
    p->current = g->current;
    p->current_from = g->current_from;
    p->alembic_config = c->alembic_config;
    p->alembic_name = c->alembic_name;
    p->alembic_command = c->alembic_command;
    p->versions = c->versions;
    p->version_table = c->version_table;
    plan_request_settle(p, s->config);
    r->common = c;
    r->config = s->config;
    r->keys = s->keys;
    r->digest = is_digest(g->plan) ? g->plan : NULL;
    r->backup = (enum rollback_backup)(g->backup >= 0 ? g->backup
                                                      : config_choice(s->config, "rollback.backup"));
    r->no_backup = g->no_backup;
    if (g->no_backup != NULL && g->backup < 0)
        r->backup = ROLLBACK_NONE;
    r->loss_scope = g->scope >= 0 ? g->scope : config_choice(s->config, "rollback.scope");
    r->verify_full = g->verify >= 0 ? g->verify : config_choice(s->config, "rollback.verify");
    r->max_block_ms = or_duration(g->max_block, s->config, "rollback.max_block");
    r->lock_deadline_ms = or_duration(g->lock_deadline, s->config, "rollback.lock_deadline");
    r->lock_timeout_ms = or_duration(g->lock_timeout, s->config, "rollback.lock_timeout");
    r->statement_timeout_ms = or_duration(g->statement_timeout, s->config, "rollback.statement_timeout");
    r->smoke_command = or_config(g->smoke_command, s->config, "rollback.smoke_command");
    r->on_conflict = g->on_conflict >= 0 ? g->on_conflict : 0;
    r->force = &g->force;
    r->cancel_blockers = g->cancel;
    r->terminate_blockers = g->terminate;
    r->dry_run = g->dry_run;
    if (r->backup == ROLLBACK_NONE && (r->no_backup == NULL || r->no_backup[0] == '\0')) {
        (void)err_set(err, ERR_USAGE, "to go without a backup needs a reason");
        err_hint(err, "--no-backup REASON");
        return -1;
    }
    if (r->backup != ROLLBACK_NONE && r->no_backup != NULL)
        return err_set(err, ERR_USAGE, "--no-backup contradicts --backup %s", backups[r->backup]);
    if (g->force.count > 0 && c->reason == NULL) {
        (void)err_set(err, ERR_USAGE, "--force needs a reason");
        err_hint(err, "add --reason TEXT: it is logged");
        return -1;
    }
    return list_smoke(s, err);
}

/* Where to, of a plan that is known by its digest: the log says what it was made for.  What comes out of
 * it is planned anew and compared with the digest. */
static int recall(struct session *s, const char *log, const char **revision, struct err *err)
{
    json_t *line = audit_last(log, "rollback plan", "plan", s->given->plan);
    const char *target = json_string_value(json_object_get(line, "target"));
    int rc = -1;

    if (target == NULL) {
        (void)err_set(err, ERR_USAGE, "where to is not said, and no plan %s to a revision is in the log \"%s\"",
                      s->given->plan, log);
        err_hint(err, "a revision (-1, an id, base), --to-backup FILE, --sql FILE or --plan FILE");
    } else if (strings_dup(&s->recalled, target, err) == 0) {
        *revision = s->recalled;
        rc = 0;
    }
    json_decref(line);
    return rc;
}

static int session_open(struct session *s, struct given *g, const char *operation, const char *revision,
                        struct err *err)
{
    char *log = NULL, *dir = NULL;
    const char *is_volatile;
    int rc = -1;

    memset(s, 0, sizeof(*s));
    s->given = g;
    if ((s->config = config_load(g->common.config, err)) == NULL ||
        (log = state_log(&g->common, s->config, err)) == NULL ||
        (revision == NULL && by_digest(g) && recall(s, log, &revision, err) != 0) ||
        report_open(&s->report, &g->common.formats, formats, err) != 0 ||
        (s->keys = keyring_load(&g->common, s->config, err)) == NULL ||
        make_request(s, revision, err) != 0)
        goto out;
    if ((dir = state_dir(&g->common, s->config, err)) == NULL ||
        state_make(dir, &is_volatile, err) != 0 ||
        (s->audit = audit_begin(log, operation, g->common.argc, g->common.argv, g->common.reason, err)) ==
            NULL)
        goto out;
    if ((s->guard = guard_open(&s->request, err)) == NULL)
        goto out;
    audit_add(s->audit, "server", json_string(conn_title(s->guard->control)));
    audit_add(s->audit, "database", json_string(s->guard->environment->database));
    audit_add(s->audit, "role", json_string(conn_user(s->guard->control)));
    if (s->guard->environment->name != NULL)
        audit_add(s->audit, "environment", json_string(s->guard->environment->name));
    rc = 0;
out:
    free(log);
    free(dir);
    return rc;
}

/* Write the log's line, once, as RC and *ERR have it, so that what is shown can name its head.  Returns
 * RC, or -1 where the line could not be written. */
static int session_log(struct session *s, int rc, struct err *err)
{
    struct err why = {0};

    if (s->audit == NULL)
        return rc;
    if (audit_end(s->audit, err, NULL, s->log_head, &why) == 0)
        log_info("log head %s", s->log_head);
    else if (rc == 0) {
        *err = why;
        rc = -1;
    } else {
        log_warn("%s", why.message);
    }
    audit_free(s->audit);
    s->audit = NULL;
    return rc;
}

/* RC 0 or -1 with *ERR. Returns the same, or -1 where the log or a report could not be written. */
static int session_close(struct session *s, int rc, struct err *err)
{
    struct err why = {0};

    rc = session_log(s, rc, err);
    if (rc == 0)
        rc = report_close(&s->report, err);
    else if (s->report.outputs != NULL && report_close(&s->report, &why) != 0)
        log_warn("%s", why.message);
    report_discard(&s->report);
    guard_free(s->guard);
    keyring_free(s->keys);
    config_free(s->config);
    free((void *)(uintptr_t)s->smoke);
    free(s->recalled);
    return rc;
}

/* Takes J. */
static int show_json(const struct session *s, json_t *j, FILE *out, struct err *err)
{
    int rc = -1;

    if (j == NULL)
        return -1;
    if (s->log_head[0] != '\0' && json_object_set_new(j, "log_head", json_string(s->log_head)) != 0)
        (void)err_oom(err);
    else
        rc = report_json(out, j, err);
    json_decref(j);
    return rc;
}

static int show_plan(struct session *s, struct err *err)
{
    for (size_t i = 0; i < s->report.count; i++) {
        struct report_output *o = &s->report.outputs[i];

        if (o->format == TEXT)
            view_plan(s->guard, o->out);
        else if (show_json(s, view_plan_json(s->guard, err), o->out, err) != 0)
            return -1;
    }
    return 0;
}

static int show_outcome(struct session *s, const struct outcome_report *r, struct err *err)
{
    for (size_t i = 0; i < s->report.count; i++) {
        struct report_output *o = &s->report.outputs[i];

        if (o->format == TEXT)
            view_outcome(r, o->out);
        else if (show_json(s, view_outcome_json(r, err), o->out, err) != 0)
            return -1;
    }
    return 0;
}

/* What never became a run, for a program that reads the result: people read the error. */
static void show_refused(struct session *s, const char *kind, const struct err *err)
{
    struct outcome_report r = {.outcome = OUTCOME_NOT_STARTED};
    struct err why = {0};

    if (strings_dup(&r.kind, kind, &why) == 0 && strings_dup(&r.why, err->message, &why) == 0)
        for (size_t i = 0; i < s->report.count; i++)
            if (s->report.outputs[i].format == JSON &&
                show_json(s, view_outcome_json(&r, &why), s->report.outputs[i].out, &why) != 0)
                break;
    outcome_free(&r);
}

/* One way of saying where to. */
static int need_revision(const struct given *g, int argc, struct err *err)
{
    int ways;

    if (g->undo_sql.count > 0 && g->sql.count == 0)
        return err_set(err, ERR_USAGE, "--undo-sql belongs to --sql");
    ways = (argc > 0) + (g->sql.count > 0) + (g->to_backup != NULL) +
               (g->plan != NULL && !is_digest(g->plan));

    if (ways == 1 || (ways == 0 && by_digest(g)))
        return 0;
    if (ways > 1)
        return err_set(err, ERR_USAGE, "a revision, --sql, --to-backup and --plan FILE exclude each other");
    (void)err_set(err, ERR_USAGE, "where to is not said");
    err_hint(err, "a revision (-1, an id, base), --to-backup FILE, --sql FILE or --plan FILE");
    return -1;
}

/* The plan from wherever it comes, examined.  VALUES: what --to-backup puts back. */
static int examine(struct session *s, struct recorded **recorded, struct run_options *o, char ***notes,
                   struct err *err)
{
    const struct given *g = s->given;
    struct saved saved;

    if (g->plan != NULL && !is_digest(g->plan)) {
        if (saved_read(g->plan, s->keys, &saved, err) != 0)
            return -1;
        if (guard_examine_kept(s->guard, saved.plan, saved.reverse, 1, err) != 0)
            return -1;
        if (strcmp(saved.digest, s->guard->digest) == 0)
            return 0;
        return refusal_add(s->guard, err, "plan", 0, "plan again, and have it reviewed",
                            "the database is not as it was when \"%s\" was saved", g->plan);
    }
    if (g->to_backup == NULL)
        return guard_examine(s->guard, NULL, err);
    if ((*recorded = recorded_open(s->guard, g->to_backup, err)) == NULL ||
        guard_examine(s->guard, recorded_revision(*recorded), err) != 0)
        return -1;
    if (s->guard->plan == NULL)
        return 0;
    return recorded_values(*recorded, s->guard, &o->values, &o->nvalues, notes, err);
}

/* --no-sql: the files alone, no session. */
static int outline_command(struct given *g, const char *revision, struct err *err)
{
    struct plan_request r = {.direction = PLAN_DOWN,
                             .revision = revision,
                             .alembic_config = g->common.alembic_config,
                             .alembic_name = g->common.alembic_name,
                             .versions = g->common.versions,
                             .version_table = g->common.version_table,
                             .current = g->current,
                             .current_from = g->current_from,
                             .no_sql = 1};
    struct report report = {0};
    struct config *config = NULL;
    struct plan *p = NULL;
    json_t *j = NULL;
    int rc = -1;

    if (revision == NULL)
        return err_set(err, ERR_USAGE, "--no-sql plans to a revision");
    if ((config = config_load(g->common.config, err)) == NULL ||
        report_open(&report, &g->common.formats, formats, err) != 0)
        goto out;
    plan_request_settle(&r, config);
    if ((p = plan_make(&r, NULL, err)) == NULL || (j = outline_json(p, err)) == NULL)
        goto out;
    rc = 0;
    for (size_t i = 0; i < report.count && rc == 0; i++) {
        if (report.outputs[i].format == TEXT)
            outline_text(p, report.outputs[i].out);
        else
            rc = report_json(report.outputs[i].out, j, err);
    }
    if (rc == 0)
        rc = report_close(&report, err);
out:
    json_decref(j);
    plan_free(p);
    report_discard(&report);
    config_free(config);
    return rc;
}

static int plan_command(int argc, const char *const *argv, void *context, struct err *err)
{
    struct given *g = context;
    struct recorded *recorded = NULL;
    struct run_options o = {.resume = NULL};
    char **notes = NULL;
    struct session s;
    struct err refused = {0};
    int rc = -1;

    if (need_revision(g, argc, err) != 0)
        return -1;
    if (g->no_sql)
        return outline_command(g, argc > 0 ? argv[0] : NULL, err);
    if (session_open(&s, g, "rollback plan", argc > 0 ? argv[0] : NULL, err) == 0 &&
        examine(&s, &recorded, &o, &notes, err) == 0) {
        int answer = refusal_answer(s.guard, &refused);

        struct err second = {0};

        for (size_t i = 0; notes != NULL && notes[i] != NULL; i++)
            log_warn("%s", notes[i]);
        audit_add(s.audit, "plan", s.guard->digest[0] != '\0' ? json_string(s.guard->digest) : NULL);
        if (argc > 0)
            audit_add(s.audit, "target", json_string(argv[0]));
        if (answer != 0)
            *err = refused;
        else
            rc = g->save != NULL ? saved_write(g->save, s.guard, err) : 0;
        rc = session_log(&s, rc, err);
        if (show_plan(&s, &second) != 0 && rc == 0) {
            *err = second;
            rc = -1;
        }
        if (rc == 0 && g->save != NULL)
            log_info("saved the plan in \"%s\"; to run it: mig-rollback run --plan %s", g->save, g->save);
    }
    strings_free(notes);
    recorded_free(recorded);
    return session_close(&s, rc, err);
}

/* What was confirmed must be what was seen: on standard error where results are not text. */
static void show_before(struct session *s)
{
    if (log_level() >= LOG_INFO)
        view_plan(s->guard, stderr);
}

static int confirm(struct session *s, const char *what, struct err *err)
{
    struct confirm_options o = {
        .name = s->guard->environment->confirm,
        .what = what,
        .required = 1,
        .yes = s->given->common.yes,
        .given = s->given->common.confirm,
    };

    return s->request.dry_run ? 0 : confirm_ask(&o, err);
}

static void log_outcome(struct session *s, const struct outcome_report *r)
{
    const struct guard *g = s->guard;

    audit_add(s->audit, "run", r->run != NULL ? json_string(r->run) : NULL);
    audit_add(s->audit, "from", r->from != NULL ? json_string(r->from) : NULL);
    audit_add(s->audit, "to", r->to != NULL ? json_string(r->to) : NULL);
    audit_add(s->audit, "plan", json_string(g->digest));
    audit_add(s->audit, "backup", r->backup != NULL ? json_string(r->backup) : NULL);
    audit_add(s->audit, "outcome", json_string(outcome_name(r->outcome)));
    for (size_t i = 0; i < g->nrefusals; i++)
        if (g->refusals[i].forced)
            audit_add(s->audit, "forced", json_true());
}

/* What fails after COMMIT (the log, a report, a closed pipe) must not look as if nothing had been done. */
static void say_committed(const struct outcome_report *r, int rc, struct err *err)
{
    if (rc == 0 || r->run == NULL || r->outcome != OUTCOME_COMMITTED || err->kind == ERR_NONE)
        return;
    err->kind = ERR_UNFINISHED;
    (void)err_prefix(err, "%s %s is committed; but", r->kind, r->run);
}

static int run_command_(int argc, const char *const *argv, void *context, struct err *err)
{
    struct recorded *recorded = NULL;
    struct run_options o = {.resume = NULL};
    char **notes = NULL;
    struct outcome_report r = {0};
    struct session s;
    struct err second = {0};
    int rc = -1;

    if (need_revision(context, argc, err) != 0)
        return -1;
    if (session_open(&s, context, "rollback run", argc > 0 ? argv[0] : NULL, err) != 0 ||
        examine(&s, &recorded, &o, &notes, err) != 0)
        goto out;
    rc = refusal_answer(s.guard, err);
    show_before(&s);
    for (size_t i = 0; notes != NULL && notes[i] != NULL; i++)
        log_warn("%s", notes[i]);
    if (rc != 0 || (rc = confirm(&s, "roll back", err)) != 0)
        goto out;
    rc = s.guard->command ? command_run(s.guard, &r, err) : run_guarded(s.guard, &o, &r, err);
    log_outcome(&s, &r);
    rc = session_log(&s, rc, err);
    if (r.run != NULL && show_outcome(&s, &r, &second) != 0 && rc == 0) {
        *err = second;
        rc = -1;
    }
out:
    rc = session_log(&s, rc, err);
    if (r.run == NULL)
        show_refused(&s, "rollback", err);
    rc = session_close(&s, rc, err);
    say_committed(&r, rc, err);
    strings_free(notes);
    recorded_free(recorded);
    outcome_free(&r);
    return rc;
}

static int go_on(int argc, const char *const *argv, struct given *g, int resume, struct err *err)
{
    struct outcome_report r = {0};
    struct undo *u = NULL;
    struct session s;
    struct err second = {0};
    const char *run = argc > 0 ? argv[0] : NULL;
    int rc = -1;

    if (session_open(&s, g, resume ? "rollback resume" : "rollback undo", NULL, err) != 0 ||
        (u = resume && g->back ? undo_back(s.guard, run, err)
              : resume          ? undo_resume(s.guard, run, err)
                                : undo_open(s.guard, run, err)) == NULL)
        goto out;
    rc = refusal_answer(s.guard, err);
    show_before(&s);
    if (log_level() >= LOG_INFO && undo_backup(u) != NULL && !resume)
        fprintf(stderr, "Undoes run %s; values come from %s\n", undo_of(u), undo_backup(u));
    if (rc != 0 || (rc = confirm(&s, !resume ? "undo the rollback" : g->back ? "go back to where the run began" : "go on with the run", err)) != 0)
        goto out;
    rc = undo_run(u, s.guard, &r, err);
    log_outcome(&s, &r);
    rc = session_log(&s, rc, err);
    if (r.run != NULL && show_outcome(&s, &r, &second) != 0 && rc == 0) {
        *err = second;
        rc = -1;
    }
out:
    rc = session_log(&s, rc, err);
    if (r.run == NULL)
        show_refused(&s, resume ? "resume" : "undo", err);
    undo_free(u);
    rc = session_close(&s, rc, err);
    say_committed(&r, rc, err);
    outcome_free(&r);
    return rc;
}

static int undo_command(int argc, const char *const *argv, void *context, struct err *err)
{
    return go_on(argc, argv, context, 0, err);
}

static int resume_command(int argc, const char *const *argv, void *context, struct err *err)
{
    return go_on(argc, argv, context, 1, err);
}

static int status_command(int argc, const char *const *argv, void *context, struct err *err)
{
    struct fate f = {0};
    struct session s;
    struct err second = {0};
    int rc = -1;

    if (session_open(&s, context, "rollback status", NULL, err) == 0) {
        rc = fate_read(s.guard, argc > 0 ? argv[0] : NULL, &f, err);
        rc = session_log(&s, rc, err);
        if (f.report.to != NULL && show_outcome(&s, &f.report, &second) != 0 && rc == 0) {
            *err = second;
            rc = -1;
        }
    }
    rc = session_close(&s, rc, err);
    fate_free(&f);
    return rc;
}

static int list_command(int argc, const char *const *argv, void *context, struct err *err)
{
    struct session s;
    char **runs = NULL;
    json_t *all = json_array();
    size_t n = 0;
    int rc = -1;

    (void)argc;
    (void)argv;
    if (session_open(&s, context, "rollback list", NULL, err) != 0 ||
        journal_list(s.guard->state_dir, s.guard->key, &runs, &n, err) != 0)
        goto out;
    for (size_t i = 0; i < n; i++) {
        struct fate f = {0};
        struct err why = {0};
        json_t *j;

        if (fate_read(s.guard, runs[i], &f, &why) != 0 && f.report.to == NULL) {
            log_warn("run %s: %s", runs[i], why.message);
            fate_free(&f);
            continue;
        }
        for (size_t k = 0; k < s.report.count; k++)
            if (s.report.outputs[k].format == TEXT)
                fprintf(s.report.outputs[k].out, "%s  %-8s  %-11s  %s -> %s%s\n", f.report.run,
                        f.report.kind, outcome_name(f.report.outcome), f.report.from, f.report.to,
                        f.undone_by != NULL ? "  (undone)" : "");
        j = view_outcome_json(&f.report, err);
        fate_free(&f);
        if (j == NULL || json_array_append_new(all, j) != 0)
            goto out;
    }
    if (n == 0)
        log_info("no run of this database is known in \"%s\"; that does not mean that nothing happened",
                 s.guard->state_dir);
    rc = session_log(&s, 0, err);
    for (size_t k = 0; k < s.report.count && rc == 0; k++)
        if (s.report.outputs[k].format == JSON)
            rc = show_json(&s, json_pack("{s:s, s:O}", "schema", "mig-rollback/1", "runs", all),
                           s.report.outputs[k].out, err);
out:
    journal_list_free(runs, n);
    json_decref(all);
    return session_close(&s, rc, err);
}

int main(int argc, char **argv)
{
    static struct given g = {.backup = -1, .scope = -1, .verify = -1, .on_conflict = -1, .max_block = -1,
                             .lock_deadline = -1, .lock_timeout = -1, .statement_timeout = -1};
    static const struct cli_option plan_options[] = {
        {"sql", 0, CLI_LIST, &g.sql, "FILE", "another tool's script instead of a revision", NULL, 0, 0},
        {"undo-sql", 0, CLI_LIST, &g.undo_sql, "FILE", "with --sql: the script that goes forward again, for undo", NULL, 0, 0},
        {"to-backup", 0, CLI_STRING, &g.to_backup, "FILE", "back to the version rows that a pre-deploy "
         "backup recorded, and the values that the upgrade destroyed", NULL, 0, 0},
        {"save", 0, CLI_STRING, &g.save, "FILE", "save the plan for run --plan FILE", NULL, 0, 0},
        {"current", 0, CLI_STRING, &g.current, "REV,...", "plan from these version rows", NULL, 0, 0},
        {"current-from", 0, CLI_STRING, &g.current_from, "DIR", "plan from the heads of another checkout",
         NULL, 0, 0},
        {"no-sql", 0, CLI_FLAG, &g.no_sql, NULL, "from the revision files alone: no database, no Python",
         NULL, 0, 0},
        {"backup", 0, CLI_CHOICE, &g.backup, NULL, "when the backup is taken", backups, 0, 0},
        {"no-backup", 0, CLI_STRING, &g.no_backup, "REASON", "go without a backup", NULL, 0, 0},
        {"scope", 0, CLI_CHOICE, &g.scope, NULL, "what the backup holds", scopes, 0, 0},
        {"max-block", 0, CLI_DURATION, &g.max_block, "D", "refuse if writers would wait longer (30s)",
         NULL, 0, 0},
        {"force", 0, CLI_LIST, &g.force, "NAME,...", "go on in spite of these checks or hazards; needs "
         "--reason", NULL, 0, 0},
        {.name = NULL},
    };
    static const struct cli_option run_options[] = {
        {"sql", 0, CLI_LIST, &g.sql, "FILE", "another tool's script instead of a revision", NULL, 0, 0},
        {"undo-sql", 0, CLI_LIST, &g.undo_sql, "FILE", "with --sql: the script that goes forward again, for undo", NULL, 0, 0},
        {"to-backup", 0, CLI_STRING, &g.to_backup, "FILE", "back to the version rows that a pre-deploy "
         "backup recorded, and the values that the upgrade destroyed", NULL, 0, 0},
        {"on-conflict", 0, CLI_CHOICE, &g.on_conflict, NULL, "--to-backup: rows that others changed since the upgrade", conflicts, 0, 0},
        {"plan", 0, CLI_STRING, &g.plan, "DIGEST|FILE", "refuse unless the plan is this one; or run the one "
         "that was saved", NULL, 0, 0},
        {"backup", 0, CLI_CHOICE, &g.backup, NULL, "when the backup is taken", backups, 0, 0},
        {"no-backup", 0, CLI_STRING, &g.no_backup, "REASON", "go without a backup", NULL, 0, 0},
        {"scope", 0, CLI_CHOICE, &g.scope, NULL, "what the backup holds", scopes, 0, 0},
        {"verify", 0, CLI_CHOICE, &g.verify, NULL, "how much is compared before COMMIT", verifies, 0, 0},
        {"max-block", 0, CLI_DURATION, &g.max_block, "D", "refuse if writers would wait longer (30s)",
         NULL, 0, 0},
        {"lock-timeout", 0, CLI_DURATION, &g.lock_timeout, "D", "one attempt to get the locks (2s)", NULL,
         0, 0},
        {"lock-deadline", 0, CLI_DURATION, &g.lock_deadline, "D", "all attempts to get the locks (60s)",
         NULL, 0, 0},
        {"statement-timeout", 0, CLI_DURATION, &g.statement_timeout, "D", "each statement of the script",
         NULL, 0, 0},
        {"cancel-blockers", 0, CLI_FLAG, &g.cancel, NULL, "cancel the queries of who is in the way", NULL,
         0, 0},
        {"terminate-blockers", 0, CLI_FLAG, &g.terminate, NULL, "end the sessions of who is in the way",
         NULL, 0, 0},
        {"smoke", 0, CLI_LIST, &g.smoke, "FILE", "SQL whose rows, if any, are failures", NULL, 0, 0},
        {"smoke-command", 0, CLI_STRING, &g.smoke_command, "COMMAND", "run after COMMIT", NULL, 0, 0},
        {"force", 0, CLI_LIST, &g.force, "NAME,...", "go on in spite of these checks or hazards; needs "
         "--reason", NULL, 0, 0},
        {"dry-run", 0, CLI_FLAG, &g.dry_run, NULL, "do everything, then roll it back", NULL, 0, 0},
        {.name = NULL},
    };
    static const struct cli_option undo_options[] = {
        {"lock-timeout", 0, CLI_DURATION, &g.lock_timeout, "D", "one attempt to get the locks (2s)", NULL,
         0, 0},
        {"lock-deadline", 0, CLI_DURATION, &g.lock_deadline, "D", "all attempts to get the locks (60s)",
         NULL, 0, 0},
        {"cancel-blockers", 0, CLI_FLAG, &g.cancel, NULL, "cancel the queries of who is in the way", NULL,
         0, 0},
        {"terminate-blockers", 0, CLI_FLAG, &g.terminate, NULL, "end the sessions of who is in the way",
         NULL, 0, 0},
        {"smoke", 0, CLI_LIST, &g.smoke, "FILE", "SQL whose rows, if any, are failures", NULL, 0, 0},
        {"dry-run", 0, CLI_FLAG, &g.dry_run, NULL, "do everything, then roll it back", NULL, 0, 0},
        {.name = NULL},
    };
    static const struct cli_option resume_options[] = {
        {"back", 0, CLI_FLAG, &g.back, NULL, "back to where the run began, instead of on", NULL, 0, 0},
        {"lock-timeout", 0, CLI_DURATION, &g.lock_timeout, "D", "one attempt to get the locks (2s)", NULL,
         0, 0},
        {"lock-deadline", 0, CLI_DURATION, &g.lock_deadline, "D", "all attempts to get the locks (60s)",
         NULL, 0, 0},
        {"cancel-blockers", 0, CLI_FLAG, &g.cancel, NULL, "cancel the queries of who is in the way", NULL,
         0, 0},
        {"terminate-blockers", 0, CLI_FLAG, &g.terminate, NULL, "end the sessions of who is in the way",
         NULL, 0, 0},
        {"smoke", 0, CLI_LIST, &g.smoke, "FILE", "SQL whose rows, if any, are failures", NULL, 0, 0},
        {.name = NULL},
    };
    static const struct cli_command commands[] = {
        {"plan", "[REV]", "show all that would happen, and change nothing", 0, 1, plan_options,
         plan_command, NULL},
        {"run", "[REV]", "roll back: copy, change and proof in one transaction", 0, 1, run_options,
         run_command_, NULL},
        {"undo", "[RUN]", "forward again, and the lost values back", 0, 1, undo_options, undo_command,
         NULL},
        {"resume", "[RUN]", "go on with, or back from, a run that stopped between two segments", 0, 1, resume_options,
         resume_command, NULL},
        {"status", "[RUN]", "what became of a run, and what to type next", 0, 1, NULL, status_command,
         NULL},
        {"list", "", "all runs of this database", 0, 0, NULL, list_command, NULL},
        {.name = NULL},
    };
    const struct cli_option *const common[] = {
        cli_connection_options(&g.common), cli_alembic_options(&g.common),
        cli_confirm_options(&g.common),    cli_key_options(&g.common),
        cli_house_options(&g.common),      NULL};
    const struct cli_program program = {
        "mig-rollback",
        "Run a downgrade under guard: plan, gate, back up, execute, verify, and only then commit; say "
        "what a crash left behind; undo.",
        commands, common};
    int rc = cli_main(&program, &g.common, argc, argv, &g);

    cli_list_free(&g.sql);
    cli_list_free(&g.undo_sql);
    cli_list_free(&g.force);
    cli_list_free(&g.smoke);
    return rc;
}
