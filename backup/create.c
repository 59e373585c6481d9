#include "backup/create.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "backup/keys.h"
#include "backup/keysource.h"
#include "backup/selection.h"
#include "backup/snapshot.h"
#include "backup/summary.h"
#include "core/audit.h"
#include "core/buf.h"
#include "core/config.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/report.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "migration/version.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/statement.h"

static const char all_sql[] =
#include "backup/sql/all.sql.h"
    ;

enum { TEXT, JSON };
static const char *const forms[] = {"text", "json", NULL};

/* All that a run holds, freed together. */
struct create {
    const struct create_options *o;
    struct config *config;
    struct keyring *keys;
    struct audit *audit;
    struct conn *conn;
    struct environment *environment;
    struct plan *plan, *reverse;
    struct closure *closure;
    struct effects **forward;
    uint32_t *oids, *exclude;
    char **rows; /* version rows, where no plan says them */
    char *fallback_url, *command;
    struct snapshot_options s;
    struct snapshot_result result;
    int64_t began, copying; /* ms: when we started, and how long the snapshot itself took */
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int by_pattern(const struct create_options *o)
{
    return o->all || o->tables.count > 0;
}

static int check_flags(const struct create_options *o, struct err *err)
{
    int ways = (o->downgrade != NULL) + (o->upgrade != NULL) + (o->sql.count > 0) +
               (o->tables.count > 0) + (o->all != 0);

    if (ways > 1)
        return err_set(err, ERR_USAGE, "--for-downgrade, --for-upgrade, --for-sql, --table and --all exclude "
                                       "one another");
    if (o->scope == 1 + SNAPSHOT_LOSS && by_pattern(o)) {
        err_set(err, ERR_USAGE, "--scope loss needs to know what will be destroyed");
        err_hint(err, "use it with --for-downgrade, --for-upgrade or --for-sql");
        return -1;
    }
    if (o->allow_opaque && by_pattern(o))
        return err_set(err, ERR_USAGE, "--allow-opaque is for scripts: with --table or --all nothing is read from one");
    if (o->require_ddl && o->no_ddl)
        return err_set(err, ERR_USAGE, "--require-ddl and --no-ddl exclude one another");
    if (o->output != NULL && o->common->dir != NULL)
        return err_set(err, ERR_USAGE, "--output and --dir exclude one another");
    return 0;
}

static void request_of(const struct create_options *o, const struct config *config,
                       struct plan_request *r)
{
    memset(r, 0, sizeof(*r));
    r->current = o->current;
    r->current_from = o->current_from;
    r->direction = o->sql.count > 0 ? PLAN_SQL : o->downgrade != NULL ? PLAN_DOWN : PLAN_UP;
    r->revision = o->downgrade != NULL ? o->downgrade : o->upgrade != NULL ? o->upgrade : "heads";
    r->sql_files = o->sql.items;
    r->nsql_files = o->sql.count;
    plan_request_settle(r, o->common, config);
}

/* ---- the database ---- */

static int connect_to(struct create *k, struct err *err)
{
    const struct cli_common *c = k->o->common;
    struct conn_options o = conn_options_of(c, "mig-backup");

    o.fallback_url = k->fallback_url;
    o.fallback_source = "alembic.ini";
    o.identify = 1;
    o.lock_timeout_ms = k->o->lock_timeout_ms;
    if ((k->conn = conn_open(&o, CONN_OWN, err)) == NULL ||
        (k->environment = environment_read(k->conn, k->config, c->env, err)) == NULL)
        return -1;
    if (k->environment->pooled) {
        err_set(err, ERR_REFUSED,
                "%s is a pooler in transaction mode: a snapshot needs sessions of its own",
                conn_title(k->conn));
        err_hint(err, "use the server's own address: $MIG_DATABASE_URL or --dbname");
        return -1;
    }
    if (k->environment->contradiction) { /* the label would say so for ever */
        err_set(err, ERR_REFUSED, "%s", k->environment->why);
        err_hint(err, "name the environment that it is, or connect to the one that is named");
        return -1;
    }
    log_info("%s (from %s)", conn_title(k->conn), conn_source(k->conn));
    return 0;
}

/* ---- what to save ---- */

static int add_oids(uint32_t **list, size_t *n, const uint32_t *more, size_t nmore, struct err *err)
{
    uint32_t *bigger = realloc(*list, (*n + nmore + 1) * sizeof(*bigger));

    if (bigger == NULL)
        return err_oom(err);
    *list = bigger;
    if (nmore > 0)
        memcpy(*list + *n, more, nmore * sizeof(*more));
    *n += nmore;
    return 0;
}

static int match(struct create *k, const char *pattern, int must, uint32_t **list, size_t *n,
                 struct err *err)
{
    uint32_t *found = NULL;
    size_t nfound = 0, hidden = 0;
    char count[32];
    int rc = -1;

