#include "validate/history.h"

#include <jansson.h>
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
#include "migration/plan.h"
#include "migration/survey.h"
#include "pg/conn.h"
#include "script/statement.h"
#include "validate/hearing.h"
#include "validate/judge.h"
#include "validate/report.h"

enum { FORMAT_TEXT, FORMAT_JSON };
static const char *const formats[] = {"text",     "json",   "sarif",  "junit",
                                      "markdown", "github", "gitlab", NULL};
static int (*const writers[])(FILE *, const struct report_judgement *, struct err *) = {
    NULL, NULL, report_sarif, report_junit, report_markdown, report_github, report_gitlab};
static const char *const severities[] = {"info", "low", "medium", "high", "critical"};
static const char *const verdicts[] = {"safe", "unsafe", "unknown"};

/* An index into VERDICTS. */
static int judge(const struct survey *s, int fail_on)
{
    int verdict = 0;

    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].unread && verdict == 0)
            verdict = 2;
        else if (!s->items[i].unread && (int)s->items[i].severity >= fail_on)
            verdict = 1;
    }
    return verdict;
}

static void write_names(FILE *out, const char *what, char *const *names)
{
    fprintf(out, "%s", what);
    if (names == NULL || names[0] == NULL)
        fprintf(out, " none");
    for (; names != NULL && *names != NULL; names++)
        fprintf(out, " %s", *names);
    fputc('\n', out);
}

static void write_text(FILE *out, const struct survey *s, int verdict, int colour)
{
    static const char *const paint[] = {"\033[2m", "", "\033[33m", "\033[1;31m", "\033[1;31m"};

    fprintf(out, "%zu revision%s\n", s->revisions, s->revisions == 1 ? "" : "s");
    write_names(out, s->heads != NULL && s->heads[0] != NULL && s->heads[1] == NULL ? "head " : "heads",
                s->heads);
    if (s->rows != NULL) {
        write_names(out, "at   ", s->rows);
        fprintf(out, "%zu pending\n", s->pending);
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct survey_item *f = &s->items[i];

        fputc('\n', out);
        if (f->file != NULL && f->line > 0)
            fprintf(out, "%s:%d  ", f->file, f->line);
        else if (f->file != NULL)
            fprintf(out, "%s  ", f->file);
        fprintf(out, "%s%s%s  [%s]\n", colour ? paint[f->severity] : "", severities[f->severity],
                colour ? "\033[0m" : "", f->code);
        fprintf(out, "  %s\n", f->message);
        if (f->remedy != NULL)
            fprintf(out, "  > %s\n", f->remedy);
    }
    fprintf(out, "\n%s\n", s->rendered ? "alembic rendered the downgrades"
                                      : "judged from the source alone (--render asks alembic for the SQL)");
    fprintf(out, "%s: %zu finding%s\n", verdicts[verdict], s->count, s->count == 1 ? "" : "s");
}

static json_t *names(char *const *list)
{
    json_t *out = json_array();

    for (; list != NULL && *list != NULL; list++)
        (void)json_array_append_new(out, json_string(*list));
    return out;
}

static json_t *text(const char *s)
{
    return s != NULL ? json_string(s) : json_null();
}

