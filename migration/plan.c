#include "migration/plan.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cli.h"
#include "core/config.h"
#include "core/log.h"
#include "migration/files.h"
#include "migration/history.h"
#include "migration/ini.h"
#include "migration/origin.h"
#include "migration/outcome.h"
#include "migration/route.h"
#include "migration/steps.h"
#include "script/effect.h"
#include "script/statement.h"

static struct plan *make(struct origin *x, const int *nodes, size_t n, int up, const char *revision,
                         struct err *err)
{
    struct plan *p = calloc(1, sizeof(*p));
    struct steps_request s = {0};

    if (p == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    p->direction = up ? PLAN_UP : PLAN_DOWN;
    p->from = rows_copy(x->rows, err);
    if (p->from == NULL)
        goto failed;
    s.plan = x->request;
    s.project = x->project;
    s.history = x->history;
    s.name = &x->name;
    s.on_server = x->on_server;
    s.rows = x->rows;
    s.nodes = nodes;
    s.count = n;
    s.up = up;
    s.revision = revision;
    if (steps_make(&s, p, err) != 0)
        goto failed;
    if (x->name.table != NULL) {
        p->version_table = strdup(x->name.table);
        p->version_schema = x->name.schema != NULL ? strdup(x->name.schema) : NULL;
        if (p->version_table == NULL || (x->name.schema != NULL && p->version_schema == NULL)) {
            (void)err_oom(err);
            goto failed;
        }
    } else if ((p->version_table = strdup("alembic_version")) == NULL) {
        (void)err_oom(err);
        goto failed;
    }
    if (outcome_find(p, &x->name, err) != 0)
        goto failed;
    return p;
failed:
    plan_free(p);
    return NULL;
}

/* What nobody has said yet. */
static const char *first(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

void plan_request_settle(struct plan_request *r, const struct cli_common *c, const struct config *config)
{
    r->alembic_config = first(r->alembic_config, c->alembic_config);
    r->alembic_name = first(r->alembic_name, c->alembic_name);
    r->alembic_command = first(r->alembic_command, c->alembic_command);
    r->versions = first(r->versions, c->versions);
    r->version_table = first(r->version_table, c->version_table);
    if (config == NULL)
        return;
    r->alembic_config = first(r->alembic_config, config_file(config, "alembic.config"));
    r->alembic_name = first(r->alembic_name, config_string(config, "alembic.name"));
    r->alembic_command = first(r->alembic_command, config_string(config, "alembic.command"));
    r->versions = first(r->versions, config_file(config, "alembic.versions"));
    r->version_table = first(r->version_table, config_string(config, "alembic.version_table"));
}

/* The way back, made by a thread of its own while the way there is: most of both is waiting for Python. */
struct plan_back {
    struct origin x;     /* project and history are the other way's; ROWS are what it leads to */
    struct plan *plan;
    struct err err;
    pthread_t thread;
    int running, up;
    int *nodes;
    size_t count;
};

static void *go_back(void *arg)
{
    struct plan_back *b = arg;

    b->plan = make(&b->x, b->nodes, b->count, b->up, NULL, &b->err);
    return NULL;
}

static void back_wait(struct plan_back *b)
{
    if (b != NULL && b->running)
        (void)pthread_join(b->thread, NULL);
    if (b != NULL)
        b->running = 0;
}

static void back_free(struct plan_back *b)
{
    if (b == NULL)
        return;
    back_wait(b);
    plan_free(b->plan);
    version_name_free(&b->x.name);
    rows_free(b->x.rows);
    free(b->nodes);
    free(b);
}

/* Begin the way back from where NODES lead.  NULL without an error: plan_reverse makes it, as if this had
 * not been. */
static struct plan_back *back_start(const struct origin *x, const int *nodes, size_t n, int up)
{
    struct plan_back *b = calloc(1, sizeof(*b));
    sigset_t all, before;
    char **rows;

    if (b == NULL)
        return NULL;
    b->x = *x;
    b->x.name = (struct version_name){NULL, NULL};
    b->x.rows = rows = rows_copy(x->rows, &b->err);
    b->up = !up;
    b->count = n;
    b->nodes = calloc(n + 1, sizeof(*b->nodes));
    for (size_t i = 0; i < n && b->nodes != NULL && rows != NULL; i++) {
        struct route_ops ops = {0};
        char **after = NULL;

        b->nodes[n - 1 - i] = nodes[i];
        if (route_step(x->history, rows, nodes[i], up, &ops, &after, &b->err) != 0)
            after = NULL;
        route_ops_free(&ops);
        rows_free(rows);
        b->x.rows = rows = after;
    }
    if (rows == NULL || b->nodes == NULL || version_name_copy(&x->name, &b->x.name, &b->err) != 0)
        goto failed;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    b->running = pthread_create(&b->thread, NULL, go_back, b) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (b->running)
        return b;
failed:
    back_free(b);
    return NULL;
}

struct plan *plan_make(const struct plan_request *r, struct conn *c, struct err *err)
{
    struct plan_back *back = NULL;
    struct symbol_nodes nodes = {0};
    struct plan *p = NULL;
    struct origin x;
    int down;

    if (r->direction == PLAN_SQL)
        return files_plan(r, r->sql_files, r->nsql_files, c, err);
    if (r->revision == NULL || r->revision[0] == '\0') {
        (void)err_set(err, ERR_USAGE, "no revision is named");
        return NULL;
    }
    if (origin_open(&x, r, c, err) != 0 || origin_rows(&x, c, err) != 0)
        goto out;
    down = r->direction == PLAN_DOWN;
    if (r->direction == PLAN_TO && route_is_down(x.history, x.rows, r->revision, &down, err) != 0)
        goto out;
    if ((down ? route_down : route_up)(x.history, x.rows, r->revision, &nodes, err) != 0)
        goto out;
    if (origin_settle(&x, nodes.items, nodes.count, !down, err) != 0)
        goto out;
    if (r->both && !r->no_sql && nodes.count > 0)
        back = back_start(&x, nodes.items, nodes.count, !down);
    p = make(&x, nodes.items, nodes.count, !down, r->revision, err);
    back_wait(back); /* it reads the history too */
    if (p != NULL) {
        p->back = back;
        back = NULL;
    }
out:
    back_free(back);
    symbol_nodes_free(&nodes);
    origin_close(&x);
    return p;
}

struct plan *plan_reverse(const struct plan *p, const struct plan_request *r, struct conn *c,
                          struct err *err)
{
    struct origin x;
    struct plan *back = NULL;
    int *nodes = NULL;

    if (p->direction == PLAN_SQL)
        return files_reverse(p, r, err);
    if (p->back != NULL && (p->back->plan != NULL || p->back->err.kind != ERR_NONE)) {
        back = p->back->plan;
        p->back->plan = NULL;
        if (back == NULL)
            *err = p->back->err;
        return back;
    }
    if (origin_open(&x, r, c, err) != 0)
        goto out;
    x.rows = rows_copy(p->to, err);
    nodes = calloc(p->nsteps + 1, sizeof(*nodes));
    if (x.rows == NULL || nodes == NULL) {
        (void)err_oom(err);
        goto out;
    }
    for (size_t i = 0; i < p->nsteps; i++) {
        const char *id = p->steps[p->nsteps - 1 - i].revision;

        nodes[i] = history_find(x.history, id);
        if (nodes[i] < 0) {
            (void)err_set(err, ERR_FAILED, "revision %s is no longer in the files", id);
            goto out;
        }
    }
    if (origin_settle(&x, nodes, p->nsteps, p->direction == PLAN_DOWN, err) == 0)
        back = make(&x, nodes, p->nsteps, p->direction == PLAN_DOWN, NULL, err);
out:
    free(nodes);
    origin_close(&x);
    return back;
}

int plan_forward(struct plan *p, const struct plan_request *r, struct conn *c, struct err *err)
{
    struct plan *up;
    size_t i, k;

    if (p->direction == PLAN_SQL)
        return files_forward(p, err);
    if (p->direction != PLAN_DOWN)
        return 0;
    if ((up = plan_reverse(p, r, c, err)) == NULL)
        return -1;
    for (i = 0; i < p->nsteps; i++)
        for (k = 0; k < up->nsteps; k++) {
            if (strcmp(p->steps[i].revision, up->steps[k].revision) != 0)
                continue;
            p->steps[i].forward = up->steps[k].script;
            p->steps[i].forward_effects = up->steps[k].effects;
            up->steps[k].script = NULL;
            up->steps[k].effects = NULL;
            if (p->steps[i].forward == NULL) {
                p->steps[i].forward_why = up->steps[k].online_only ? up->steps[k].online_why
                                                                   : up->steps[k].irreversible_why;
                if (up->steps[k].online_only)
                    up->steps[k].online_why = NULL;
                else
                    up->steps[k].irreversible_why = NULL;
            }
        }
    plan_free(up);
    return 0;
}

void plan_free(struct plan *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->nsteps; i++) {
        struct plan_step *s = &p->steps[i];

        effects_free(s->effects);
        script_free(s->script);
        effects_free(s->forward_effects);
        script_free(s->forward);
        rows_free(s->before);
        rows_free(s->after);
        free(s->revision);
        free(s->file);
        free(s->message);
        free(s->online_why);
        free(s->forward_why);
        free(s->irreversible_why);
        free(s->warning);
    }
    free(p->steps);
    rows_free(p->from);
    rows_free(p->to);
    back_free(p->back);
    free(p->version_schema);
    free(p->version_table);
    free(p->version_column);
    free(p);
}

struct effects **plan_effects(const struct plan *p, size_t *n, struct err *err)
{
    struct effects **out = calloc(p->nsteps + 1, sizeof(*out));

    *n = 0;
    if (out == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < p->nsteps; i++) {
        if (p->steps[i].effects != NULL)
            out[(*n)++] = p->steps[i].effects;
    }
    return out;
}

char *plan_database_url(const struct plan_request *r, struct err *err)
{
    const char *config = r->alembic_config, *env = getenv("ALEMBIC_CONFIG");
    struct err ignored = {0};
    struct ini *ini;
    char *url = NULL;

    if (config == NULL && env != NULL && env[0] != '\0')
        config = env;
    if (config == NULL && access("alembic.ini", F_OK) != 0)
        return NULL;
    ini = ini_load(config != NULL ? config : "alembic.ini", err);
    if (ini == NULL)
        return NULL;
    /* "%(DB_URL)s" is filled in by env.py: then there is none here */
    if (ini_get(ini, r->alembic_name != NULL ? r->alembic_name : "alembic", "sqlalchemy.url", &url,
                &ignored) != 0)
        log_debug("%s", ignored.message);
    ini_free(ini);
    if (url != NULL && (url[0] == '\0' || strncmp(url, "driver://", 9) == 0)) {
        free(url); /* empty, or the template's placeholder */
        url = NULL;
    }
    return url;
}
