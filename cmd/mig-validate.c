/* mig-validate: what a change would lose, lock, rewrite or break, measured. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/audit.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/err.h"
#include "core/log.h"
#include "core/report.h"
#include "core/state.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "validate/judge.h"
#include "validate/report.h"

enum { FORMAT_TEXT, FORMAT_JSON };
static const char *const formats[] = {"text", "json", NULL};
static const char *const severities[] = {"low", "medium", "high", "critical", NULL};

struct options {
    struct cli_common common;
    int fail_on, offline, no_ignore, no_sql, style;
    const char *max_loss_rows, *current, *current_from;
    int64_t budget;
};

static int write_reports(struct report *report, const struct report_judgement *r, struct err *err)
{
    json_t *json = NULL;
    size_t i;
    int rc = -1;

    for (i = 0; i < report->count; i++) {
        struct report_output *o = &report->outputs[i];

        if (o->format == FORMAT_TEXT) {
            struct report_judgement plain = *r;

            plain.colour = o->path == NULL && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
            if (report_text(o->out, &plain, err) < 0)
                goto out;
            continue;
        }
        if (json == NULL &&
            (json = judgement_json(r->judgement, r->plan, r->show_values, err)) == NULL)
            goto out;
        if (report_json(o->out, json, err) < 0)
            goto out;
    }
    rc = report_close(report, err);
out:
    json_decref(json);
    return rc;
}

/* Options, then what mig.json says, then the defaults. */
static int judge_by(const struct options *o, const struct config *config, struct judge_options *j,
                    struct err *err)
{
    const char *word = config_string(config, "validate.fail_on");
    int i;

    j->config = config;
    j->jobs = o->common.jobs;
    j->no_ignore = o->no_ignore;
    j->show_values = o->common.show_values;
    j->style = o->style;
    j->budget_ms = o->budget > 0 ? o->budget : config_integer(config, "validate.budget");
    j->max_loss_rows = config_integer(config, "validate.max_loss_rows");
    j->fail_on = SEVERITY_HIGH;
    for (i = 0; severities[i] != NULL; i++)
        if (word != NULL && strcmp(word, severities[i]) == 0)
            j->fail_on = (enum severity)(i + 1);
    if (o->fail_on >= 0)
        j->fail_on = (enum severity)(o->fail_on + 1);
    if (o->max_loss_rows != NULL) {
        char *end;

        j->max_loss_rows = strtoll(o->max_loss_rows, &end, 10);
        if (*end != '\0' || j->max_loss_rows < 0)
            return err_set(err, ERR_USAGE, "--max-loss-rows takes a number of rows, not \"%s\"",
                           o->max_loss_rows);
    }
    j->limit_loss = j->max_loss_rows >= 0;
    return 0;
}

static int connect(const struct options *o, const struct plan_request *request, struct conn **c,
                   struct err *err)
{
    struct conn_options how = {.dbname = o->common.dbname,
                               .host = o->common.host,
                               .port = o->common.port,
                               .user = o->common.user,
                               .role = o->common.role,
                               .no_password = o->common.no_password,
                               .ask_password = o->common.ask_password,
                               .fallback_source = "alembic.ini",
                               .application = "mig-validate"};
    char *url = NULL;

    if (request->direction != PLAN_SQL && (url = plan_database_url(request, err)) == NULL &&
        err->kind != ERR_NONE)
        return -1;
    how.fallback_url = url;
    *c = conn_open(&how, CONN_OWN, err);
    free(url);
    if (*c == NULL)
        return -1;
    log_info("connected to %s (%s)", conn_title(*c), conn_source(*c));
    return 0;
}

/* What the log gets to know. */
static void record(struct audit *audit, const struct judgement *j, const struct plan *p)
{
    static const char *const verdicts[] = {"safe", "unsafe", "unknown"};

    audit_add(audit, "verdict", json_string(verdicts[j->verdict]));
    audit_add(audit, "findings", json_integer((json_int_t)j->nfindings));
    audit_add(audit, "plan", json_string(p->digest));
}

