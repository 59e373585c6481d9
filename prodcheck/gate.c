#include "prodcheck/gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup/keys.h"
#include "backup/keysource.h"
#include "core/audit.h"
#include "core/config.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/report.h"
#include "core/state.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "prodcheck/check.h"
#include "prodcheck/present.h"
#include "prodcheck/verdict.h"
#include "script/closure.h"

/* All that a run holds, freed together. */
struct gate {
    const struct gate_options *o;
    struct config *config;
    struct keyring *keys;
    struct conn *conn;
    struct environment *environment;
    struct plan *plan, *history;
    struct closure *closure;
    struct err revision_error;
    struct audit *audit;
    char *fallback_url, what[160], log_head[65];
    int64_t began;
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void disconnect(struct gate *g)
{
    closure_free(g->closure);
    plan_free(g->plan);
    plan_free(g->history);
    environment_free(g->environment);
    conn_free(g->conn);
    g->closure = NULL;
    g->plan = g->history = NULL;
    g->environment = NULL;
    g->conn = NULL;
    err_clear(&g->revision_error);
}

static void request_of(const struct gate_options *o, const struct config *config,
                       struct plan_request *r)
{
    memset(r, 0, sizeof(*r));
    plan_request_settle(r, o->common, config);
}

static int has_plan(const struct gate_options *o)
{
    return o->downgrade != NULL || o->upgrade != NULL || o->sql.count > 0;
}

static int64_t timeout_of(const struct gate_options *o)
{
    return o->timeout_ms > 0 ? o->timeout_ms : 10000;
}

static int connect_to(struct gate *g, struct err *err)
{
    const struct cli_common *c = g->o->common;
    struct conn_options o = conn_options_of(c, "mig-prodcheck");

    o.fallback_url = g->fallback_url;
    o.fallback_source = "alembic.ini";
    o.identify = 1;
    o.connect_timeout_s = (int)((timeout_of(g->o) + 999) / 1000);
    o.time_limit_ms = timeout_of(g->o);
    return (g->conn = conn_open(&o, CONN_OWN, err)) != NULL ? 0 : -1;
}

/* The plan that the flags name, or without one the way to the heads, for the revision check alone.
 * What is wrong with the request is the caller's; what is wrong with the database is a finding. */
static int read_plan(struct gate *g, struct err *err)
{
    const struct gate_options *o = g->o;
    struct plan_request r;
    struct effects **effects = NULL;
    struct err why = {0};
    size_t n = 0;
    int rc = -1;

    request_of(o, g->config, &r);
    if (!has_plan(o)) {
        r.direction = PLAN_UP;
        r.revision = "heads";
        r.no_sql = 1;
        g->history = plan_make(&r, g->conn, &why);
        if (g->history == NULL && why.kind == ERR_INTERRUPTED) {
            *err = why;
            return -1;
        }
        /* Named on the command line, a project that is not there is an error; else there is none. */
        if (g->history == NULL && why.kind == ERR_USAGE &&
            (r.alembic_config != NULL || r.versions != NULL)) {
            *err = why;
            return -1;
        }
        if (g->history == NULL && why.kind != ERR_USAGE)
            g->revision_error = why;
        return 0;
    }
    r.direction = o->sql.count > 0 ? PLAN_SQL : o->downgrade != NULL ? PLAN_DOWN : PLAN_UP;
    r.revision = o->downgrade != NULL ? o->downgrade : o->upgrade;
    r.sql_files = o->sql.items;
    r.nsql_files = o->sql.count;
    if ((g->plan = plan_make(&r, g->conn, &why)) == NULL) {
        if (why.kind == ERR_FAILED && !conn_lost(g->conn)) {
            g->revision_error = why;
            return 0;
        }
        *err = why;
        return -1;
    }
    if ((effects = plan_effects(g->plan, &n, err)) == NULL && err->kind != ERR_NONE)
        goto out;
    if ((g->closure = closure_find(g->conn, effects, n, err)) == NULL)
        goto out;
    rc = 0;
out:
    free(effects);
    return rc;
}

/* One look at the database.  NULL: *ERR. */
static struct verdict *look(struct gate *g, struct err *err)
{
    const struct gate_options *o = g->o;
    struct verdict_options v = {
        .config = g->config,
        .keys = g->keys,
        .only = &o->only,
        .skip = &o->skip,
        .backup = o->backup,
        .dir = state_shelf(o->common, g->config),
        .baseline = o->baseline != NULL ? o->baseline
                                        : config_file(g->config, "prodcheck.baseline"),
        .strict = o->strict || config_boolean(g->config, "prodcheck.strict"),
        .after = o->after,
        .verify_backup = o->verify_backup || config_boolean(g->config, "prodcheck.verify_backup"),
    };

