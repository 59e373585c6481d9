#include "validate/hearing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/audit.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/log.h"
#include "core/report.h"
#include "core/state.h"
#include "core/strings.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "validate/judge.h"
#include "validate/report.h"

/* In the order of the enum. */
enum {
    FORMAT_TEXT,
    FORMAT_JSON,
    FORMAT_SARIF,
    FORMAT_JUNIT,
    FORMAT_MARKDOWN,
    FORMAT_GITHUB,
    FORMAT_GITLAB,
};
static const char *const formats[] = {"text",     "json",   "sarif",  "junit",
                                      "markdown", "github", "gitlab", NULL};
static int (*const writers[])(FILE *out, const struct report_judgement *r, struct err *err) = {
    [FORMAT_TEXT] = report_text,         [FORMAT_JSON] = NULL,
    [FORMAT_SARIF] = report_sarif,       [FORMAT_JUNIT] = report_junit,
    [FORMAT_MARKDOWN] = report_markdown, [FORMAT_GITHUB] = report_github,
    [FORMAT_GITLAB] = report_gitlab,
};
const char *const hearing_severities[] = {"info", "low", "medium", "high", "critical", NULL};
static const char *const verdicts[] = {"safe", "unsafe", "unknown"};

static int write_reports(struct report *report, const struct report_judgement *r, struct err *err)
{
    json_t *json = NULL;
    size_t i;
    int rc = -1;

    for (i = 0; i < report->count; i++) {
        struct report_output *o = &report->outputs[i];

        if (writers[o->format] != NULL) {
            struct report_judgement plain = *r;

            plain.colour = o->path == NULL && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
            if (writers[o->format](o->out, &plain, err) < 0)
                goto out;
            continue;
        }
        if (json == NULL) {
            if ((json = judgement_json(r->judgement, r->plan, r->show_values, err)) == NULL)
                goto out;
            if (r->log_head != NULL)
                (void)json_object_set_new(json, "log_head", json_string(r->log_head));
        }
        if (report_json(o->out, json, err) < 0)
            goto out;
    }
    rc = report_close(report, err);
out:
    json_decref(json);
    return rc;
}

/* No judgement came about: to a program too that is "unknown", and why.  People read the error. */
static void write_unknown(struct report *report, const struct err *because, const char *log_head)
{
    struct err why = {0};
    json_t *json = json_pack("{s:s, s:s, s:s, s:[], s:[], s:[], s:[], s:[], s:[], s:[], s:s?}", "schema",
                             "mig-validate/1", "verdict", "unknown", "why", because->message, "from",
                             "to", "steps", "findings", "ignored", "unused_ignores", "locks",
                             "log_head", log_head);
    int rc = json != NULL ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < report->count; i++) {
        const struct report_output *o = &report->outputs[i];

        if (o->format == FORMAT_JSON)
            rc = report_json(o->out, json, &why);
        else if (o->path != NULL)
            rc = -1; /* an empty file of another form would be taken for a report */
    }
    if (rc == 0 && report_close(report, &why) != 0)
        log_warn("%s", why.message);
    json_decref(json);
}

/* Options, then what mig.json says, then the defaults. */
static int judge_by(const struct hearing_options *o, const struct config *config, struct judge_options *j,
                    struct err *err)
{
    const char *word = config_string(config, "validate.fail_on");
    int i;

    j->config = config;
    j->jobs = o->common->jobs;
    j->no_ignore = o->no_ignore;
    j->show_values = o->common->show_values;
    j->style = o->style;
    j->budget_ms = o->budget_ms > 0 ? o->budget_ms : config_integer(config, "validate.budget");
    j->max_loss_rows = config_integer(config, "validate.max_loss_rows");
    j->fail_on = SEVERITY_HIGH;
    for (i = 0; hearing_severities[i] != NULL; i++)
        if (word != NULL && strcmp(word, hearing_severities[i]) == 0)
            j->fail_on = (enum severity)i;
    if (o->fail_on >= 0)
        j->fail_on = (enum severity)o->fail_on;
    j->fail_on_info = j->fail_on == SEVERITY_INFO;
    if (o->max_loss_rows != NULL) {
        char *end;

        j->max_loss_rows = strtoll(o->max_loss_rows, &end, 10);
        if (end == o->max_loss_rows || *end != '\0' || j->max_loss_rows < 0)
            return err_set(err, ERR_USAGE, "--max-loss-rows takes a number of rows, not \"%s\"",
                           o->max_loss_rows);
    }
    j->limit_loss = j->max_loss_rows >= 0;
    return 0;
}

/* What is counted on another database than the one that was named is no answer. */
static int is_named(struct conn *c, const char *named, const struct config *config, struct err *err)
{
    const char *variable = getenv("MIG_ENV");
    struct environment *e;
    int rc = 0;

    if (named == NULL && (variable == NULL || variable[0] == '\0'))
        return 0;
    if ((e = environment_read(c, config, named, err)) == NULL)
        return -1;
    if (e->contradiction) {
        rc = err_set(err, ERR_REFUSED, "%s", e->why);
        err_hint(err, "name the environment that it is, or connect to the one that is named");
    }
    environment_free(e);
    return rc;
}