static int validate(struct options *o, struct plan_request *request, const char *operation)
{
    struct err err = {0}, why = {0};
    struct report report = {0};
    struct config *config = NULL;
    struct audit *audit = NULL;
    struct conn *c = NULL;
    struct plan *plan = NULL;
    struct judgement *j = NULL;
    struct judge_options how = {0};
    struct report_judgement shown = {0};
    const char *volatile_why;
    char *log = NULL, *dir = NULL, head[65];
    int code = 3;

    if ((config = config_load(o->common.config, &err)) == NULL ||
        judge_by(o, config, &how, &err) < 0 ||
        report_open(&report, &o->common.formats, formats, &err) < 0)
        goto out;
    if (!o->offline) {
        if ((dir = state_dir(&o->common, config, &err)) == NULL ||
            state_make(dir, &volatile_why, &err) < 0 ||
            (log = state_log(&o->common, config, &err)) == NULL ||
            (audit = audit_begin(log, operation, o->common.argc, o->common.argv, o->common.reason,
                                 &err)) == NULL)
            goto out;
    }
    request->alembic_config = o->common.alembic_config;
    request->alembic_name = o->common.alembic_name;
    request->alembic_command = o->common.alembic_command;
    request->versions = o->common.versions;
    request->version_table = o->common.version_table;
    request->current = o->current;
    request->current_from = o->current_from;
    request->no_sql = o->no_sql;
    if (!o->offline && connect(o, request, &c, &err) < 0)
        goto out;
    if ((plan = plan_make(request, c, &err)) == NULL ||
        (j = judge_run(plan, c, &how, &err)) == NULL)
        goto out;
    shown.judgement = j;
    shown.plan = plan;
    shown.server = c == NULL ? NULL : conn_title(c);
    shown.show_values = o->common.show_values;
    if (audit != NULL)
        record(audit, j, plan);
    if (write_reports(&report, &shown, &err) < 0)
        goto out;
    code = j->verdict == JUDGE_SAFE ? 0 : j->verdict == JUDGE_UNSAFE ? 1 : 3;
out:
    if (err.kind != ERR_NONE) {
        log_err(&err);
        code = err_exit_code(&err);
    }
    if (audit != NULL && audit_end(audit, &err, code == 0 ? "safe" : code == 1 ? "unsafe" : NULL,
                                   head, &why) < 0) {
        log_err(&why);
        code = code == 0 ? 3 : code;
    }
    audit_free(audit);
    report_discard(&report);
    judgement_free(j);
    plan_free(plan);
    conn_free(c);
    config_free(config);
    free(log);
    free(dir);
    return code;
}

static int run_revision(int argc, const char *const *argv, void *context,
                        enum plan_direction direction, const char *operation)
{
    struct plan_request request = {.direction = direction, .revision = argv[0]};

    (void)argc;
    return validate(context, &request, operation);
}

static int run_to(int argc, const char *const *argv, void *context)
{
    return run_revision(argc, argv, context, PLAN_TO, "validate to");
}

static int run_downgrade(int argc, const char *const *argv, void *context)
{
    return run_revision(argc, argv, context, PLAN_DOWN, "validate downgrade");
}

static int run_upgrade(int argc, const char *const *argv, void *context)
{
    return run_revision(argc, argv, context, PLAN_UP, "validate upgrade");
}

static int run_sql(int argc, const char *const *argv, void *context)
{
    struct plan_request request = {
        .direction = PLAN_SQL, .sql_files = argv, .nsql_files = (size_t)argc};

    return validate(context, &request, "validate sql");
}

int main(int argc, char **argv)
{
    struct options o = {.fail_on = -1};
    const struct cli_option own[] = {
        {.name = "", .help = "Judgement:"},
        {"fail-on", 0, CLI_CHOICE, &o.fail_on, "SEVERITY",
         "least severity that is unsafe: low, medium, high (default), critical", severities, 0, 0},
        {"max-loss-rows", 0, CLI_STRING, &o.max_loss_rows, "N", "more lost rows are unsafe", NULL,
         0, 0},
        {"budget", 0, CLI_DURATION, &o.budget, "TIME",
         "time for counting (default 10s); then statistics answer", NULL, 0, 0},
        {"offline", 0, CLI_FLAG, &o.offline, NULL, "no database: parse only, measure nothing", NULL,
         0, 0},
        {"current", 0, CLI_STRING, &o.current, "REV,...",
         "plan from these version rows instead of the database's", NULL, 0, 0},
        {"current-from", 0, CLI_STRING, &o.current_from, "DIR",
         "plan from the heads of another checkout", NULL, 0, 0},
        {"no-sql", 0, CLI_FLAG, &o.no_sql, NULL, "from the revision files alone", NULL, 0, 0},
        {"no-ignore", 0, CLI_FLAG, &o.no_ignore, NULL, "heed no mig:ignore and no exemption", NULL,
         0, 0},
        {"style", 0, CLI_FLAG, &o.style, NULL, "style advice too", NULL, 0, 0},
        {.name = NULL},
    };
    const struct cli_command commands[] = {
        {"to", "REV", "judge the way to REV, up or down", 1, 1, own, run_to},
        {"downgrade", "REV", "judge the downgrade to REV", 1, 1, own, run_downgrade},
        {"upgrade", "REV", "judge the upgrade to REV", 1, 1, own, run_upgrade},
        {"sql", "FILE...", "judge SQL files of any other tool, in order (- is standard input)", 1,
         -1, own, run_sql},
        {.name = NULL},
    };
    const struct cli_option *const common[] = {cli_connection_options(&o.common),
                                               cli_alembic_options(&o.common),
                                               cli_house_options(&o.common), NULL};
    const struct cli_program program = {
        "mig-validate",
        "Says what a migration would lose, lock, rewrite or break, counted on the live database.",
        commands, common};

    return cli_main(&program, &o.common, argc, argv, &o);
}
