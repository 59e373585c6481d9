#include "rollback/begin.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup/keys.h"
#include "core/audit.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/state.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "rollback/guard.h"
#include "rollback/kept.h"

static json_t *list(char *const *rows)
{
    json_t *a = json_array();

    for (size_t i = 0; rows != NULL && rows[i] != NULL; i++)
        (void)json_array_append_new(a, json_string(rows[i]));
    return a;
}

/* Both directions, sealed: undo needs neither Alembic nor the files. */
static char *seal_plan(const struct guard *g, struct err *err)
{
    json_t *o = json_object(), *down = kept_plan(g->plan, err), *up = NULL;
    char *sealed = NULL;

    if (o == NULL || down == NULL)
        goto out;
    if (g->reverse != NULL && (up = kept_plan(g->reverse, err)) == NULL)
        goto out;
    (void)json_object_set(o, "plan", down);
    if (up != NULL)
        (void)json_object_set(o, "reverse", up);
    sealed = kept_seal(o, g->request->keys, err);
out:
    json_decref(o);
    json_decref(down);
    json_decref(up);
    return sealed;
}

struct journal *begin_run(const struct guard *g, const struct begin_options *b, struct err *err)
{
    struct journal *j = NULL;
    const struct cli_common *c = g->request->common;
    const char *is_volatile;
    json_t *begin = json_object(), *forced = json_array();
    char *command = NULL, *sealed = NULL;
    struct err why = {0};
    int rc = -1;

    if (state_make(g->state_dir, &is_volatile, err) != 0)
        goto out;
    if (is_volatile != NULL)
        log_warn("the state folder \"%s\" is %s: after a crash nothing would be known", g->state_dir,
                 is_volatile);
    if ((j = journal_create(g->state_dir, g->key, err)) == NULL)
        goto out;
    if ((command = audit_mask(c->argc, c->argv, err)) == NULL)
        goto out;
    for (size_t i = 0; i < g->nrefusals; i++)
        if (g->refusals[i].forced)
            (void)json_array_append_new(forced, json_string(g->refusals[i].name));
    (void)json_object_set_new(begin, "kind", json_string(b->kind));
    (void)json_object_set_new(begin, "segments", json_integer((json_int_t)b->segments));
    if (g->request->dry_run)
        (void)json_object_set_new(begin, "dry_run", json_true());
    if (b->undo_of != NULL)
        (void)json_object_set_new(begin, "of", json_string(b->undo_of));
    (void)json_object_set_new(begin, "from", list(g->plan->from));
    (void)json_object_set_new(begin, "to", list(g->plan->to));
    if (g->plan->version_table != NULL && g->plan->version_schema != NULL) {
        (void)json_object_set_new(begin, "version_schema", json_string(g->plan->version_schema));
        (void)json_object_set_new(begin, "version_table", json_string(g->plan->version_table));
        if (g->plan->version_column != NULL)
            (void)json_object_set_new(begin, "version_column", json_string(g->plan->version_column));
    }
    (void)json_object_set_new(begin, "digest", json_string(g->digest));
    (void)json_object_set_new(begin, "server", json_string(conn_title(g->control)));
    (void)json_object_set_new(begin, "database", json_string(g->environment->database));
    (void)json_object_set_new(begin, "command", json_string(command));
    (void)json_object_set_new(begin, "pid", json_integer(getpid()));
    (void)json_object_set_new(begin, "undo", json_integer((json_int_t)g->undo));
    (void)json_object_set(begin, "forced", forced);
    if (c->reason != NULL)
        (void)json_object_set_new(begin, "reason", json_string(c->reason));
    if (journal_write(j, "begin", json_incref(begin), err) != 0)
        goto out;
    if (keyring_can_write(g->request->keys, &why) == 0) {
        if ((sealed = seal_plan(g, err)) == NULL ||
            journal_write(j, "plan", json_pack("{s:s}", "sealed", sealed), err) != 0)
            goto out;
    }
    rc = 0;
out:
    json_decref(begin);
    json_decref(forced);
    free(command);
    free(sealed);
    if (rc != 0) {
        journal_free(j);
        j = NULL;
    }
    return j;
}