static int connect(const struct hearing_options *o, const struct plan_request *request,
                   const struct config *config, struct audit *audit, struct conn **c, struct err *err)
{
    struct conn_options how = {.dbname = o->common->dbname,
                               .host = o->common->host,
                               .port = o->common->port,
                               .user = o->common->user,
                               .role = o->common->role,
                               .no_password = o->common->no_password,
                               .ask_password = o->common->ask_password,
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
    if (audit != NULL) {
        audit_add(audit, "database", json_string(conn_title(*c)));
        audit_add(audit, "role", json_string(conn_user(*c)));
    }
    return is_named(*c, o->common->env, config, err);
}

/* The upgrade beside a downgrade; where it cannot be had, the downgrade is judged alone. */
static int compare_ways(struct plan *plan, const struct plan_request *request, struct conn *c, struct err *err)
{
    struct err why = {0};
    size_t i;

    if (request->no_sql || plan_forward(plan, request, c, &why) == 0)
        return 0;
    if (why.kind == ERR_INTERRUPTED) {
        *err = why;
        return -1;
    }
    log_warn("the downgrade is not compared with its upgrade: %s", why.message);
    /* The report says it too. */
    for (i = 0; i < plan->nsteps && (plan->direction == PLAN_DOWN || plan->direction == PLAN_SQL); i++)
        if (plan->steps[i].forward == NULL && plan->steps[i].forward_why == NULL &&
            strings_dup(&plan->steps[i].forward_why, why.message, err) < 0)
            return -1;
    return 0;
}

/* What the log gets to know. */
static void record(struct audit *audit, const struct judgement *j, const struct plan *p)
{
    audit_add(audit, "verdict", json_string(verdicts[j->verdict]));
    audit_add(audit, "findings", json_integer((json_int_t)j->nfindings));
    audit_add(audit, "plan", json_string(p->digest));
}

int hearing_run(const struct hearing_options *o, struct err *err)
{
    struct plan_request request = {.direction = o->direction,
                                   .revision = o->revision,
                                   .sql_files = o->sql_files,
                                   .nsql_files = o->nsql_files,
                                   .tool = plain_tools[o->tool >= 0 ? o->tool : 0],
                                   .current = o->current,
                                   .current_from = o->current_from,
                                   .no_sql = o->no_sql,
                                   .both = o->direction == PLAN_DOWN && !o->no_sql};
    struct report report = {0};
    struct config *config = NULL;
    struct audit *audit = NULL;
    struct conn *c = NULL;
    struct plan *plan = NULL;
    struct judgement *j = NULL;
    struct judge_options how = {0};
    struct report_judgement shown = {0};
    struct err why = {0};
    const char *volatile_why;
    char *log = NULL, *dir = NULL, head[65];
    int code = -1, logged = 0;

    if ((config = config_load(o->common->config, err)) == NULL)
        goto out;
    plan_request_settle(&request, o->common, config);
    if (judge_by(o, config, &how, err) < 0 ||
        report_open(&report, &o->common->formats, formats, err) < 0)
        goto out;
    /* Offline touches nothing, not even the state folder. */
    if (!o->offline && ((dir = state_dir(o->common, config, err)) == NULL ||
                        state_make(dir, &volatile_why, err) < 0 ||
                        (log = state_log(o->common, config, err)) == NULL ||
                        (audit = audit_begin(log, o->operation, o->common->argc, o->common->argv,
                                             o->common->reason, err)) == NULL))
        goto out;
    if ((!o->offline && connect(o, &request, config, audit, &c, err) < 0) ||
        (plan = plan_make(&request, c, err)) == NULL || compare_ways(plan, &request, c, err) < 0 ||
        (j = judge_run(plan, c, &how, err)) == NULL)
        goto out;
    shown.judgement = j;
    shown.plan = plan;
    shown.server = c == NULL ? NULL : conn_title(c);
    shown.fail_on = how.fail_on;
    shown.show_values = o->common->show_values;
    /* The log first: the report names its head. */
    if (audit != NULL) {
        record(audit, j, plan);
        logged = 1;
        if (audit_end(audit, err, verdicts[j->verdict], head, &why) < 0)
            log_err(&why);
        else
            shown.log_head = head;
        log_info("log head %s", head);
    }
    if (write_reports(&report, &shown, err) < 0)
        goto out;
    code = j->verdict == JUDGE_UNSAFE ? 1
           : j->verdict == JUDGE_SAFE && why.kind == ERR_NONE ? 0 : 3;
out:
    if (audit != NULL && !logged) {
        if (audit_end(audit, err, NULL, head, &why) < 0)
            log_warn("%s", why.message);
        else
            shown.log_head = head;
    }
    if (code < 0 && j == NULL && err->kind == ERR_FAILED)
        write_unknown(&report, err, shown.log_head);
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
