#include "rollback/saving.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/ddl.h"
#include "backup/selection.h"
#include "backup/shelf.h"
#include "backup/snapshot.h"
#include "core/audit.h"
#include "core/buf.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/report.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/estimate.h"
#include "rollback/guard.h"
#include "script/closure.h"
#include "script/effect.h"

struct saving {
    struct saving_request q;
    struct snapshot_result first, second;
    int before;       /* FIRST was taken before the locks */
    int64_t *now;     /* rows of each of FIRST's tables under the locks, where it was taken before them; or NULL */
    uint32_t horizon; /* every transaction before it was over when FIRST was taken */
    char *schema, *no_schema; /* DDL, or why there is none; both NULL: it was not asked for yet */
};

struct saving *saving_new(const struct saving_request *q, struct err *err)
{
    struct saving *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    s->q = *q;
    return s;
}

void saving_free(struct saving *s)
{
    if (s == NULL)
        return;
    snapshot_result_free(&s->first);
    free(s->now);
    snapshot_result_free(&s->second);
    free(s->schema);
    free(s->no_schema);
    free(s);
}

/* ---- what undo will need --------------------------------------------------------------------- */

static const char *mode_of(const struct closure_table *t)
{
    if (t->fate & CLOSURE_DROPPED)
        return "replace";
    if (t->fate & (CLOSURE_EMPTIED | CLOSURE_ROWS))
        return "merge";
    return "columns";
}

/* A generated column is not saved: it is computed. */
static int is_generated(const struct catalog_table *c, const char *column)
{
    for (size_t i = 0; c != NULL && i < c->ncolumns; i++)
        if (strcmp(c->columns[i].name, column) == 0)
            return c->columns[i].generated != 0;
    return 0;
}

/* Rows are found again by their key: "goes" with a column, "changes", or "stays". */
static const char *key_of(const struct catalog_table *is, const struct closure_table *t)
{
    enum selection_key becomes = SELECTION_KEY_STAYS;

    if (is != NULL && (t->fate & (CLOSURE_DROPPED | CLOSURE_EMPTIED)) == 0)
        (void)selection_key(is, t, &becomes);
    return becomes == SELECTION_KEY_DROPPED                                       ? "goes"
           : becomes == SELECTION_KEY_UPDATED || becomes == SELECTION_KEY_RETYPED ? "changes"
                                                                                  : "stays";
}

/* Can rows of T have gone with the change?  Can other columns than those that the closure names have changed? */
static void weigh(const struct closure *c, const struct closure_table *t, int *went, int *whole)
{
    *went = *whole = 0;
    for (size_t i = 0; i < c->nreaches; i++) {
        const struct closure_reach *r = &c->reaches[i];

        if (r->oid != t->oid || (r->fate & (CLOSURE_EMPTIED | CLOSURE_ROWS)) == 0 ||
            (r->why & CLOSURE_COLUMN_UPDATED) != 0)
            continue;
        *went = 1;
        *whole |= r->because == NULL && r->effect->kind != EFFECT_DELETE && r->effect->kind != EFFECT_TRUNCATE;
    }
    *whole |= c->opaque > 0;
    *went |= c->opaque > 0;
}

/* NULL where nothing is to be put back.  IS may be NULL where no column is named. */
static json_t *target(const struct catalog_table *is, const struct closure *closure, const struct closure_table *t,
                      const char *mode)
{
    const char *key = key_of(is, t);
    int went, whole;
    json_t *o, *columns;

    o = json_object();
    columns = json_array();
    for (size_t k = 0; k < t->ncolumns; k++)
        if (!is_generated(is, t->columns[k].name))
            (void)json_array_append_new(columns, json_string(t->columns[k].name));
    if (strcmp(mode, "columns") == 0 && json_array_size(columns) == 0) {
        json_decref(o);
        json_decref(columns);
        return NULL;
    }
    (void)json_object_set_new(o, "schema", json_string(t->schema));
    (void)json_object_set_new(o, "name", json_string(t->name));
    (void)json_object_set_new(o, "mode", json_string(mode));
    (void)json_object_set_new(o, "columns", columns);
    (void)json_object_set_new(o, "key", json_string(key));
    weigh(closure, t, &went, &whole);
    (void)json_object_set_new(o, "went", json_boolean(went));
    (void)json_object_set_new(o, "whole", json_boolean(whole));
    return o;
}

