#include "migration/plan.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/history.h"
#include "migration/ini.h"
#include "migration/plain.h"
#include "migration/project.h"
#include "migration/render.h"
#include "migration/revision.h"
#include "migration/route.h"
#include "migration/scan.h"
#include "migration/steps.h"
#include "migration/version.h"
#include "pg/conn.h"
#include "script/effect.h"
#include "script/statement.h"

static char *const none[] = {NULL};

/* Rows. */

static char **rows_of_nodes(const struct history *h, const int *nodes, size_t n, struct err *err)
{
    char **rows = calloc(n + 1, sizeof(*rows));

    if (rows == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = strdup(history_id(h, nodes[i]));
        if (rows[i] == NULL) {
            (void)err_oom(err);
            rows_free(rows);
            return NULL;
        }
    }
    return rows;
}

/* --current REV,...: in the order given. */
static char **rows_named(const struct history *h, const char *list, struct err *err)
{
    struct symbol_nodes nodes = {0};
    char **rows = NULL;

    while (*list != '\0') {
        size_t n = strcspn(list, ", ");
        char *rev = strndup(list, n);
        int rc;

        if (rev == NULL) {
            (void)err_oom(err);
            goto out;
        }
        rc = n > 0 ? symbol_revisions(h, rev, &nodes, err) : 0;
        free(rev);
        if (rc != 0) {
            (void)err_prefix(err, "--current");
            goto out;
        }
        list += n;
        list += strspn(list, ", ");
    }
    for (size_t i = 0; i < nodes.count; i++) {
        for (size_t k = i + 1; k < nodes.count; k++) {
            if (nodes.items[i] != nodes.items[k])
                continue;
            (void)err_set(err, ERR_USAGE, "--current names revision %s twice",
                          history_id(h, nodes.items[i]));
            goto out;
        }
    }
    rows = rows_of_nodes(h, nodes.items, nodes.count, err);
out:
    symbol_nodes_free(&nodes);
    return rows;
}

/* The heads of another checkout. */
static char **rows_of_checkout(const struct plan_request *r, const char *dir, struct err *err)
{
    struct project *p = project_read_dir(r, dir, err);
    struct history *h = NULL;
    char **rows = NULL;

    if (p == NULL)
        return NULL;
    h = scan_load(p->versions, p->recursive, p->missing_ok, err);
    if (h != NULL && h->count == 0)
        (void)err_set(err, ERR_USAGE, "--current-from: there are no revision files in %s",
                      p->versions[0]);
    else if (h != NULL && history_check(h, err) == 0)
        rows = rows_of_nodes(h, h->real_heads, h->nreal_heads, err);
    history_free(h);
    project_free(p);
    return rows;
}

static int check_known(const struct history *h, char *const *rows, const char *where, struct err *err)
{
    for (; *rows != NULL; rows++) {
        struct symbol_nodes n = {0};
        struct err why = {0};
        int rc = symbol_revisions(h, *rows, &n, &why);

        symbol_nodes_free(&n);
        if (rc == 0)
            continue;
        (void)err_set(err, ERR_FAILED, "%s at revision %s, which these files do not have: it is ahead of "
                      "them, or belongs to another project", where, *rows);
        err_hint(err, "run this from the checkout (or image) that knows revision %s; --current-from and "
                      "--versions name others", *rows);
        return -1;
    }
    return 0;
}

/* Effects, digest. */

static int find_effects(struct plan *p, const struct version_name *name, struct err *err)
{
    const struct script **scripts = calloc(p->nsteps + 1, sizeof(*scripts));
    struct effects **found = NULL;
    struct buf table = {0};
    size_t n = 0;
    int rc = -1;

    if (scripts == NULL)
        return err_oom(err);
    for (size_t i = 0; i < p->nsteps; i++) {
        if (p->steps[i].script != NULL)
            scripts[n++] = p->steps[i].script;
    }
    if (name != NULL && name->table != NULL &&
        (name->schema != NULL ? buf_addf(&table, err, "%s.%s", name->schema, name->table)
                              : buf_adds(&table, name->table, err)) != 0)
        goto out;
    found = effects_find_all(scripts, n, table.data, err);
    if (found == NULL)
        goto out;
    n = 0;
    for (size_t i = 0; i < p->nsteps; i++) {
        if (p->steps[i].script != NULL)
            p->steps[i].effects = found[n++];
    }
    free(found);
    rc = 0;
out:
    buf_free(&table);
    free(scripts);
    return rc;
}