    if (catalog_match(k->conn, pattern, "rpmfS", &found, &nfound, &hidden, err) != 0)
        return -1;
    if (must && nfound == 0) {
        err_set(err, ERR_USAGE, "no table matches \"%s\" in %s", pattern, conn_database(k->conn));
        err_hint(err, hidden > 0
                          ? "other schemas than those of the role's search_path have some: say SCHEMA.NAME, or \"*.NAME\" for all"
                          : "patterns are psql's: schema.table, * and ?, \"quoted\" names as they are; a name alone is "
                            "looked for along the role's search_path");
        goto out;
    }
    if (hidden > 0)
        log_warn("%s: %s of that name in other schemas %s not meant: a name alone is looked for along the role's "
                 "search_path; \"*.%s\" means every schema",
                 pattern, report_count(hidden, count), hidden == 1 ? "is" : "are", pattern);
    rc = add_oids(list, n, found, nfound, err);
out:
    free(found);
    return rc;
}

static int select_all(struct create *k, struct err *err)
{
    struct query q = {.sql = all_sql, .columns = 1};
    struct result *r = query_run(k->conn, &q, err);
    int rc = 0;

    for (int i = 0; r != NULL && rc == 0 && i < result_rows(r); i++) {
        uint32_t oid = (uint32_t)result_int(r, i, 0);

        rc = add_oids(&k->oids, &k->s.noids, &oid, 1, err);
    }
    if (r == NULL)
        rc = -1;
    result_free(r);
    return rc;
}

/* A database that Alembic keeps is labelled with its revision, however the tables were chosen. */
static int read_version(struct create *k, struct err *err)
{
    struct version_name name = {0};
    struct plan_request r;
    struct err ignored = {0};

    request_of(k->o, k->config, &r);
    if (version_find(k->conn, r.version_table, &name, &ignored) == 0 && name.table != NULL)
        k->rows = version_rows(k->conn, &name, &ignored);
    version_name_free(&name);
    if (ignored.kind == ERR_INTERRUPTED) {
        *err = ignored;
        return -1;
    }
    k->s.from = (const char *const *)k->rows;
    return 0;
}

static int select_tables(struct create *k, struct err *err)
{
    for (size_t i = 0; i < k->o->tables.count; i++)
        if (match(k, k->o->tables.items[i], 1, &k->oids, &k->s.noids, err) != 0)
            return -1;
    if (k->o->all && select_all(k, err) != 0)
        return -1;
    if (k->oids == NULL && add_oids(&k->oids, &k->s.noids, NULL, 0, err) != 0)
        return -1;
    k->s.oids = k->oids;
    return read_version(k, err);
}

/* "DO (a1b2c3, line 4), function f (...)": the first few, for a message. */
static int name_opaque(const struct closure *c, struct effects *const *effects, size_t n, struct buf *b, struct err *err)
{
    size_t told = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; effects[i] != NULL && j < effects[i]->count; j++) {
            const struct effect *e = &effects[i]->items[j];

            if (!closure_opaque(c, e))
                continue;
            if (told++ == 3)
                return buf_adds(b, ", ...", err);
            if (buf_addf(b, err, "%s%s%s%s (%s, line %d)", told > 1 ? ", " : "",
                         e->kind == EFFECT_OPAQUE && e->detail != NULL ? e->detail : effect_name(e->kind),
                         effect_calls(e) ? " " : "", effect_calls(e) ? e->name : "", effects[i]->script->file,
                         e->statement->line) != 0)
                return -1;
        }
    return 0;
}