static int has_target(const struct closure_table *t)
{
    /* A materialized view is computed again, a foreign table's rows are another server's, a partitioned
     * table's are in its partitions. */
    return closure_table_at_risk(t) && t->kind == 'r';
}

/* Of all in one answer: writers wait for it. */
static json_t *all_targets(struct conn *conn, const struct closure *c, struct err *err)
{
    uint32_t *oids = calloc(c->ntables + 1, sizeof(*oids));
    struct catalog_table **are = NULL;
    json_t *a = NULL;
    size_t n = 0, at = 0;

    if (oids == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < c->ntables; i++)
        if (has_target(&c->tables[i]))
            oids[n++] = c->tables[i].oid;
    if (n > 0 && (are = catalog_tables_get(conn, oids, n, err)) == NULL)
        goto out;
    a = json_array();
    for (size_t i = 0; i < c->ntables && at < n; i++) {
        const struct closure_table *t = &c->tables[i];
        json_t *one;

        if (!has_target(t))
            continue;
        if (are[at] == NULL && t->ncolumns > 0) {
            (void)err_set(err, ERR_FAILED, "%s.%s is not there any more", t->schema, t->name);
            json_decref(a);
            a = NULL;
            goto out;
        }
        if ((one = target(are[at++], c, t, mode_of(t))) != NULL)
            (void)json_array_append_new(a, one);
    }
out:
    catalog_tables_free(are, n);
    free(oids);
    return a;
}

/* Takes TARGETS, NULL with *ERR set.  STEP "backup", or "backup-more" for what changed since. */
static int tell_journal(struct saving *s, const char *step, const struct snapshot_result *r,
                        json_t *targets, struct err *err)
{
    if (targets == NULL)
        return -1;
    return journal_write(s->q.journal, step,
                         json_pack("{s:I, s:s, s:s, s:I, s:o}", "segment", (json_int_t)s->q.segment, "file",
                                   r->file, "archive_id", r->archive_id, "bytes",
                                   (json_int_t)r->file_bytes, "targets", targets),
                         err);
}

/* ---- copying --------------------------------------------------------------------------------- */

/* What going forward again would fill the columns with: loss scope leaves those values out. */
static int forward(const struct guard *g, struct snapshot_options *o, struct effects ***effects,
                   struct err *err)
{
    *effects = NULL;
    if (g->reverse == NULL)
        return 0;
    if ((*effects = plan_effects(g->reverse, &o->nforward, err)) == NULL)
        return -1;
    o->forward = *effects;
    o->forward_known = o->nforward == g->reverse->nsteps;
    return 0;
}

static int copy(struct saving *s, struct conn *leader, struct snapshot_options *o,
                struct snapshot_result *r, struct err *err)
{
    struct guard *g = s->q.guard;
    const struct cli_common *c = g->request->common;
    struct progress *progress = progress_start("saving");
    char *command = audit_mask(c->argc, c->argv, err);
    struct effects **effects = NULL;
    int rc = -1;

    o->keys = g->request->keys;
    o->dir = state_shelf(c, g->request->config);
    o->purpose = s->q.purpose;
    o->reason = c->reason;
    o->environment = g->environment->name;
    o->command = command;
    o->from = (const char *const *)s->q.plan->from;
    o->to = (const char *const *)s->q.plan->to;
    o->jobs = c->jobs;
    o->lock_timeout_ms = g->request->lock_timeout_ms;
    o->tick = progress_tick;
    o->tick_arg = progress;
    if (command == NULL || forward(g, o, &effects, err) != 0)
        goto out;
    if (shelf_make(o->dir, err) != 0 || snapshot_create(leader, o, r, err) != 0) {
        (void)err_prefix(err, "no backup, so nothing was changed");
        goto out;
    }
    if (!r->verified) {
        (void)err_set(err, ERR_BACKUP, "the backup \"%s\" could not be read back", r->file);
        goto out;
    }
    if (r->no_ddl != NULL)
        log_warn("the backup holds no DDL, restore --create will not be possible: %s", r->no_ddl);
    rc = 0;
out:
    progress_end(progress);
    free(effects);
    free(command);
    return rc;
}