static void digest_text(crypto_generichash_state *st, const char *s, size_t n)
{
    unsigned char len[8];

    for (int i = 0; i < 8; i++)
        len[i] = (unsigned char)((unsigned long long)n >> (8 * i));
    (void)crypto_generichash_update(st, len, sizeof(len));
    (void)crypto_generichash_update(st, (const unsigned char *)s, n);
}

static void digest_rows(crypto_generichash_state *st, char *const *rows)
{
    for (; *rows != NULL; rows++)
        digest_text(st, *rows, strlen(*rows));
    digest_text(st, "", 0);
}

static int digest(struct plan *p, struct err *err)
{
    crypto_generichash_state st;
    unsigned char hash[32];

    if (sodium_init() < 0)
        return err_set(err, ERR_FAILED, "libsodium cannot be initialised");
    (void)crypto_generichash_init(&st, NULL, 0, sizeof(hash));
    digest_rows(&st, p->from);
    digest_rows(&st, p->to);
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *s = &p->steps[i];

        digest_text(&st, s->revision, strlen(s->revision));
        if (s->script != NULL)
            digest_text(&st, s->script->text, s->script->len);
    }
    (void)crypto_generichash_final(&st, hash, sizeof(hash));
    (void)sodium_bin2hex(p->digest, sizeof(p->digest), hash, sizeof(hash));
    return 0;
}

/* Other tools' files. */

static struct plan *plan_sql(const struct plan_request *r, const char *const *files, size_t n, int up,
                             struct err *err)
{
    struct plan *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    p->direction = up ? PLAN_UP : PLAN_SQL;
    p->from = rows_copy(none, err);
    p->to = p->from != NULL ? rows_copy(none, err) : NULL;
    p->steps = calloc(n + 1, sizeof(*p->steps));
    if (p->to == NULL || p->steps == NULL) {
        (void)err_oom(err);
        goto failed;
    }
    if (n == 0) {
        (void)err_set(err, ERR_USAGE, "no SQL file is named");
        goto failed;
    }
    for (size_t i = 0; i < n; i++) {
        struct plan_step *s = &p->steps[i];
        const char *file = files[i];

        p->nsteps = i + 1;
        s->script = up ? plain_read_up(file, err) : plain_read(file, r->tool, &s->manner, err);
        s->revision = strdup(strcmp(file, "-") == 0 ? "<standard input>" : file);
        s->file = strdup(file);
        s->message = strdup("");
        s->before = rows_copy(none, err);
        s->after = rows_copy(none, err);
        if (s->script == NULL)
            goto failed;
        if (s->revision == NULL || s->file == NULL || s->message == NULL || s->before == NULL ||
            s->after == NULL) {
            (void)err_oom(err);
            goto failed;
        }
    }
    if (find_effects(p, NULL, err) != 0 || digest(p, err) != 0)
        goto failed;
    return p;
failed:
    plan_free(p);
    return NULL;
}

/* The files that go forward again: those that are named, else those that the tools' naming gives. */
static struct plan *reverse_sql(const struct plan *p, const struct plan_request *r, struct err *err)
{
    const char **files = calloc(p->nsteps + 1, sizeof(*files));
    struct plan *back = NULL;
    size_t n = 0;