    disconnect(g);
    if (connect_to(g, err) != 0 ||
        (g->environment = environment_read(g->conn, g->config, o->common->env, err)) == NULL ||
        read_plan(g, err) != 0)
        return NULL;
    v.environment = g->environment;
    v.plan = g->plan;
    v.history = g->history;
    v.closure = g->closure;
    v.revision_error = g->revision_error.kind != ERR_NONE ? &g->revision_error : NULL;
    return verdict_run(g->conn, &v, err);
}

/* A server that cannot be asked is a verdict too: unknown. */
static struct verdict *look_or_unknown(struct gate *g, struct err *err)
{
    struct err why = {0};
    struct verdict *v = look(g, &why);

    if (v != NULL)
        return v;
    if (why.kind != ERR_FAILED) {
        *err = why;
        return NULL;
    }
    return verdict_unreachable(&why, err);
}

static int sleep_ms(int64_t ms, struct err *err)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        if (interrupt_check(err) != 0)
            return -1;
    return interrupt_check(err);
}

static void say_waiting(const struct verdict *v, int64_t left_ms)
{
    size_t i;

    for (i = 0; i < v->nchecks; i++)
        if (v->checks[i].status == CHECK_FAIL || v->checks[i].status == CHECK_ERROR) {
            log_info("waiting (%lld s left) for %s: %s", (long long)((left_ms + 999) / 1000),
                     v->checks[i].id, v->checks[i].message);
            return;
        }
    log_info("waiting (%lld s left)", (long long)((left_ms + 999) / 1000));
}

/* Until go, or until the time is up. */
static struct verdict *wait_for_go(struct gate *g, struct err *err)
{
    int64_t deadline = g->began + g->o->wait_ms, pause = 1000;

    for (;;) {
        struct verdict *v = look_or_unknown(g, err);
        int64_t left = deadline - now_ms();

        if (v == NULL || v->answer == VERDICT_GO || left <= 0)
            return v;
        say_waiting(v, left);
        verdict_free(v);
        if (sleep_ms(left < pause ? left : pause, err) != 0)
            return NULL;
        if (pause < 5000)
            pause += 500;
    }
}

static void list(FILE *out)
{
    size_t n, i;
    const struct check *all = check_table(&n);

    for (i = 0; i < n; i++) {
        (void)fprintf(out, "%-21s  %s\n", all[i].id, all[i].why != NULL ? all[i].why : "");
        if (all[i].warn > 0 || all[i].fail > 0)
            (void)fprintf(out, "%-21s  limits: warn %g%s, fail %g%s\n", "", all[i].warn,
                          check_unit_name(all[i].unit), all[i].fail, check_unit_name(all[i].unit));
    }
}

static int write_reports(const struct gate *g, const struct verdict *v, struct report *report,
                         struct err *err)
{
    const char *no = getenv("NO_COLOR");
    struct present_about a = {
        .title = g->conn != NULL ? conn_title(g->conn) : NULL,
        .database = g->conn != NULL ? conn_database(g->conn) : g->o->common->dbname,
        .environment = g->environment != NULL ? g->environment->name : g->o->common->env,
        .production = g->environment != NULL && g->environment->production,
        .after = g->what[0] != '\0' ? g->what : NULL,
        .log_head = g->log_head[0] != '\0' ? g->log_head : NULL,
        .verbose = g->o->common->verbose,
        .seconds = (double)(now_ms() - g->began) / 1000,
    };
    size_t i;

    /* A conninfo string may hold a password. */
    if (g->conn == NULL && a.database != NULL && strpbrk(a.database, "=:@/") != NULL)
        a.database = NULL;
    for (i = 0; i < report->count; i++) {
        a.colour = report->outputs[i].path == NULL && isatty(STDOUT_FILENO) &&
                   (no == NULL || no[0] == '\0');
        if (present(v, &a, (enum present_form)report->outputs[i].format, report->outputs[i].out,
                    err) != 0)
            return -1;
    }
    return 0;
}