static enum snapshot_scope scope(const struct saving *s)
{
    return s->q.guard->request->loss_scope ? SNAPSHOT_LOSS : SNAPSHOT_TABLES;
}

static int set_file(struct saving *s, const struct snapshot_result *r, struct err *err)
{
    free(*s->q.file);
    *s->q.file = NULL;
    return strings_dup(s->q.file, r->file, err);
}

int saving_before(struct saving *s, struct err *err)
{
    struct snapshot_options o = {.closure = s->q.closure, .scope = scope(s)};
    int64_t horizon;

    /* Read before the snapshot is taken: what it says is over, the snapshot sees. */
    if (query_int(s->q.guard->control,
                  "SELECT (pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.text)"
                  "::pg_catalog.int8 % 4294967296",
                  &horizon, err) != 0)
        return -1;
    s->horizon = (uint32_t)horizon;
    if (copy(s, s->q.guard->control, &o, &s->first, err) != 0 || set_file(s, &s->first, err) != 0)
        return -1;
    s->before = 1;
    log_info("saved in %s; now the locks, and what changed since", s->first.file);
    return tell_journal(s, "backup", &s->first, all_targets(s->q.guard->control, s->q.closure, err), err);
}

/* ---- what changed since ---------------------------------------------------------------------- */

/* Arrays for the second copy, under construction. */
struct more {
    uint32_t *oids;
    char **filters; /* one per oid; NULL: the whole table */
    size_t n;
    json_t *targets;
    int64_t bytes;  /* of the tables that are copied whole */
};

static const struct closure_table *find_table(const struct saving *s, const struct snapshot_table *t,
                                              size_t *at)
{
    for (size_t i = 0; i < s->q.closure->ntables; i++)
        if (strcmp(s->q.closure->tables[i].name, t->name) == 0 &&
            strcmp(s->q.closure->tables[i].schema, t->schema) == 0) {
            *at = i;
            return &s->q.closure->tables[i];
        }
    return NULL;
}

/* Rows of T that are newer than the copy, and rows of the copy that are still as they were. */
static int count(struct saving *s, const struct snapshot_table *t, int64_t *newer, int64_t *same,
                 struct err *err)
{
    struct query q = {.columns = 2, .min_rows = 1, .max_rows = 1};
    struct buf b = {0};
    struct result *r = NULL;
    int rc = -1;

    if (buf_addf(&b, err,
                 "SELECT pg_catalog.count(*) FILTER (WHERE n), pg_catalog.count(*) FILTER (WHERE NOT n AND f) "
                 "FROM (SELECT pg_catalog.age(t.xmin) <= pg_catalog.age('%" PRIu32
                 "'::pg_catalog.xid) AS n, (%s) AS f FROM ONLY ",
                 s->horizon, t->filter != NULL ? t->filter : "true") != 0 ||
        quote_name(&b, t->schema, t->name, err) != 0 || buf_adds(&b, " t) x", err) != 0)
        goto out;
    q.sql = b.data;
    if ((r = query_run(s->q.guard->main, &q, err)) == NULL) {
        (void)err_prefix(err, "cannot tell what changed in %s.%s since the backup", t->schema, t->name);
        goto out;
    }
    *newer = result_int(r, 0, 0);
    *same = result_int(r, 0, 1);
    rc = 0;
out:
    result_free(r);
    buf_free(&b);
    return rc;
}