    if (files == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    while (n < p->nsteps && r->nundo_files == 0) {
        const char *file = p->steps[p->nsteps - 1 - n].file;
        char *forward;

        if (plain_forward(file, &forward, err) != 0)
            goto out;
        if (forward == NULL) {
            (void)err_set(err, ERR_FAILED, "the way forward of %s is not known: --undo-sql FILE names it", file);
            goto out;
        }
        files[n++] = forward;
    }
    back = r->nundo_files > 0 ? plan_sql(r, r->undo_files, r->nundo_files, 1, err) : plan_sql(r, files, n, 1, err);
out:
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)files[i]);
    free((void *)(uintptr_t)files);
    return back;
}

/* Alembic. */

struct context {
    const struct plan_request *r;
    struct project *project;
    struct history *history;
    struct version_name name;
    int on_server;
    char **rows; /* in the database's order */
};

static void context_close(struct context *x)
{
    project_free(x->project);
    history_free(x->history);
    version_name_free(&x->name);
    rows_free(x->rows);
}

static int context_open(struct context *x, const struct plan_request *r, struct conn *c,
                        struct err *err)
{
    memset(x, 0, sizeof(*x));
    x->r = r;
    x->project = project_read(r, err);
    if (x->project == NULL)
        return -1;
    x->history = scan_load(x->project->versions, x->project->recursive, x->project->missing_ok,
                              err);
    if (x->history == NULL || history_check(x->history, err) != 0)
        return -1;
    if (x->history->count == 0) {
        (void)err_set(err, ERR_USAGE, "there are no revision files in %s",
                      x->project->versions != NULL ? x->project->versions[0] : "(none)");
        return -1;
    }
    for (size_t i = 0; i < x->history->nproblems; i++)
        log_warn("%s", x->history->problems[i].message);
    if (c != NULL) {
        if (version_find(c, r->version_table, &x->name, err) != 0)
            return -1;
        x->on_server = x->name.table != NULL;
    }
    if (x->name.table == NULL && r->version_table != NULL)
        return version_name_read(r->version_table, &x->name, err);
    return 0;
}

static int context_rows(struct context *x, struct conn *c, struct err *err)
{
    const struct plan_request *r = x->r;

    if (r->current != NULL)
        x->rows = rows_named(x->history, r->current, err);
    else if (r->current_from != NULL)
        x->rows = rows_of_checkout(r, r->current_from, err);
    else if (c != NULL)
        x->rows = x->on_server ? version_rows(c, &x->name, err) : rows_copy(none, err);
    else {
        (void)err_set(err, ERR_USAGE, "no database, and no --current: where does the plan start?");
        err_hint(err, "--current REV,... or --current-from DIR plans without a database");
    }
    if (x->rows == NULL)
        return -1;
    return check_known(x->history, x->rows,
                       r->current == NULL && r->current_from != NULL ? "--current-from is"
                                                                     : "the database is", err);
}

/* ROWS after NODE went, as Alembic has it that keeps COVERED rows or does not; NULL: it does not fit. */
static char **rows_below(struct history *h, char *const *rows, int node, int covered)
{
    struct err ignored = {0};
    struct route_ops ops = {0};
    char **after = NULL;

    h->covered_rows = covered;
    if (route_step(h, rows, node, 0, &ops, &after, &ignored) != 0)
        after = NULL;
    route_ops_free(&ops);
    h->covered_rows = 0;
    return after;
}

/* Whether a row that another one covers stays when its child goes is a matter of Alembic's release.  It is
 * asked only where that makes a difference. */
static int settle_rows(struct context *x, const int *nodes, size_t n, int up, struct err *err)
{
    char **rows = up || x->r->no_sql ? NULL : rows_copy(x->rows, err);
    int same = 1;

    for (size_t i = 0; i < n && rows != NULL && same; i++) {
        char **now = rows_below(x->history, rows, nodes[i], 0);
        char **then = rows_below(x->history, rows, nodes[i], 1);

        same = now == NULL || then == NULL || rows_equal(now, then);
        rows_free(rows);
        rows_free(then);
        rows = now;
    }
    rows_free(rows);
    if (err->kind != ERR_NONE)
        return -1;
    return same ? 0 : render_is_older(x->r, x->project, 1, 13, 1, &x->history->covered_rows, err);
}