/* What cannot be seen cannot be saved: it is accepted by name, or we stop. */
static int look_for_gaps(struct create *k, struct effects *const *effects, size_t n, struct err *err)
{
    struct buf which = {0};

    assert(effects != NULL); /* where there is a plan, they were looked for */
    for (size_t i = 0; i < k->plan->nsteps; i++)
        if (k->plan->steps[i].online_only) {
            err_set(err, ERR_FAILED, "nobody can tell from revision %s what it touches: %s",
                    k->plan->steps[i].revision,
                    k->plan->steps[i].online_why != NULL ? k->plan->steps[i].online_why : "it needs a live connection");
            err_hint(err, "name the tables with --table, or save everything with --all");
            return -1;
        }
    for (size_t i = 0; i < k->closure->nmissing; i++)
        log_warn("%s is named in the script but not there", k->closure->missing[i]);
    if (k->closure->opaque == 0)
        return 0;
    if (name_opaque(k->closure, effects, n, &which, err) != 0) {
        buf_free(&which);
        return -1;
    }
    if (k->o->allow_opaque) {
        log_warn("%zu statement%s that no parser can see into: %s: what they touch is saved only where other "
                 "statements touch it too",
                 k->closure->opaque, k->closure->opaque == 1 ? "" : "s", which.data);
        buf_free(&which);
        return 0;
    }
    err_set(err, ERR_FAILED, "nobody can tell what %zu statement%s of this plan touch%s: the backup could lack what is lost",
            k->closure->opaque, k->closure->opaque == 1 ? "" : "s", k->closure->opaque == 1 ? "es" : "");
    err_detail(err, "%s", which.data);
    err_hint(err, "name the tables with --table, save everything with --all, or, where you know that they write nothing "
                  "else, --allow-opaque");
    buf_free(&which);
    return -1;
}

/* What going forward again would fill in: only then may a row be left out. */
static int read_forward(struct create *k, const struct plan_request *r, struct err *err)
{
    struct err why = {0};

    if (k->s.scope != SNAPSHOT_LOSS)
        return 0;
    if (r->direction == PLAN_SQL || (k->reverse = plan_reverse(k->plan, r, k->conn, &why)) == NULL) {
        if (why.kind == ERR_INTERRUPTED) {
            *err = why;
            return -1;
        }
        log_info("the way back cannot be read (%s): key and column of every row are saved",
                 why.kind != ERR_NONE ? why.message : "other tools' scripts have none");
        return 0;
    }
    k->s.forward_known = 1;
    for (size_t i = 0; i < k->reverse->nsteps; i++)
        if (k->reverse->steps[i].script == NULL || k->reverse->steps[i].online_only)
            k->s.forward_known = 0;
    k->forward = plan_effects(k->reverse, &k->s.nforward, err);
    k->s.forward = k->forward;
    return err->kind == ERR_NONE ? 0 : -1;
}

static int select_affected(struct create *k, struct err *err)
{
    struct plan_request r;
    struct effects **effects = NULL;
    size_t n = 0;
    int rc = -1;

    request_of(k->o, k->config, &r);
    r.both = k->s.scope == SNAPSHOT_LOSS;
    if ((k->plan = plan_make(&r, k->conn, err)) == NULL) {
        if (err->kind == ERR_USAGE && k->o->downgrade == NULL && k->o->upgrade == NULL &&
            k->o->sql.count == 0) {
            err->hint[0] = '\0';
            err_hint(err, "run this where alembic runs, or name the file with --alembic-config FILE; without Alembic, say what to save: --for-sql FILE, --table PATTERN or --all");
        }
        return -1;
    }
    if ((effects = plan_effects(k->plan, &n, err)) == NULL && err->kind != ERR_NONE)
        goto out;
    if ((k->closure = closure_find(k->conn, effects, n, err)) == NULL ||
        look_for_gaps(k, effects, n, err) != 0 || read_forward(k, &r, err) != 0)
        goto out;
    k->s.closure = k->closure;
    k->s.from = (const char *const *)k->plan->from;
    k->s.to = (const char *const *)k->plan->to;
    rc = 0;
out:
    free(effects);
    return rc;
}

