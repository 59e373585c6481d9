#include "rollback/putback.h"

#include <stdlib.h>
#include <string.h>

#include "backup/restore.h"
#include "core/buf.h"
#include "core/state.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "rollback/guard.h"
#include "rollback/meanwhile.h"
#include "rollback/run.h"
#include "rollback/running.h"
#include "rollback/segments.h"
#include "rollback/view.h"

/* What others wrote since the rollback, for those of TARGETS of which it is known.  *WRITTEN owned (core/strings). */
static int tell_written(struct running *r, struct restore_target *targets, size_t n, char ***written, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct meanwhile_table *t;
        struct catalog_table *now;
        char *sql = NULL;
        uint32_t oid = 0;

        if (catalog_find(r->g->main, targets[i].schema, targets[i].name, NULL, &oid, err) != 0)
            return -1;
        if ((t = meanwhile_find(r->meanwhile, oid)) == NULL)
            continue;
        if ((now = catalog_table_get(r->g->main, oid, err)) == NULL)
            return -1;
        sql = meanwhile_written(t, now, err);
        catalog_table_free(now);
        if (sql != NULL && strings_add(written, sql, err) == 0)
            targets[i].written = (*written)[strings_count(*written) - 1];
        free(sql);
        if (err->kind != ERR_NONE)
            return -1;
    }
    return 0;
}

static int put_back(struct running *r, const struct run_values *v, struct err *err)
{
    struct restore_target *targets = NULL;
    char **written = NULL;
    int rc = -1;
    struct restore_options o = {
        .keys = r->g->request->keys,
        .file = v->file,
        .targets = v->targets,
        .ntargets = v->ntargets,
        .mode = RESTORE_MERGE,
        .on_conflict = RESTORE_OVERWRITE,
        .held = 1,
        .verify_full = 1,
        .since_xid = r->o->since_xid,
    };

    if (v->ntargets == 0)
        return 0;
    if (v->by_upgrade) {
        o.writers = r->writers != NULL ? r->writers : "{}";
        o.on_conflict = (enum restore_conflict)r->g->request->on_conflict;
        /* What others wrote is nowhere else: the plan need not reach the table. */
        if (o.on_conflict == RESTORE_OVERWRITE)
            o.safety_dir = state_shelf(r->g->request->common, r->g->request->config);
    }
    if ((targets = calloc(v->ntargets, sizeof(*targets))) == NULL)
        return err_oom(err);
    memcpy(targets, v->targets, v->ntargets * sizeof(*targets));
    o.targets = targets;
    if (tell_written(r, targets, v->ntargets, &written, err) == 0)
        rc = restore_run(r->g->main, &o, &r->restored, err);
    free(targets);
    strings_free(written);
    return rc != 0 ? err_prefix(err, "cannot put the values back") : 0;
}

/* Did others write to what the upgrade drops, once it has moved it on? */
static int moved_on(const struct running *r)
{
    for (size_t i = 0; r->meanwhile != NULL && i < r->meanwhile->count; i++) {
        const struct meanwhile_table *t = &r->meanwhile->tables[i];

        if ((t->dropped || t->narrowed) && (t->written > 0 || t->gone > 0))
            return 1;
    }
    return 0;
}

/* Of a table that the backup puts back whole, or rows of it, others may have deleted rows; of one that the
 * upgrade fills, changed them. */
static int report_unmade(struct running *r, const struct run_values *v, const struct restore_table *t, const char *name,
                         struct err *err)
{
    const struct restore_target *a = NULL;
    const struct meanwhile_table *m;
    uint64_t n, there;
    uint32_t oid = 0;

    for (size_t i = 0; i < v->ntargets; i++)
        if (strcmp(v->targets[i].name, t->name) == 0 && v->targets[i].schema != NULL &&
            strcmp(v->targets[i].schema, t->schema) == 0)
            a = &v->targets[i];
    if (a != NULL && a->mode == RESTORE_REPLACE && moved_on(r) && (n = t->deleted + t->updated + t->inserted) > 0) {
        r->overwritten += n;
        return strings_addf(&r->out->notes, err,
                            "%s: %llu row%s that the upgrade made, or did not make, of what was written since the rollback to "
                            "what it drops: %s as in the backup again",
                            name, (unsigned long long)n, n == 1 ? "" : "s", n == 1 ? "it is" : "they are");
    }
    if (a == NULL || a->mode != RESTORE_MERGE || a->stays)
        return 0;
    if (catalog_find(r->g->main, t->schema, t->name, NULL, &oid, err) != 0)
        return -1;
    if ((m = meanwhile_find(r->meanwhile, oid)) == NULL)
        return 0;
    there = m->added ? m->written : t->changed;
    if (m->gone <= there)
        return 0;
    n = m->gone - there;
    r->overwritten += n;
    return strings_addf(&r->out->notes, err,
                        "%s: %llu row%s that others deleted since the rollback %s there again: which of those that came back "
                        "is not known", name, (unsigned long long)n, n == 1 ? "" : "s", n == 1 ? "is" : "are");
}

