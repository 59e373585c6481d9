#include "rollback/meanwhile.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/keys.h"
#include "backup/selection.h"
#include "backup/shelf.h"
#include "backup/snapshot.h"
#include "backup/target.h"
#include "core/buf.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/array.h"
#include "pg/catalog.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/guard.h"
#include "rollback/proof.h"
#include "rollback/run.h"
#include "rollback/running.h"
#include "rollback/saving.h"
#include "script/closure.h"
#include "script/effect.h"

void meanwhile_free(struct meanwhile *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->count; i++) {
        struct meanwhile_table *t = &m->tables[i];

        free(t->title);
        catalog_table_free(t->was);
        strings_free(t->key);
        strings_free(t->still);
        strings_free(t->made);
    }
    free(m->tables);
    free(m->held);
    free(m->writers);
    free(m->file);
    free(m);
}

struct meanwhile_table *meanwhile_find(const struct meanwhile *m, uint32_t oid)
{
    for (size_t i = 0; m != NULL && i < m->count; i++)
        if (m->tables[i].oid == oid)
            return &m->tables[i];
    return NULL;
}

/* ---- spelling -------------------------------------------------------------------------------- */

const struct catalog_column *meanwhile_column(const struct meanwhile_table *t, const struct catalog_table *now,
                                              const char *name)
{
    const struct catalog_column *was = target_column(t->was, name);

    for (size_t i = 0; was != NULL && i < now->ncolumns; i++)
        if (now->columns[i].attnum == was->attnum)
            return &now->columns[i];
    return NULL;
}

int meanwhile_match(const struct meanwhile_table *t, const struct catalog_table *now, struct buf *b, struct err *err)
{
    for (char *const *k = t->key; *k != NULL; k++) {
        const struct catalog_column *is = meanwhile_column(t, now, *k);

        if (is == NULL)
            return err_set(err, ERR_REFUSED, "the upgrade drops column %s of %s, which told its rows apart", *k, t->title);
        /* The same value of another type, or of one whose "=" no search_path finds. */
        if (buf_addf(b, err, "%sw.c%d::pg_catalog.text = t.", k != t->key ? " AND " : "", is->attnum) != 0 ||
            quote_ident(b, is->name, err) != 0 || buf_adds(b, "::pg_catalog.text", err) != 0)
            return -1;
    }
    return 0;
}

char *meanwhile_written(const struct meanwhile_table *t, const struct catalog_table *now, struct err *err)
{
    struct buf b = {0};
    char *sql = NULL;

    if (t->key == NULL)
        return NULL;
    if (t->written == 0)
        return strings_dup(&sql, "false", err) == 0 ? sql : NULL;
    if (buf_addf(&b, err, "EXISTS (SELECT 1 FROM pg_temp.mig_since_%zu AS w WHERE ", t->number) == 0 &&
        meanwhile_match(t, now, &b, err) == 0 && buf_addc(&b, ')', err) == 0)
        sql = buf_take(&b, err);
    buf_free(&b);
    return sql;
}

/* A condition over t: the row's last writer is newer than the rollback, and none of ours. */
static int add_newer(struct buf *b, const struct meanwhile *m, struct err *err)
{
    return buf_addf(b, err,
                    "(pg_catalog.age(t.xmin) < pg_catalog.age('%" PRIu32 "'::pg_catalog.xid) AND t.xmin::pg_catalog.text "
                    "<> ALL ('%s'::pg_catalog.text[]))",
                    m->since, m->writers);
}

/* ---- whose transactions ---------------------------------------------------------------------- */