static int exclude_tables(struct create *k, struct err *err)
{
    const json_t *more = config_json(k->config, "backup.exclude");
    uint32_t *named = NULL;
    size_t n = 0;
    int rc = -1;

    for (size_t i = 0; i < k->o->exclude.count; i++)
        if (match(k, k->o->exclude.items[i], 1, &named, &n, err) != 0)
            goto out;
    for (size_t i = 0; i < json_array_size(more); i++)
        if (match(k, json_string_value(json_array_get(more, i)), 0, &named, &n, err) != 0)
            goto out;
    if (n > 0 && selection_expand(k->conn, named, n, &k->exclude, &k->s.nexclude, err) != 0)
        goto out;
    k->s.exclude = k->exclude;
    rc = 0;
out:
    free(named);
    return rc;
}

static const char *purpose_of(const struct create_options *o)
{
    if (o->downgrade != NULL)
        return "pre-downgrade";
    if (o->sql.count > 0)
        return "pre-sql";
    return by_pattern(o) ? "manual" : "pre-upgrade";
}

static int prepare(struct create *k, struct err *err)
{
    const struct create_options *o = k->o;
    const struct cli_common *c = o->common;
    const char *scope = config_string(k->config, "backup.scope");

    k->s.keys = k->keys;
    k->s.dir = o->output == NULL ? state_shelf(c, k->config) : NULL;
    k->s.file = o->output;
    k->s.purpose = purpose_of(o);
    k->s.name = o->name;
    k->s.reason = c->reason;
    k->s.environment = k->environment->name;
    k->s.command = k->command;
    k->s.jobs = c->jobs > 0 ? c->jobs : (int)config_integer(k->config, "backup.jobs");
    k->s.no_ddl = o->no_ddl;
    k->s.require_ddl = o->require_ddl || config_boolean(k->config, "backup.require_ddl");
    k->s.lock_timeout_ms = o->lock_timeout_ms;
    k->s.receipt = o->receipt;
    k->s.scope = o->scope > 0 ? (enum snapshot_scope)(o->scope - 1)
                 : scope != NULL && strcmp(scope, "loss") == 0 && !by_pattern(o) ? SNAPSHOT_LOSS
                                                                                  : SNAPSHOT_TABLES;
    if ((by_pattern(o) ? select_tables(k, err) : select_affected(k, err)) != 0)
        return -1;
    return exclude_tables(k, err);
}

/* ---- the run ---- */

/* With -o - standard output carries the backup: the summary goes to standard error. */
static int write_reports(const struct create *k, struct report *report, const char *head,
                         struct err *err)
{
    struct summary s = {&k->s, &k->result, conn_database(k->conn), head, now_ms() - k->began, k->copying};

    if (report->count == 0)
        summary_text(&s, stderr);
    for (size_t i = 0; i < report->count; i++) {
        if (report->outputs[i].format == TEXT)
            summary_text(&s, report->outputs[i].out);
        else if (summary_json(&s, report->outputs[i].out, err) != 0)
            return -1;
    }
    return 0;
}

static int open_report(const struct create_options *o, struct report *report, struct err *err)
{
    const struct cli_list *f = &o->common->formats;

    if (o->output != NULL && strcmp(o->output, "-") == 0) {
        for (size_t i = 0; i < f->count; i++)
            if (strchr(f->items[i], '=') == NULL)
                return err_set(err, ERR_USAGE, "standard output is taken by the backup (-o -): write the report "
                                               "to a file, --format %s=FILE", f->items[i]);
        if (f->count == 0)
            return 0;
    }
    return report_open(report, f, forms, err);
}