static struct plan *make(struct context *x, const int *nodes, size_t n, int up, const char *revision,
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
    s.plan = x->r;
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
    if ((!x->r->no_sql && find_effects(p, &x->name, err) != 0) || digest(p, err) != 0)
        goto failed;
    return p;
failed:
    plan_free(p);
    return NULL;
}

void plan_request_settle(struct plan_request *r, const struct config *config)
{
    if (config == NULL)
        return;
    if (r->alembic_config == NULL)
        r->alembic_config = config_file(config, "alembic.config");
    if (r->alembic_name == NULL)
        r->alembic_name = config_string(config, "alembic.name");
    if (r->alembic_command == NULL)
        r->alembic_command = config_string(config, "alembic.command");
    if (r->versions == NULL)
        r->versions = config_file(config, "alembic.versions");
    if (r->version_table == NULL)
        r->version_table = config_string(config, "alembic.version_table");
}

/* The way back, made by a thread of its own while the way there is: most of both is waiting for Python. */
struct plan_back {
    struct context x;    /* project and history are the other way's; ROWS are what it leads to */
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
static struct plan_back *back_start(const struct context *x, const int *nodes, size_t n, int up)
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
    struct context x;
    int down;

    if (r->direction == PLAN_SQL)
        return plan_sql(r, r->sql_files, r->nsql_files, 0, err);
    if (r->revision == NULL || r->revision[0] == '\0') {
        (void)err_set(err, ERR_USAGE, "no revision is named");
        return NULL;
    }
    if (context_open(&x, r, c, err) != 0 || context_rows(&x, c, err) != 0)
        goto out;
    down = r->direction == PLAN_DOWN;
    if (r->direction == PLAN_TO && route_is_down(x.history, x.rows, r->revision, &down, err) != 0)
        goto out;
    if ((down ? route_down : route_up)(x.history, x.rows, r->revision, &nodes, err) != 0)
        goto out;
    if (settle_rows(&x, nodes.items, nodes.count, !down, err) != 0)
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
    context_close(&x);
    return p;
}

struct plan *plan_reverse(const struct plan *p, const struct plan_request *r, struct conn *c,
                          struct err *err)
{
    struct context x;
    struct plan *back = NULL;
    int *nodes = NULL;

    if (p->direction == PLAN_SQL)
        return reverse_sql(p, r, err);
    if (p->back != NULL && (p->back->plan != NULL || p->back->err.kind != ERR_NONE)) {
        back = p->back->plan;
        p->back->plan = NULL;
        if (back == NULL)
            *err = p->back->err;
        return back;
    }
    if (context_open(&x, r, c, err) != 0)
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
    if (settle_rows(&x, nodes, p->nsteps, p->direction == PLAN_DOWN, err) == 0)
        back = make(&x, nodes, p->nsteps, p->direction == PLAN_DOWN, NULL, err);
out:
    free(nodes);
    context_close(&x);
    return back;
}

/* Each file beside the one that its tool would take; a file without one is judged alone. */
static int forward_files(struct plan *p, struct err *err)
{
    size_t i;

    for (i = 0; i < p->nsteps; i++) {
        struct plan_step *s = &p->steps[i];
        struct err why = {0};
        char *file = NULL;

        if (strcmp(s->file, "-") != 0 && plain_forward(s->file, &file, err) < 0)
            return -1;
        if (file == NULL)
            continue;
        s->forward = plain_read_up(file, &why);
        if (s->forward == NULL)
            log_warn("%s is not compared with %s: %s", s->file, file, why.message);
        free(file);
        if (s->forward == NULL && strings_dup(&s->forward_why, why.message, err) < 0)
            return -1;
        if (s->forward != NULL && (s->forward_effects = effects_find(s->forward, NULL, err)) == NULL)
            return -1;
    }
    return 0;
}

int plan_forward(struct plan *p, const struct plan_request *r, struct conn *c, struct err *err)
{
    struct plan *up;
    size_t i, k;

    if (p->direction == PLAN_SQL)
        return forward_files(p, err);
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