/* The keys of mig-validate/1; LINE is the file's, for there is no statement. */
static json_t *as_json(const struct survey *s, int verdict, struct err *err)
{
    json_t *out = json_object(), *findings = json_array();

    for (size_t i = 0; findings != NULL && i < s->count; i++) {
        const struct survey_item *f = &s->items[i];
        json_t *item = json_object();

        (void)json_object_set_new(item, "code", json_string(f->code));
        (void)json_object_set_new(item, "hazard", json_string(f->title));
        (void)json_object_set_new(item, "severity", json_string(severities[f->severity]));
        (void)json_object_set_new(item, "object", text(f->revision));
        (void)json_object_set_new(item, "message", json_string(f->message));
        (void)json_object_set_new(item, "remedy", text(f->remedy));
        (void)json_object_set_new(item, "statement", json_null());
        (void)json_object_set_new(item, "revision", text(f->revision));
        (void)json_object_set_new(item, "file", text(f->file));
        (void)json_object_set_new(item, "line", f->line > 0 ? json_integer(f->line) : json_null());
        (void)json_array_append_new(findings, item);
    }
    if (out == NULL || findings == NULL) {
        json_decref(out);
        json_decref(findings);
        (void)err_oom(err);
        return NULL;
    }
    (void)json_object_set_new(out, "schema", json_string("mig-validate/1"));
    (void)json_object_set_new(out, "verdict", json_string(verdicts[verdict]));
    (void)json_object_set_new(out, "revisions", json_integer((json_int_t)s->revisions));
    (void)json_object_set_new(out, "heads", names(s->heads));
    (void)json_object_set_new(out, "bases", names(s->bases));
    (void)json_object_set_new(out, "from", s->rows != NULL ? names(s->rows) : json_null());
    (void)json_object_set_new(out, "pending",
                              s->rows != NULL ? json_integer((json_int_t)s->pending) : json_null());
    (void)json_object_set_new(out, "rendered", json_boolean(s->rendered));
    (void)json_object_set_new(out, "findings", findings);
    return out;
}

/* The survey as a judgement of files, for the reports that pipelines read: one step per file, and a
 * statement that is only a place in it. */
struct likeness {
    struct judgement judgement;
    struct plan plan;
    struct statement *places;
};

static void likeness_free(struct likeness *l)
{
    free(l->judgement.findings);
    free(l->plan.steps);
    free(l->places);
}

static size_t step_of(struct likeness *l, const struct survey_item *f)
{
    static char none[] = "";
    char *file = f->file != NULL ? f->file : none;
    struct plan_step *s;

    for (size_t i = 0; i < l->plan.nsteps; i++) {
        if (strcmp(l->plan.steps[i].file, file) == 0)
            return i;
    }
    s = &l->plan.steps[l->plan.nsteps];
    s->file = file;
    s->revision = f->revision != NULL ? f->revision : file;
    s->message = none;
    return l->plan.nsteps++;
}

static int likeness_make(const struct survey *s, int verdict, struct likeness *l, struct err *err)
{
    static char *no_rows[] = {NULL};
    static char none[] = "";

    memset(l, 0, sizeof(*l));
    l->judgement.findings = calloc(s->count + 1, sizeof(*l->judgement.findings));
    l->plan.steps = calloc(s->count + 1, sizeof(*l->plan.steps));
    l->places = calloc(s->count + 1, sizeof(*l->places));
    if (l->judgement.findings == NULL || l->plan.steps == NULL || l->places == NULL)
        return err_oom(err);
    l->plan.direction = PLAN_SQL; /* lines are the file's own */
    l->plan.from = no_rows;
    l->plan.to = no_rows;
    l->judgement.verdict = verdict == 0 ? JUDGE_SAFE : verdict == 1 ? JUDGE_UNSAFE : JUDGE_UNKNOWN;
    for (size_t i = 0; i < s->count; i++) {
        const struct survey_item *from = &s->items[i];
        struct finding *f = &l->judgement.findings[i];

        f->code = from->code;
        f->hazard = from->title;
        f->severity = (enum severity)from->severity;
        f->object = from->revision != NULL ? from->revision : none;
        f->message = from->message;
        f->remedy = from->remedy != NULL ? from->remedy : none;
        f->step = step_of(l, from);
        l->places[i].index = 1;
        l->places[i].line = from->line > 0 ? from->line : 1;
        l->places[i].column = 1;
        l->places[i].text = none;
        l->places[i].file = l->plan.steps[f->step].file;
        f->statement = &l->places[i];
    }
    l->judgement.nfindings = s->count;
    return 0;
}

static int write_all(struct report *report, const struct survey *s, int verdict, int fail_on,
                     struct err *err)
{
    json_t *json = as_json(s, verdict, err);
    struct report_judgement shown = {0};
    struct likeness l;
    int rc = json != NULL ? likeness_make(s, verdict, &l, err) : -1;