static int known(const struct gate *g, struct err *err)
{
    size_t i;

    for (i = 0; i < g->o->only.count; i++)
        if (verdict_known(g->o->only.items[i], g->config, err) != 0)
            return -1;
    for (i = 0; i < g->o->skip.count; i++)
        if (verdict_known(g->o->skip.items[i], g->config, err) != 0)
            return -1;
    if ((g->o->downgrade != NULL) + (g->o->upgrade != NULL) + (g->o->sql.count > 0) > 1)
        return err_set(err, ERR_USAGE,
                       "--for-downgrade, --for-upgrade and --for-sql exclude one another");
    /* What is one step further when the step is done. */
    if (g->o->after && ((g->o->downgrade != NULL && strchr("+-", g->o->downgrade[0]) != NULL) ||
                        (g->o->upgrade != NULL && strchr("+-", g->o->upgrade[0]) != NULL))) {
        (void)err_set(err, ERR_USAGE, "--after needs the revision itself: %s counts from where the database is now",
                      g->o->downgrade != NULL ? g->o->downgrade : g->o->upgrade);
        err_hint(err, "after mig-rollback: the second of the two in Route, which mig-rollback status shows");
        return -1;
    }
    return 0;
}

static void describe(struct gate *g)
{
    const struct gate_options *o = g->o;

    if (o->downgrade != NULL)
        (void)snprintf(g->what, sizeof(g->what), "downgrade to %s", o->downgrade);
    else if (o->upgrade != NULL)
        (void)snprintf(g->what, sizeof(g->what), "upgrade to %s", o->upgrade);
    else if (o->sql.count > 0)
        (void)snprintf(g->what, sizeof(g->what), "%s%s", o->sql.items[0],
                       o->sql.count > 1 ? " and more" : "");
    else if (o->after)
        (void)snprintf(g->what, sizeof(g->what), "after the migration");
}

/* The line stands before the reports do: they print the chain's head. */
static int close_log(struct gate *g, const struct verdict *v, const struct err *ended,
                     struct err *err)
{
    json_t *failed = json_array();
    size_t i;

    for (i = 0; v != NULL && i < v->nchecks; i++)
        if (v->checks[i].status == CHECK_FAIL || v->checks[i].status == CHECK_ERROR)
            (void)json_array_append_new(failed, json_string(v->checks[i].id));
    audit_add(g->audit, "checks", failed);
    if (g->conn != NULL) {
        audit_add(g->audit, "database", json_string(conn_title(g->conn)));
        audit_add(g->audit, "role", json_string(conn_user(g->conn)));
    }
    if (g->environment != NULL && g->environment->name != NULL)
        audit_add(g->audit, "environment", json_string(g->environment->name));
    if (g->plan != NULL)
        audit_add(g->audit, "plan", json_string(g->plan->digest));
    return audit_end(g->audit, ended, v != NULL ? verdict_answer_name(v->answer) : NULL,
                     g->log_head, err);
}

/* Whom to trust suffices, but where the backup is to be read: no passphrase is asked for in vain. */
static struct keyring *load_keys(const struct gate *g, struct err *err)
{
    return g->o->verify_backup || config_boolean(g->config, "prodcheck.verify_backup")
               ? keyring_load(g->o->common, g->config, err)
               : keyring_load_public(g->o->common, g->config, err);
}

int gate_run(const struct gate_options *o, struct err *err)
{
    struct gate g = {.o = o, .began = now_ms()};
    struct report report = {0};
    struct plan_request r;
    struct verdict *v = NULL;
    struct err no_url = {0}, why = {0};
    int nagios, rc = -1;

    if (o->list) {
        list(stdout);
        return 0;
    }
    describe(&g);
    if ((g.config = config_load(o->common->config, err)) == NULL || known(&g, err) != 0 ||
        report_open(&report, &o->common->formats, present_forms, err) != 0 ||
        (g.keys = load_keys(&g, err)) == NULL || 
        (g.audit = state_audit(o->common, g.config, "prodcheck", err)) == NULL)
        goto out;
    request_of(o, g.config, &r);
    /* Without a project there is no last address; whether that matters shows when we connect. */
    g.fallback_url = plan_database_url(&r, &no_url);
    v = o->wait_ms > 0 ? wait_for_go(&g, err) : look_or_unknown(&g, err);
    if (close_log(&g, v, err, &why) != 0) {
        if (err->kind == ERR_NONE)
            *err = why;
        goto out;
    }
    if (v == NULL || write_reports(&g, v, &report, err) != 0)
        goto out;
    nagios = report_wants(&report, PRESENT_NAGIOS);
    if (report_close(&report, err) == 0)
        rc = nagios ? present_nagios_code(v) : verdict_exit_code(v);
out:
    report_discard(&report);
    audit_free(g.audit);
    verdict_free(v);
    disconnect(&g);
    free(g.fallback_url);
    keyring_free(g.keys);
    config_free(g.config);
    return rc;
}