static int one_table(struct saving *s, const struct snapshot_table *t, struct more *m, struct err *err)
{
    const struct closure_table *c;
    int64_t newer, same;
    size_t at;
    int by_key, whole;

    if ((c = find_table(s, t, &at)) == NULL || c->kind != 'r')
        return 0;
    if (count(s, t, &newer, &same, err) != 0)
        return -1;
    if (t->filter == NULL)
        s->now[t - s->first.tables] = newer + same;
    if (newer == 0 && same == (int64_t)t->rows)
        return 0;
    /* Values of columns go back by key: a row that went meanwhile gets nothing, so that newer rows are
     * enough.  Rows of a dropped table that went meanwhile would come back, so that only a table that
     * lost none may do with the added ones. */
    by_key = strcmp(mode_of(c), "columns") == 0;
    whole = !by_key && same != (int64_t)t->rows;
    log_info("%s.%s: %lld rows are newer than the backup, %lld of its rows went or were changed%s", t->schema,
             t->name, (long long)newer, (long long)((int64_t)t->rows - same),
             whole ? "; it is saved once more" : "");
    m->oids[m->n] = c->oid;
    if (!whole) {
        struct buf b = {0};

        if (buf_addf(&b, err, "pg_catalog.age(t.xmin) <= pg_catalog.age('%" PRIu32 "'::pg_catalog.xid)",
                     s->horizon) != 0)
            return -1;
        m->filters[m->n] = b.data;
    } else {
        m->bytes += s->q.guard->closure == s->q.closure ? s->q.guard->tables[at].bytes : 0;
    }
    m->n++;
    {
        struct catalog_table *is = c->ncolumns > 0 ? catalog_table_get(s->q.guard->main, c->oid, err) : NULL;
        json_t *one;

        if (c->ncolumns > 0 && is == NULL)
            return -1;
        one = target(is, s->q.closure, c, by_key ? "columns" : whole ? mode_of(c) : "merge");
        catalog_table_free(is);
        if (one != NULL && json_array_append_new(m->targets, one) != 0)
            return err_oom(err);
    }
    return 0;
}

/* FILE, or NULL, is of an attempt that was rolled back: what it saw is in the new one, and the journal names that. */
static void remove_old(const char *file)
{
    if (file != NULL && unlink(file) != 0)
        log_warn("\"%s\", of an attempt that was given up, could not be removed", file);
}

static int copy_changed(struct saving *s, struct err *err)
{
    const struct rollback_request *q = s->q.guard->request;
    struct more m = {
        .oids = calloc(s->first.ntables + 1, sizeof(*m.oids)),
        .filters = calloc(s->first.ntables + 1, sizeof(*m.filters)),
        .targets = json_array(),
    };
    char is[32], max[32], *given_up = NULL;
    int rc = -1;

    free(s->now);
    s->now = calloc(s->first.ntables + 1, sizeof(*s->now));
    if (m.oids == NULL || m.filters == NULL || m.targets == NULL || s->now == NULL) {
        (void)err_oom(err);
        goto out;
    }
    for (size_t i = 0; i < s->first.ntables; i++)
        if (one_table(s, &s->first.tables[i], &m, err) != 0)
            goto out;
    if (m.n == 0) {
        /* What an attempt that was given up found has gone since: it is nothing for undo to put back. */
        rc = s->second.file == NULL ? 0 : tell_journal(s, "backup-more", &s->second, json_array(), err);
        goto out;
    }
    if (estimate_copy_ms((uint64_t)m.bytes) > q->max_block_ms) {
        (void)err_set(err, ERR_REFUSED, "tables that are dropped were written since the backup: to copy them once "
                      "more would stop writers for about %s, more than --max-block %s",
                      report_duration(estimate_copy_ms((uint64_t)m.bytes), is),
                      report_duration(q->max_block_ms, max));
        err_hint(err, "nothing was changed; the backup is kept. Try when less is written, or allow more with "
                      "--max-block");
        goto out;
    }
    {
        struct snapshot_options o = {.oids = m.oids,
                                     .noids = m.n,
                                     .filters = (const char *const *)m.filters,
                                     .held = 1,
                                     .alone = 1,
                                     .no_ddl = 1};

        /* Of an attempt that was given up. */
        if (strings_dup(&given_up, s->second.file, err) != 0)
            goto out;
        snapshot_result_free(&s->second);
        if (copy(s, s->q.guard->main, &o, &s->second, err) != 0)
            goto out;
    }
    rc = tell_journal(s, "backup-more", &s->second, json_incref(m.targets), err);
out:
    if (rc == 0)
        remove_old(given_up);
    free(given_up);
    for (size_t i = 0; m.filters != NULL && i < m.n; i++)
        free(m.filters[i]);
    free(m.filters);
    free(m.oids);
    json_decref(m.targets);
    return rc;
}