static int open_log(struct create *k, struct err *err)
{
    const struct cli_common *c = k->o->common;

    if ((k->command = audit_mask(c->argc, c->argv, err)) == NULL ||
        (k->audit = state_audit(c, k->config, "backup create", err)) == NULL)
        return -1;
    return 0;
}

/* -1 where the line could not be written. */
static int log_result(struct create *k, const struct err *err, char head[65], struct err *why)
{
    head[0] = '\0';
    if (k->audit == NULL)
        return 0;
    if (k->conn != NULL) {
        audit_add(k->audit, "database", json_string(conn_title(k->conn)));
        audit_add(k->audit, "role", json_string(conn_user(k->conn)));
    }
    if (k->environment != NULL && k->environment->name != NULL)
        audit_add(k->audit, "environment", json_string(k->environment->name));
    if (k->plan != NULL)
        audit_add(k->audit, "plan", json_string(k->plan->digest));
    if (k->result.file != NULL) {
        audit_add(k->audit, "backup", json_string(k->result.file));
        audit_add(k->audit, "archive_id", json_string(k->result.archive_id));
    }
    return audit_end(k->audit, err, NULL, head, why);
}

static int take(struct create *k, struct err *err)
{
    struct progress *p = progress_start("saving");
    int64_t start = now_ms();
    int rc;

    k->s.tick = progress_tick;
    k->s.tick_arg = p;
    rc = snapshot_create(k->conn, &k->s, &k->result, err);
    progress_end(p);
    k->copying = now_ms() - start;
    return rc;
}

/* Before the work: a backup is not made for a receipt that cannot be written. */
static int check_receipt(const struct create_options *o, struct err *err)
{
    struct stat st;

    if (o->receipt == NULL || lstat(o->receipt, &st) != 0)
        return 0;
    (void)err_set(err, ERR_FAILED, "\"%s\" exists already", o->receipt);
    err_hint(err, "nothing is overwritten: choose another name, or move that file away");
    return -1;
}

int create_run(const struct create_options *o, struct err *err)
{
    struct create k = {.o = o, .began = now_ms()};
    struct report report = {0};
    struct plan_request r;
    struct err no_url = {0}, why = {0};
    char head[65] = "";
    int unlogged, rc = -1;

    if (check_flags(o, err) != 0 || check_receipt(o, err) != 0 || (k.config = config_load(o->common->config, err)) == NULL ||
        open_report(o, &report, err) != 0 ||
        (k.keys = keyring_load(o->common, k.config, err)) == NULL ||
        keyring_can_write(k.keys, err) != 0 || open_log(&k, err) != 0)
        goto out;
    request_of(o, k.config, &r);
    /* Without a project there is no last address; whether that matters shows when we connect. */
    k.fallback_url = plan_database_url(&r, &no_url);
    rc = connect_to(&k, err) == 0 && prepare(&k, err) == 0 && take(&k, err) == 0 ? 0 : -1;
    unlogged = log_result(&k, err, head, &why);
    if (rc == 0 && (write_reports(&k, &report, head, err) != 0 || report_close(&report, err) != 0))
        rc = -1;
    if (unlogged != 0 && rc != 0) {
        log_warn("%s", why.message);
    } else if (unlogged != 0) {
        /* There is a backup, and nothing that says so where it should. */
        *err = why;
        (void)err_prefix(err, "the backup \"%s\" is made; but", k.result.file);
        rc = -1;
    }
out:
    report_discard(&report);
    snapshot_result_free(&k.result);
    free(k.forward);
    plan_free(k.reverse);
    closure_free(k.closure);
    plan_free(k.plan);
    environment_free(k.environment);
    conn_free(k.conn);
    audit_free(k.audit);
    free(k.oids);
    free(k.exclude);
    strings_free(k.rows);
    free(k.fallback_url);
    free(k.command);
    keyring_free(k.keys);
    config_free(k.config);
    return rc;
}