/* Those of the rollback, and those of this undo that are committed. */
static int find_writers(struct meanwhile *m, const struct running *r, struct err *err)
{
    struct buf list = {0};

    for (char *const *x = r->o->writers; x != NULL && *x != NULL; x++)
        if (array_text(&list, *x, err) != 0)
            goto fail;
    for (char *const *x = r->o->wrote; x != NULL && *x != NULL; x++)
        if (array_text(&list, *x, err) != 0)
            goto fail;
    for (char *const *x = r->wrote; x != NULL && *x != NULL; x++)
        if (array_text(&list, *x, err) != 0)
            goto fail;
    if ((m->writers = array_take(&list, err)) != NULL)
        return 0;
fail:
    buf_free(&list);
    return -1;
}

/* ---- which tables ---------------------------------------------------------------------------- */

/* Version rows are checked by themselves. */
static int is_version(const struct running *r, const char *schema, const char *name)
{
    return r->plan->version_table != NULL && strcmp(r->plan->version_table, name) == 0 && r->plan->version_schema != NULL &&
           strcmp(r->plan->version_schema, schema) == 0;
}

static const struct closure_table *reached(const struct running *r, uint32_t oid)
{
    const struct closure_table *t = closure_table_of(r->closure, oid);

    return t != NULL && t->kind == 'r' && closure_table_at_risk(t) && (t->fate & CLOSURE_VERSION) == 0 &&
                   !is_version(r, t->schema, t->name)
               ? t
               : NULL;
}

/* Does one of the backups put back values of T: 2, whole rows; 1, this column of rows that are there? */
static int is_put_back(const struct running *r, const struct catalog_table *t, const char *column)
{
    for (size_t i = 0; i < r->o->nvalues; i++)
        for (size_t k = 0; k < r->o->values[i].ntargets; k++) {
            const struct restore_target *a = &r->o->values[i].targets[k];

            if (strcmp(a->name, t->name) != 0 || a->schema == NULL || strcmp(a->schema, t->schema) != 0)
                continue;
            if (a->mode != RESTORE_COLUMNS)
                return 2;
            for (const char *const *c = a->columns; column != NULL && c != NULL && *c != NULL; c++)
                if (strcmp(*c, column) == 0)
                    return 1;
        }
    return 0;
}

static const char has_triggers[] =
    "SELECT count(*) FROM pg_catalog.pg_trigger g WHERE g.tgrelid = '%u'::pg_catalog.oid AND NOT g.tgisinternal AND "
    "g.tgenabled <> 'D' AND (g.tgtype & 1) = 1 AND (g.tgtype & 16) = 16";

/* The columns that the upgrade changes once more: those that it names; all, where it does not name them or a
 * trigger can write any. */
static int find_still(const struct running *r, struct meanwhile_table *t, const struct closure_table *c, struct err *err)
{
    int updates = 0, all = 0;
    uint64_t triggers = 0;

    for (size_t i = 0; i < r->closure->nreaches; i++) {
        const struct closure_reach *e = &r->closure->reaches[i];

        if (e->oid != t->oid || (e->effect->flags & EFFECT_OWN) != 0)
            continue;
        updates |= (e->why & CLOSURE_COLUMN_UPDATED) != 0;
        all |= e->effect->kind == EFFECT_MERGE ||
               (e->effect->kind == EFFECT_INSERT && (e->fate & CLOSURE_ROWS) != 0);
    }
    if (!updates && !all)
        return 0;
    if (query_countf(r->g->main, &triggers, err, has_triggers, t->oid) != 0)
        return -1;
    all |= triggers > 0;
    for (size_t i = 0; i < t->was->ncolumns; i++) {
        const struct catalog_column *column = &t->was->columns[i];
        unsigned why = closure_column_why(c, column->name);

        if (column->generated || column->identity == 'a' || (why & (CLOSURE_COLUMN_DROPPED | CLOSURE_COLUMN_RETYPED)) != 0 ||
            (!all && (why & CLOSURE_COLUMN_UPDATED) == 0) || strings_find(t->key, column->name) >= 0 ||
            is_put_back(r, t->was, column->name))
            continue;
        if (strings_add(&t->still, column->name, err) != 0)
            return -1;
    }
    return 0;
}

