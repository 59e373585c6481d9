/* mig-rollback: run a downgrade under guard; resume after a crash; undo. */
#include <stdlib.h>
#include <string.h>

#include "core/audit.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/confirm.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/report.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/environment.h"
#include "rollback/advisory.h"
#include "rollback/command.h"
#include "rollback/fate.h"
#include "rollback/guard.h"
#include "rollback/operation.h"
#include "rollback/options.h"
#include "rollback/outline.h"
#include "rollback/recorded.h"
#include "rollback/refusal.h"
#include "rollback/rows.h"
#include "rollback/run.h"
#include "rollback/saved.h"
#include "rollback/undo.h"
#include "rollback/view.h"

/* The plan from wherever it comes, examined.  VALUES: what --to-backup puts back. */
static int examine(struct operation *s, struct recorded **recorded, struct run_options *o, char ***notes,
                   struct err *err)
{
    const struct options *g = s->options;
    struct saved saved;

    if (options_plan_file(g)) {
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
        recorded_choose(*recorded, s->guard, err) != 0 ||
        guard_examine(s->guard, recorded_revision(*recorded), err) != 0)
        return -1;
    if (s->guard->plan == NULL)
        return 0;
    return recorded_values(*recorded, s->guard, &o->values, &o->nvalues, notes, err);
}