/* ---- the schema ------------------------------------------------------------------------------ */

/* Why there is none is for the backup to say; only an interruption stops the run. */
static int without(struct saving *s, const char *why, struct err *failed, struct err *err)
{
    if (failed != NULL && failed->kind == ERR_INTERRUPTED) {
        *err = *failed;
        return -1;
    }
    free(s->schema);
    free(s->no_schema);
    s->schema = s->no_schema = NULL;
    return strings_dup(&s->no_schema, why, err);
}

static int finish_schema(struct saving *s, struct err *err)
{
    free(s->no_schema);
    s->no_schema = NULL;
    return ddl_finish(s->q.guard->ddl, &s->schema, &s->no_schema, err);
}

static int read_schema(struct saving *s, struct err *err)
{
    struct guard *g = s->q.guard;
    struct err why = {0};

    ddl_free(g->ddl);
    if ((g->ddl = ddl_ahead(g->control, g->request->lock_timeout_ms, &why)) == NULL)
        return without(s, why.message, &why, err);
    return finish_schema(s, err);
}

int saving_schema(struct saving *s, int anew, struct err *err)
{
    struct guard *g = s->q.guard;

    if (g->request->backup != ROLLBACK_LOCKED || (!anew && (s->schema != NULL || s->no_schema != NULL)))
        return 0;
    free(s->schema);
    s->schema = NULL;
    /* Of an earlier segment. */
    if (s->q.segment > 0)
        anew = 1;
    if (!anew && g->ddl != NULL && finish_schema(s, err) != 0)
        return -1;
    /* What stood in pg_dump's way then may be gone. */
    return s->schema != NULL ? 0 : read_schema(s, err);
}

int saving_schema_current(struct saving *s, int last, int *current, struct err *err)
{
    struct err why = {0};

    *current = 1;
    if (s->schema == NULL)
        return 0;
    if (ddl_current(s->q.guard->ddl, s->q.guard->control, current, &why) != 0) {
        *current = 1;
        return without(s, why.message, &why, err);
    }
    return *current || !last ? 0 : without(s, "the schema was changed again and again while pg_dump read it", NULL, err);
}

int saving_locked(struct saving *s, struct err *err)
{
    struct snapshot_options o = {
        .closure = s->q.closure,
        .scope = scope(s),
        .held = 1,
        .alone = s->q.guard->short_copy,
        .ddl = s->schema,
        .ddl_why = s->no_schema,
    };

    char *given_up = NULL;
    int rc = -1;

    if (s->before)
        return copy_changed(s, err);
    if (strings_dup(&given_up, s->first.file, err) != 0)
        return -1;
    snapshot_result_free(&s->first);
    if (copy(s, s->q.guard->main, &o, &s->first, err) == 0 && set_file(s, &s->first, err) == 0)
        rc = tell_journal(s, "backup", &s->first, all_targets(s->q.guard->main, s->q.closure, err), err);
    if (rc == 0)
        remove_old(given_up);
    free(given_up);
    return rc;
}

int64_t saving_rows(const struct saving *s, uint32_t oid)
{
    const struct closure_table *t = closure_table_of(s->q.closure, oid);

    for (size_t i = 0; t != NULL && i < s->first.ntables; i++)
        if (strcmp(s->first.tables[i].name, t->name) == 0 && strcmp(s->first.tables[i].schema, t->schema) == 0)
            return s->first.tables[i].filter != NULL ? -1
                   : !s->before                      ? (int64_t)s->first.tables[i].rows
                   : s->now != NULL                  ? s->now[i]
                                                     : -1;
    return -1;
}