static int add(struct running *r, uint32_t oid, struct err *err)
{
    struct meanwhile *m = r->meanwhile;
    struct meanwhile_table *t = &m->tables[m->count];
    const struct closure_table *c = reached(r, oid);
    const struct catalog_key *key;
    enum selection_key becomes;
    struct buf b = {0};

    if (meanwhile_find(m, oid) != NULL)
        return 0;
    t->oid = oid;
    t->number = m->count++;
    if ((t->was = catalog_table_get(r->g->main, oid, err)) == NULL)
        return -1;
    if (quote_pretty(&b, t->was->schema, t->was->name, err) != 0 || (t->title = buf_take(&b, err)) == NULL) {
        buf_free(&b);
        return -1;
    }
    t->put_back = is_put_back(r, t->was, NULL) == 2;
    t->dropped = c != NULL && (c->fate & CLOSURE_DROPPED) != 0;
    for (size_t i = 0; c != NULL && i < c->ncolumns; i++)
        t->narrowed |= (c->columns[i].why & CLOSURE_COLUMN_DROPPED) != 0;
    key = selection_key(t->was, c, &becomes);
    if (key != NULL && !t->dropped && (becomes == SELECTION_KEY_STAYS || becomes == SELECTION_KEY_RETYPED))
        for (size_t i = 0; i < key->ncolumns; i++)
            if (strings_add(&t->key, key->columns[i], err) != 0)
                return -1;
    return c != NULL && t->key != NULL ? find_still(r, t, c, err) : 0;
}

/* Tables that only the put-back writes: the upgrade's locks do not hold them. */
static int lock(struct running *r, const struct catalog_table *t, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (buf_adds(&b, "LOCK TABLE ONLY ", err) == 0 && quote_name(&b, t->schema, t->name, err) == 0 &&
        buf_adds(&b, " IN SHARE ROW EXCLUSIVE MODE", err) == 0)
        rc = query_exec(r->g->main, b.data, "LOCK TABLE", err);
    buf_free(&b);
    r->meanwhile->held[r->meanwhile->nheld++] = t->oid;
    return rc != 0 ? err_prefix(err, "cannot keep writers out of %s.%s", t->schema, t->name) : 0;
}

static int add_target(struct running *r, const struct restore_target *a, struct err *err)
{
    struct catalog_table *t = NULL;
    uint32_t oid = 0;
    int rc = -1;

    if (a->schema == NULL || catalog_find(r->g->main, a->schema, a->name, NULL, &oid, err) != 0)
        return a->schema == NULL ? 0 : -1;
    if (oid == 0)
        return 0;
    if ((t = catalog_table_get(r->g->main, oid, err)) == NULL)
        return -1;
    if (t->kind != 'r' || is_version(r, t->schema, t->name))
        rc = 0;
    else if (reached(r, oid) != NULL || lock(r, t, err) == 0)
        rc = add(r, oid, err);
    catalog_table_free(t);
    return rc;
}