/* --no-sql: the files alone, no session. */
static int outline_command(struct options *g, const char *revision, struct err *err)
{
    struct plan_request r = {.direction = PLAN_DOWN,
                             .revision = revision,
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
        report_open(&report, &g->common.formats, operation_formats, err) != 0)
        goto out;
    plan_request_settle(&r, &g->common, config);
    if ((p = plan_make(&r, NULL, err)) == NULL || (j = outline_json(p, err)) == NULL)
        goto out;
    rc = 0;
    for (size_t i = 0; i < report.count && rc == 0; i++) {
        if (report.outputs[i].format == OPERATION_TEXT)
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
    struct options *g = context;
    struct recorded *recorded = NULL;
    struct run_options o = {.resume = NULL};
    char **notes = NULL;
    struct operation s;
    struct err refused = {0};
    int rc = -1;

    if (options_where(g, argc, err) != 0)
        return -1;
    if (g->no_sql)
        return outline_command(g, argc > 0 ? argv[0] : NULL, err);
    if (operation_open(&s, g, "rollback plan", argc > 0 ? argv[0] : NULL, err) == 0 &&
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
        rc = operation_log(&s, rc, err);
        if (operation_show_plan(&s, &second) != 0 && rc == 0) {
            *err = second;
            rc = -1;
        }
        if (rc == 0 && g->save != NULL)
            log_info("saved the plan in \"%s\"; to run it: mig-rollback run --plan %s", g->save, g->save);
    }
    strings_free(notes);
    recorded_free(recorded);
    return operation_close(&s, rc, err);
}

/* What was confirmed must be what was seen: on standard error where results are not text. */
static void show_before(struct operation *s)
{
    if (log_level() >= LOG_INFO)
        view_plan(s->guard, stderr);
}

static int confirm(struct operation *s, const char *what, struct err *err)
{
    struct confirm_options o = {
        .name = s->guard->environment->confirm,
        .what = what,
        .required = 1,
        .yes = s->options->common.yes,
        .given = s->options->common.confirm,
    };

    return s->request.dry_run ? 0 : confirm_ask(&o, err);
}

static void log_outcome(struct operation *s, const struct outcome_report *r)
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

/* A failure before the run began: in the middle of the night that is the first question. */
static void nothing_begun(const struct outcome_report *r, int rc, struct err *err)
{
    if (rc != 0 && r->run == NULL && (err->kind == ERR_FAILED || err->kind == ERR_INTERRUPTED) && err->hint[0] == '\0')
        err_hint(err, "nothing was begun and nothing was changed");
}

static int run_command_(int argc, const char *const *argv, void *context, struct err *err)
{
    struct recorded *recorded = NULL;
    struct run_options o = {.resume = NULL};
    char **notes = NULL;
    struct outcome_report r = {0};
    struct operation s;
    struct err second = {0};
    int rc = -1;

    if (options_where(context, argc, err) != 0)
        return -1;
    if (operation_open(&s, context, "rollback run", argc > 0 ? argv[0] : NULL, err) != 0)
        goto out;
    s.request.patient = 1;
    if (advisory_alone(s.guard->control, err) != 0 || guard_read_schema(s.guard, err) != 0 ||
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
    rc = operation_log(&s, rc, err);
    if (r.run != NULL && operation_show_outcome(&s, &r, &second) != 0 && rc == 0) {
        *err = second;
        rc = -1;
    }
out:
    nothing_begun(&r, rc, err);
    rc = operation_log(&s, rc, err);
    if (r.run == NULL)
        operation_show_refused(&s, "rollback", err);
    rc = operation_close(&s, rc, err);
    say_committed(&r, rc, err);
    strings_free(notes);
    recorded_free(recorded);
    outcome_free(&r);
    return rc;
}

static int go_on(int argc, const char *const *argv, struct options *g, int resume, struct err *err)
{
    struct outcome_report r = {0};
    struct undo *u = NULL;
    struct operation s;
    struct err second = {0};
    const char *run = argc > 0 ? argv[0] : NULL;
    char what[128];
    int rc = -1;

    if (operation_open(&s, g, resume ? "rollback resume" : "rollback undo", NULL, err) != 0)
        goto out;
    s.request.patient = 1;
    if ((u = resume && g->back ? undo_back(s.guard, run, err)
             : resume          ? undo_resume(s.guard, run, err)
                               : undo_open(s.guard, run, err)) == NULL)
        goto out;
    rc = refusal_answer(s.guard, err);
    if (log_level() >= LOG_INFO) {
        (void)snprintf(what, sizeof(what), "%s run %s", !resume ? "Undo of" : g->back ? "Back from" : "On with",
                       undo_of(u));
        view_kept(s.guard, what, !resume || g->back ? undo_backup(u) : NULL, stderr);
    }
    if (rc != 0 || (rc = confirm(&s, !resume ? "undo the rollback" : g->back ? "go back to where the run began" : "go on with the run", err)) != 0)
        goto out;
    rc = undo_run(u, s.guard, &r, err);
    log_outcome(&s, &r);
    rc = operation_log(&s, rc, err);
    if (r.run != NULL && operation_show_outcome(&s, &r, &second) != 0 && rc == 0) {
        *err = second;
        rc = -1;
    }
out:
    nothing_begun(&r, rc, err);
    rc = operation_log(&s, rc, err);
    if (r.run == NULL)
        operation_show_refused(&s, resume ? "resume" : "undo", err);
    undo_free(u);
    rc = operation_close(&s, rc, err);
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
    struct operation s;
    struct err second = {0};
    int rc = -1;

    if (operation_open(&s, context, "rollback status", NULL, err) == 0) {
        rc = fate_read(s.guard, argc > 0 ? argv[0] : NULL, &f, err);
        rc = operation_log(&s, rc, err);
        if (f.report.to != NULL && operation_show_outcome(&s, &f.report, &second) != 0 && rc == 0) {
            *err = second;
            rc = -1;
        }
    }
    rc = operation_close(&s, rc, err);
    fate_free(&f);
    return rc;
}

static int list_command(int argc, const char *const *argv, void *context, struct err *err)
{
    struct operation s;
    char **runs = NULL;
    json_t *all = json_array();
    size_t n = 0;
    int rc = -1;

    (void)argc;
    (void)argv;
    if (operation_open(&s, context, "rollback list", NULL, err) != 0 ||
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
            if (s.report.outputs[k].format == OPERATION_TEXT)
                fprintf(s.report.outputs[k].out, "%s  %-8s  %-11s  %s%s%s%s\n", f.report.run,
                        f.report.kind, outcome_name(f.report.outcome), f.report.from,
                        rows_none(f.report.from) ? "" : " -> ", rows_none(f.report.from) ? "" : f.report.to,
                        f.undone_by != NULL ? "  (undone)" : "");
        j = view_outcome_json(&f.report, err);
        fate_free(&f);
        if (j == NULL || json_array_append_new(all, j) != 0)
            goto out;
    }
    if (n == 0)
        log_info("no run of this database is known in \"%s\"; that does not mean that nothing happened",
                 s.guard->state_dir);
    rc = operation_log(&s, 0, err);
    for (size_t k = 0; k < s.report.count && rc == 0; k++)
        if (s.report.outputs[k].format == OPERATION_JSON)
            rc = operation_show_json(&s, json_pack("{s:s, s:O}", "schema", "mig-rollback/1", "runs", all),
                           s.report.outputs[k].out, err);
out:
    journal_list_free(runs, n);
    json_decref(all);
    return operation_close(&s, rc, err);
}

int main(int argc, char **argv)
{
    static struct options o;
    const struct cli_command commands[] = {
        {"plan", "[REV]", "show all that would happen, and change nothing", 0, 1, options_table(&o, OPTIONS_PLAN),
         plan_command, NULL},
        {"run", "[REV]", "roll back: copy, change and proof in one transaction", 0, 1, options_table(&o, OPTIONS_RUN),
         run_command_, NULL},
        {"undo", "[RUN]", "forward again, and the lost values back", 0, 1, options_table(&o, OPTIONS_UNDO),
         undo_command, NULL},
        {"resume", "[RUN]", "go on with, or back from, a run that stopped between two segments", 0, 1,
         options_table(&o, OPTIONS_RESUME), resume_command, NULL},
        {"status", "[RUN]", "what became of a run, and what to type next", 0, 1, NULL, status_command, NULL},
        {"list", "", "all runs of this database", 0, 0, NULL, list_command, NULL},
        {.name = NULL},
    };
    const struct cli_option *const common[] = {
        cli_connection_options(&o.common), cli_alembic_options(&o.common),
        cli_confirm_options(&o.common),    cli_key_options(&o.common),
        cli_house_options(&o.common),      NULL};
    const struct cli_program program = {
        "mig-rollback",
        "Run a downgrade under guard: plan, gate, back up, execute, verify, and only then commit; say "
        "what a crash left behind; undo.",
        commands, common};
    int rc;

    options_init(&o);
    rc = cli_main(&program, &o.common, argc, argv, &o);
    options_free(&o);
    return rc;
}