    if (json == NULL)
        return -1;
    shown.judgement = &l.judgement;
    shown.plan = &l.plan;
    shown.fail_on = (enum severity)fail_on;
    for (size_t i = 0; rc == 0 && i < report->count; i++) {
        struct report_output *o = &report->outputs[i];

        if (o->format == FORMAT_TEXT)
            write_text(o->out, s, verdict,
                       o->path == NULL && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL);
        else if (o->format == FORMAT_JSON)
            rc = report_json(o->out, json, err);
        else
            rc = writers[o->format](o->out, &shown, err);
    }
    if (rc == 0)
        rc = report_close(report, err);
    json_decref(json);
    likeness_free(&l);
    return rc;
}

static struct conn *connect_to(const struct hearing_options *o, const struct plan_request *r,
                               struct err *err)
{
    struct conn_options how = {0};
    struct conn *c;
    char *url = plan_database_url(r, err);

    if (url == NULL && err->kind != ERR_NONE)
        return NULL;
    how.dbname = o->common->dbname;
    how.host = o->common->host;
    how.port = o->common->port;
    how.user = o->common->user;
    how.role = o->common->role;
    how.no_password = o->common->no_password;
    how.ask_password = o->common->ask_password;
    how.fallback_url = url;
    how.fallback_source = "alembic.ini";
    how.application = "mig-validate";
    c = conn_open(&how, CONN_OWN, err);
    free(url);
    if (c == NULL)
        err_hint(err, "--offline looks at the files alone");
    return c;
}

static int least(const struct hearing_options *o, const struct config *config)
{
    const char *word = config_string(config, "validate.fail_on");
    int at = SURVEY_HIGH;

    for (int i = 0; hearing_severities[i] != NULL; i++) {
        if (word != NULL && strcmp(word, hearing_severities[i]) == 0)
            at = i;
    }
    return o->fail_on >= 0 ? o->fail_on : at;
}

int history_report(const struct hearing_options *o, struct err *err)
{
    struct plan_request request = {0};
    struct report report = {0};
    struct config *config = NULL;
    struct audit *audit = NULL;
    struct survey *s = NULL;
    struct conn *c = NULL;
    struct err why = {0};
    const char *volatile_why;
    char *log = NULL, *dir = NULL, head[65];
    int verdict = 2, code = -1, fail_on;

    config = config_load(o->common->config, err);
    if (config == NULL || report_open(&report, &o->common->formats, formats, err) != 0)
        goto out;
    plan_request_settle(&request, o->common, config);
    fail_on = least(o, config);
    /* Offline touches nothing, not even the state folder. */
    if (!o->offline) {
        dir = state_dir(o->common, config, err);
        if (dir == NULL || state_make(dir, &volatile_why, err) != 0 ||
            (log = state_log(o->common, config, err)) == NULL ||
            (audit = audit_begin(log, "validate history", o->common->argc, o->common->argv,
                                 o->common->reason, err)) == NULL ||
            (c = connect_to(o, &request, err)) == NULL)
            goto out;
        audit_add(audit, "database", json_string(conn_title(c)));
        audit_add(audit, "role", json_string(conn_user(c)));
    }
    s = survey_make(&request, c, err);
    if (s == NULL || (o->render && survey_render(s, &request, err) != 0))
        goto out;
    verdict = judge(s, fail_on);
    if (write_all(&report, s, verdict, fail_on, err) != 0)
        goto out;
    code = verdict == 0 ? 0 : verdict == 1 ? 1 : 3;
out:
    if (audit != NULL &&
        audit_end(audit, err, code < 0 ? NULL : verdicts[verdict], head, &why) != 0) {
        log_err(&why);
        code = code == 0 ? 3 : code;
    }
    audit_free(audit);
    report_discard(&report);
    survey_free(s);
    conn_free(c);
    config_free(config);
    free(log);
    free(dir);
    return code;
}