static int report_restored(struct running *r, const struct run_values *v, struct err *err)
{
    int by_upgrade = v->by_upgrade;
    json_t *a = r->out->tables != NULL ? r->out->tables : json_array();

    if (a == NULL)
        return err_oom(err);
    r->out->tables = a;
    for (size_t i = 0; i < r->restored.ntables; i++) {
        const struct restore_table *t = &r->restored.tables[i];
        struct buf name = {0};
        json_t *o = json_object();

        if (buf_addf(&name, err, "%s.%s", t->schema, t->name) != 0) {
            json_decref(o);
            return -1;
        }
        (void)json_object_set_new(o, "name", json_string(name.data));
        (void)json_object_set_new(o, "rows", json_integer((json_int_t)t->rows));
        (void)json_object_set_new(o, "inserted", json_integer((json_int_t)t->inserted));
        (void)json_object_set_new(o, "updated", json_integer((json_int_t)t->updated));
        (void)json_object_set_new(o, "unchanged", json_integer((json_int_t)t->unchanged));
        (void)json_object_set_new(o, "vanished", json_integer((json_int_t)t->vanished));
        (void)json_object_set_new(o, "changed_since", json_integer((json_int_t)t->changed));
        (void)json_object_set_new(o, "surplus", json_integer((json_int_t)t->surplus));
        (void)json_object_set_new(o, "digest_equal", json_boolean(t->digest_equal));
        (void)json_array_append_new(a, o);
        if (t->vanished > 0 && t->key_changed)
            r->left++;
        if (t->vanished > 0 &&
            strings_addf(&r->out->notes, err, "%s: %llu row%s of the backup %s not there%s, and got nothing",
                         name.data, (unsigned long long)t->vanished, t->vanished == 1 ? "" : "s",
                         t->vanished == 1 ? "is" : "are",
                         t->key_changed ? ", or under another key since the rollback" : " any more") != 0)
            return -1;
        if (t->changed > 0 &&
            strings_addf(&r->out->notes, err, "%s: %llu row%s changed since %s", name.data,
                         (unsigned long long)t->changed, t->changed == 1 ? " was" : "s were",
                         !by_upgrade                                         ? "the rollback"
                         : r->g->request->on_conflict == RESTORE_KEEP ? "the upgrade, and left as they are"
                                                                             : "the upgrade, and overwritten") != 0)
            return -1;
        if (t->surplus > 0) {
            r->left++;
            if (strings_addf(&r->out->notes, err,
                             t->key_changed ? "%s: %llu row%s to which the rollback or the upgrade gave a key %s not in the "
                                              "backup: rows that came back may stand there twice"
                                            : "%s: %llu row%s that the upgrade inserted %s not in the backup: what the "
                                              "downgrade deleted may stand there twice",
                             name.data, (unsigned long long)t->surplus, t->surplus == 1 ? "" : "s",
                             t->surplus == 1 ? "is" : "are") != 0)
                return -1;
        }
        if (!by_upgrade && report_unmade(r, v, t, name.data, err) != 0) {
            buf_free(&name);
            return -1;
        }
        buf_free(&name);
    }
    if (r->restored.safety_file != NULL &&
        strings_addf(&r->out->notes, err, "rows as they were before they were overwritten: %s",
                     r->restored.safety_file) != 0)
        return -1;
    restore_result_free(&r->restored);
    memset(&r->restored, 0, sizeof(r->restored));
    return 0;
}

/* After which segment V's values are put back.  A backup of segment 2 of 3 was taken at the schema
 * that the way forward reaches after its own segment 2, counted from the other end; data that later
 * steps move on then moves again.  Where the two ways are cut differently: at the end. */
static size_t segment_of(const struct running *r, const struct run_values *v)
{
    size_t mirrored = v->segment < v->nsegments ? v->nsegments - 1 - v->segment : r->last;

    if (r->segments == NULL || v->nsegments != r->nsegments || r->segments->items[mirrored].alone)
        return r->last;
    return mirrored;
}

/* What belongs after this segment.  The last segment's backup first, for what the earlier ones hold
 * stands on it; of one segment in the order in which they were taken. */
int putback_values(struct running *r, struct err *err)
{
    size_t segments = 1;

    for (size_t i = 0; i < r->o->nvalues; i++)
        if (r->o->values[i].segment >= segments)
            segments = r->o->values[i].segment + 1;
    while (segments-- > 0)
        for (size_t i = 0; i < r->o->nvalues; i++) {
            const struct run_values *v = &r->o->values[i];

            if (v->segment == segments && segment_of(r, v) == r->segment &&
                (put_back(r, v, err) != 0 || report_restored(r, v, err) != 0))
                return -1;
        }
    return 0;
}