static int find_tables(struct running *r, struct err *err)
{
    size_t n = r->closure->ntables;

    for (size_t i = 0; i < r->o->nvalues; i++)
        n += r->o->values[i].ntargets;
    if ((r->meanwhile->tables = calloc(n + 1, sizeof(*r->meanwhile->tables))) == NULL ||
        (r->meanwhile->held = calloc(n + 1, sizeof(*r->meanwhile->held))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < r->closure->ntables; i++)
        if (reached(r, r->closure->tables[i].oid) != NULL && add(r, r->closure->tables[i].oid, err) != 0)
            return -1;
    for (size_t i = 0; i < r->o->nvalues; i++)
        for (size_t k = 0; k < r->o->values[i].ntargets; k++)
            if (add_target(r, &r->o->values[i].targets[k], err) != 0)
                return -1;
    return 0;
}

/* ---- setting aside --------------------------------------------------------------------------- */

/* Columns by number: the upgrade may rename them. */
static int add_columns(struct buf *b, const struct meanwhile_table *t, char *const *a, char *const *also, struct err *err)
{
    int n = 0;

    for (size_t i = 0; i < t->was->ncolumns; i++) {
        const struct catalog_column *c = &t->was->columns[i];

        if (a != NULL && strings_find(a, c->name) < 0 && strings_find(also, c->name) < 0)
            continue;
        if (buf_adds(b, n++ > 0 ? ", t." : "t.", err) != 0 || quote_ident(b, c->name, err) != 0 ||
            buf_addf(b, err, " AS c%d", c->attnum) != 0)
            return -1;
    }
    return 0;
}

static int set_aside(struct running *r, struct meanwhile_table *t, const char *kind, struct err *err)
{
    int still = strcmp(kind, "still") == 0;
    struct buf b = {0};
    int rc = -1;

    if (buf_addf(&b, err, "CREATE TEMPORARY TABLE pg_temp.mig_%s_%zu ON COMMIT DROP AS SELECT ", kind, t->number) != 0 ||
        add_columns(&b, t, still ? t->key : NULL, still ? t->still : NULL, err) != 0 || buf_adds(&b, " FROM ONLY ", err) != 0 ||
        quote_name(&b, t->was->schema, t->was->name, err) != 0 || buf_adds(&b, still ? " AS t WHERE NOT " : " AS t WHERE ", err) != 0 ||
        add_newer(&b, r->meanwhile, err) != 0 || query_exec(r->g->main, b.data, NULL, err) != 0 ||
        query_execf(r->g->main, err, "ANALYZE pg_temp.mig_%s_%zu", kind, t->number) != 0)
        goto out;
    rc = still ? 0 : query_countf(r->g->main, &t->written, err, "SELECT count(*) FROM pg_temp.mig_since_%zu", t->number);
out:
    buf_free(&b);
    return rc != 0 ? err_prefix(err, "cannot set aside what was written to %s since the rollback", t->title) : 0;
}

/* How many of the rows that the rollback left are not as it left them?  Only where it said how many there were. */
static int count_gone(struct running *r, struct meanwhile_table *t, struct err *err)
{
    const json_t *left = r->o->left;
    struct buf name = {0};
    uint64_t all = 0;
    char oid[16];
    int64_t was;
    int rc = -1;

    (void)snprintf(oid, sizeof(oid), "%" PRIu32, t->oid);
    if ((left = json_object_get(left, oid)) == NULL)
        return 0;
    was = (int64_t)json_integer_value(json_object_get(left, "rows"));
    t->added = json_integer_value(json_object_get(left, "inserted")) > 0;
    if (quote_name(&name, t->was->schema, t->was->name, err) == 0 &&
        query_countf(r->g->main, &all, err, "SELECT count(*) FROM ONLY %s", name.data) == 0) {
        int64_t standing = (int64_t)(all - t->written);

        t->gone = was > standing ? (uint64_t)(was - standing) : 0;
        rc = 0;
    }
    buf_free(&name);
    return rc;
}

int meanwhile_leave(const struct running *r, const struct result *writes, struct err *err)
{
    json_t *all;

    if (r->o->undo_of != NULL || r->g->request->dry_run)
        return 0;
    if ((all = json_object()) == NULL)
        return err_oom(err);
    for (int i = 0; i < result_rows(writes); i++) {
        uint32_t oid = (uint32_t)result_int(writes, i, 0);
        const struct closure_table *t = closure_table_of(r->closure, oid);
        int64_t inserted = result_int(writes, i, 2), deleted = result_int(writes, i, 4), rows;

        /* One that the transaction made was empty, one that it emptied is. */
        rows = !proof_has(r->before, oid)                      ? 0
               : t != NULL && (t->fate & CLOSURE_EMPTIED) != 0 ? -1
                                                               : saving_rows(r->saving, oid);
        if (rows < 0 || rows + inserted < deleted)
            continue;
        (void)json_object_set_new(all, result_text(writes, i, 0),
                                  json_pack("{s:I, s:I}", "rows", (json_int_t)(rows + inserted - deleted), "inserted",
                                            (json_int_t)inserted));
    }
    return journal_note(r->journal, "left", json_pack("{s:I, s:o}", "segment", (json_int_t)r->segment, "tables", all), err);
}

/* For whoever misses them: on the shelf, encrypted, before anything is changed. */
static int save(struct running *r, struct err *err)
{
    struct meanwhile *m = r->meanwhile;
    const struct guard *g = r->g;
    struct snapshot_options o = {.keys = g->request->keys,
                                 .dir = state_shelf(g->request->common, g->request->config),
                                 .purpose = SHELF_SAFETY,
                                 .name = "rows written between a rollback and its undo",
                                 .environment = g->environment->name,
                                 .reason = g->request->common->reason,
                                 .from = (const char *const *)r->plan->from,
                                 .to = (const char *const *)r->plan->to,
                                 .held = 1,
                                 .alone = 1,
                                 .no_ddl = 1};
    uint32_t *oids = calloc(m->count + 1, sizeof(*oids));
    const char **filters = calloc(m->count + 1, sizeof(*filters));
    struct snapshot_result s = {0};
    struct buf newer = {0};
    struct err none = {0};
    int rc = -1;

    if (oids == NULL || filters == NULL) {
        (void)err_oom(err);
        goto out;
    }
    if (add_newer(&newer, m, err) != 0)
        goto out;
    for (size_t i = 0; i < m->count; i++)
        if (m->tables[i].written > 0) {
            oids[o.noids] = m->tables[i].oid;
            filters[o.noids++] = newer.data;
        }
    rc = 0;
    if (o.noids == 0 || g->request->dry_run || keyring_can_write(g->request->keys, &none) != 0)
        goto out;
    o.oids = oids;
    o.filters = filters;
    if (shelf_make(o.dir, err) != 0 || snapshot_create(g->main, &o, &s, err) != 0) {
        rc = err_prefix(err, "cannot save the rows that were written since the rollback");
        goto out;
    }
    rc = strings_dup(&m->file, s.file, err);
    if (rc == 0)
        rc = journal_note(r->journal, "meanwhile",
                          json_pack("{s:I, s:s}", "segment", (json_int_t)r->segment, "file", s.file), err);
out:
    snapshot_result_free(&s);
    buf_free(&newer);
    free(oids);
    free(filters);
    return rc;
}

void meanwhile_forget(struct running *r)
{
    /* Nothing was changed: the rows are where they were. */
    if (r->meanwhile != NULL && r->meanwhile->file != NULL)
        (void)unlink(r->meanwhile->file);
    meanwhile_free(r->meanwhile);
    r->meanwhile = NULL;
}

int meanwhile_look(struct running *r, struct err *err)
{
    if (r->o->undo_of == NULL || r->o->since_xid == 0 || r->o->writers == NULL)
        return 0;
    if ((r->meanwhile = calloc(1, sizeof(*r->meanwhile))) == NULL)
        return err_oom(err);
    r->meanwhile->since = (uint32_t)strtoull(r->o->writers[0], NULL, 10);
    if (find_writers(r->meanwhile, r, err) != 0 || find_tables(r, err) != 0)
        return -1;
    for (size_t i = 0; i < r->meanwhile->count; i++) {
        struct meanwhile_table *t = &r->meanwhile->tables[i];

        if (set_aside(r, t, "since", err) != 0 || (t->still != NULL && set_aside(r, t, "still", err) != 0) ||
            count_gone(r, t, err) != 0)
            return -1;
        if (t->written > 0)
            log_info("%s: %llu row%s since the rollback", t->title, (unsigned long long)t->written,
                     t->written == 1 ? " was written" : "s were written");
    }
    return save(r, err);
}
