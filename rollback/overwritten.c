#include "rollback/overwritten.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/quiet.h"
#include "core/buf.h"
#include "core/cli.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "rollback/guard.h"
#include "rollback/meanwhile.h"
#include "rollback/running.h"
#include "rollback/saving.h"
#include "rollback/view.h"
#include "script/closure.h"
#include "script/effect.h"

enum { KEYS_SHOWN = 20 };

/* NULL with ERR_NONE: it is gone. */
static struct catalog_table *look_again(struct running *r, const struct meanwhile_table *t, struct err *err)
{
    struct catalog_table **found = catalog_tables_get(r->g->main, &t->oid, 1, err), *one = NULL;

    if (found != NULL) {
        one = found[0];
        found[0] = NULL;
    }
    catalog_tables_free(found, 1);
    return one;
}

/* ---- what stayed over the rollback ----------------------------------------------------------- */

/* Columns whose type is the old one: SET into SET, and the condition that something is to be done into DIFFER. */
static int spell_still(const struct meanwhile_table *t, const struct catalog_table *now, struct buf *set, struct buf *differ,
                       struct err *err)
{
    for (char *const *s = t->still; *s != NULL; s++) {
        const struct catalog_column *is = meanwhile_column(t, now, *s);

        if (is == NULL || is->generated)
            continue;
        if (buf_adds(set, set->len > 0 ? ", " : "", err) != 0 || quote_ident(set, is->name, err) != 0 ||
            buf_addf(set, err, " = w.c%d", is->attnum) != 0 || buf_adds(differ, differ->len > 0 ? " OR t." : "t.", err) != 0 ||
            quote_ident(differ, is->name, err) != 0 ||
            buf_addf(differ, err, "::pg_catalog.text IS DISTINCT FROM w.c%d::pg_catalog.text", is->attnum) != 0)
            return -1;
    }
    return 0;
}

/* In a savepoint: where two rows exchange unique values, the server refuses.  1: done. */
static int try_still(struct running *r, const struct meanwhile_table *t, const char *sql, struct err *err)
{
    struct conn *c = r->g->main;
    struct err why = {0};
    char **back = NULL;
    int rc;

    if (tx_savepoint(c, "mig_still", err) != 0)
        return -1;
    if (quiet_begin(c, &t->oid, 1, &back, &why) == 0 && query_exec(c, sql, NULL, &why) == 0 &&
        query_exec(c, "SET CONSTRAINTS ALL IMMEDIATE", NULL, &why) == 0 && quiet_end(c, back, &why) == 0) {
        rc = query_exec(c, "RELEASE SAVEPOINT mig_still", NULL, err) == 0 ? 1 : -1;
    } else if (why.kind == ERR_INTERRUPTED) {
        *err = why;
        rc = -1;
    } else {
        r->left++;
        rc = strings_addf(&r->out->notes, err, "%s: what the upgrade changed once more could not be taken back: %s", t->title,
                          why.message) != 0
                 ? -1
                 : tx_rollback_to(c, "mig_still", err);
    }
    strings_free(back);
    return rc;
}

static int put_still(struct running *r, const struct meanwhile_table *t, const struct catalog_table *now, struct err *err)
{
    struct buf sql = {0}, set = {0}, differ = {0}, match = {0};
    uint64_t n = 0;
    int rc = -1;

    if (spell_still(t, now, &set, &differ, err) != 0 || meanwhile_match(t, now, &match, err) != 0)
        goto out;
    rc = 0;
    if (set.len == 0)
        goto out;
    rc = -1;
    if (buf_adds(&sql, "FROM ONLY ", err) != 0 || quote_name(&sql, now->schema, now->name, err) != 0 ||
        query_countf(r->g->main, &n, err, "SELECT count(*) %s AS t JOIN pg_temp.mig_still_%zu AS w ON %s WHERE %s", sql.data,
                     t->number, match.data, differ.data) != 0)
        goto out;
    rc = 0;
    if (n == 0)
        goto out;
    buf_reset(&sql);
    if (buf_adds(&sql, "UPDATE ONLY ", err) != 0 || quote_name(&sql, now->schema, now->name, err) != 0 ||
        buf_addf(&sql, err, " AS t SET %s FROM pg_temp.mig_still_%zu AS w WHERE %s AND (%s)", set.data, t->number, match.data,
                 differ.data) != 0)
        rc = -1;
    else
        rc = try_still(r, t, sql.data, err);
    if (rc > 0)
        rc = strings_addf(&r->out->notes, err,
                          "%s: the upgrade changed %llu row%s once more; what was not written since the rollback is as it was",
                          t->title, (unsigned long long)n, n == 1 ? "" : "s");
out:
    buf_free(&sql);
    buf_free(&set);
    buf_free(&differ);
    buf_free(&match);
    return rc;
}

/* ---- what the upgrade makes of what was written ---------------------------------------------- */

/* Does the upgrade give COLUMN of T its values? */
static int fills(const struct plan *p, const struct meanwhile_table *t, const struct catalog_table *now, const char *column)
{
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct effects *all = p->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++) {
            const struct effect *e = &all->items[k];

            if (e->kind == EFFECT_OPAQUE || e->kind == EFFECT_UNKNOWN)
                return 1;
            if ((e->kind == EFFECT_UPDATE || e->kind == EFFECT_MERGE) && e->name != NULL &&
                (strcmp(e->name, t->was->name) == 0 || strcmp(e->name, now->name) == 0) &&
                (e->column == NULL || strcmp(e->column, column) == 0))
                return 1;
        }
    }
    return 0;
}

/* Columns whose values are the upgrade's own: new ones that it fills, and those of another type. */
static int find_made(struct running *r, struct meanwhile_table *t, const struct catalog_table *now, struct err *err)
{
    for (size_t i = 0; i < now->ncolumns; i++) {
        const struct catalog_column *is = &now->columns[i], *was = NULL;

        for (size_t k = 0; k < t->was->ncolumns; k++)
            if (t->was->columns[k].attnum == is->attnum)
                was = &t->was->columns[k];
        if (is->generated || (was != NULL ? strcmp(was->type, is->type) == 0 : !fills(r->plan, t, now, is->name)))
            continue;
        if (strings_add(&t->made, is->name, err) != 0)
            return -1;
    }
    return 0;
}

static int set_made_aside(struct running *r, struct meanwhile_table *t, const struct catalog_table *now, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (find_made(r, t, now, err) != 0)
        return -1;
    if (t->made == NULL)
        return 0;
    if (buf_addf(&b, err, "CREATE TEMPORARY TABLE pg_temp.mig_made_%zu ON COMMIT DROP AS SELECT w.ctid AS row", t->number) != 0)
        goto out;
    for (size_t i = 0; i < now->ncolumns; i++)
        if (strings_find(t->made, now->columns[i].name) >= 0 &&
            (buf_adds(&b, ", t.", err) != 0 || quote_ident(&b, now->columns[i].name, err) != 0 ||
             buf_addf(&b, err, " AS c%d", now->columns[i].attnum) != 0))
            goto out;
    if (buf_addf(&b, err, " FROM pg_temp.mig_since_%zu AS w JOIN ONLY ", t->number) != 0 ||
        quote_name(&b, now->schema, now->name, err) != 0 || buf_adds(&b, " AS t ON ", err) != 0 ||
        meanwhile_match(t, now, &b, err) != 0)
        goto out;
    rc = query_exec(r->g->main, b.data, NULL, err);
out:
    buf_free(&b);
    return rc;
}

/* Rows that stood over the rollback, and that the upgrade deletes once more: nothing puts them back. */
static int report_deleted(struct running *r, const struct meanwhile_table *t, const struct result *writes, struct err *err)
{
    const struct closure_table *c = closure_table_of(r->closure, t->oid);
    int64_t n = 0, updated = 0;

    if (t->dropped || t->put_back || c == NULL)
        return 0;
    for (int i = 0; i < result_rows(writes); i++)
        if ((uint32_t)result_int(writes, i, 0) == t->oid) {
            updated = result_int(writes, i, 3);
            n = result_int(writes, i, 4);
        }
    if (t->key == NULL && updated > 0) {
        r->left++;
        if (strings_addf(&r->out->notes, err, "%s: %lld row%s that the upgrade changes once more %s in undo's own backup alone, for "
                                              "no key finds them again",
                         t->title, (long long)updated, updated == 1 ? "" : "s", updated == 1 ? "is" : "are") != 0)
            return -1;
    }
    if ((c->fate & CLOSURE_EMPTIED) != 0 && saving_rows(r->saving, t->oid) > n)
        n = saving_rows(r->saving, t->oid);
    if (n <= 0)
        return 0;
    r->left++;
    return strings_addf(&r->out->notes, err, "%s: %lld row%s that the upgrade deletes once more %s in undo's own backup alone",
                        t->title, (long long)n, n == 1 ? "" : "s", n == 1 ? "is" : "are");
}

int overwritten_prepare(struct running *r, const struct result *writes, struct err *err)
{
    for (size_t i = 0; r->meanwhile != NULL && i < r->meanwhile->count; i++) {
        struct meanwhile_table *t = &r->meanwhile->tables[i];
        struct catalog_table *now;
        int rc = 0;

        if (report_deleted(r, t, writes, err) != 0)
            return -1;
        if (t->key == NULL || (t->still == NULL && t->written == 0))
            continue;
        if ((now = look_again(r, t, err)) == NULL) {
            if (err->kind != ERR_NONE)
                return -1;
            continue;
        }
        if ((t->still != NULL && put_still(r, t, now, err) != 0) || (t->written > 0 && set_made_aside(r, t, now, err) != 0))
            rc = -1;
        catalog_table_free(now);
        if (rc != 0)
            return err_prefix(err, "cannot compare %s with what was written since the rollback", t->title);
    }
    return 0;
}

/* ---- the report ------------------------------------------------------------------------------ */

/* Is COLUMN of the old table one to compare: there still, stored, of the same type? */
static const struct catalog_column *comparable(const struct meanwhile_table *t, const struct catalog_table *now,
                                               const struct catalog_column *was)
{
    const struct catalog_column *is = meanwhile_column(t, now, was->name);

    return is != NULL && !is->generated && strcmp(is->type, was->type) == 0 ? is : NULL;
}

static int add_differs(struct buf *b, const struct catalog_column *is, char row, struct err *err)
{
    if (buf_adds(b, " OR t.", err) != 0 || quote_ident(b, is->name, err) != 0)
        return -1;
    return buf_addf(b, err, "::pg_catalog.text IS DISTINCT FROM %c.c%d::pg_catalog.text", row, is->attnum);
}

/* "FROM ... WHERE": the rows w that were written meanwhile and are not as they were written (or as the upgrade made
 * them), or are not there. */
static int spell_lost(const struct meanwhile_table *t, const struct catalog_table *now, struct buf *b, struct err *err)
{
    if (buf_addf(b, err, "FROM pg_temp.mig_since_%zu AS w", t->number) != 0 ||
        (t->made != NULL && buf_addf(b, err, " LEFT JOIN pg_temp.mig_made_%zu AS m ON m.row = w.ctid", t->number) != 0) ||
        buf_adds(b, " LEFT JOIN ONLY ", err) != 0 || quote_name(b, now->schema, now->name, err) != 0 ||
        buf_adds(b, " AS t ON ", err) != 0 || meanwhile_match(t, now, b, err) != 0 ||
        buf_adds(b, " WHERE t.ctid IS NULL", err) != 0)
        return -1;
    for (size_t i = 0; i < t->was->ncolumns; i++) {
        const struct catalog_column *is = comparable(t, now, &t->was->columns[i]);

        if (is != NULL && add_differs(b, is, 'w', err) != 0)
            return -1;
    }
    for (size_t i = 0; i < now->ncolumns; i++)
        if (strings_find(t->made, now->columns[i].name) >= 0 && add_differs(b, &now->columns[i], 'm', err) != 0)
            return -1;
    return 0;
}

/* Without a key: the rows that were written meanwhile and that no row is like any more. */
static int count_unlike(struct running *r, const struct meanwhile_table *t, const struct catalog_table *now, uint64_t *lost,
                        struct err *err)
{
    struct buf w = {0}, is = {0};
    int rc = -1;

    for (size_t i = 0; i < t->was->ncolumns; i++) {
        const struct catalog_column *c = comparable(t, now, &t->was->columns[i]);

        if (c == NULL)
            continue;
        if (buf_addf(&w, err, "%sc%d::pg_catalog.text", w.len > 0 ? ", " : "", c->attnum) != 0 ||
            buf_adds(&is, is.len > 0 ? ", " : "", err) != 0 || quote_ident(&is, c->name, err) != 0 ||
            buf_adds(&is, "::pg_catalog.text", err) != 0)
            goto out;
    }
    if (buf_adds(&is, " FROM ONLY ", err) != 0 || quote_name(&is, now->schema, now->name, err) != 0)
        goto out;
    rc = query_countf(r->g->main, lost, err,
                      "SELECT count(*) FROM (SELECT %s FROM pg_temp.mig_since_%zu EXCEPT ALL SELECT %s) AS x",
                      w.data != NULL ? w.data : "", t->number, is.data);
out:
    buf_free(&w);
    buf_free(&is);
    return rc;
}

/* The keys of the first rows that FROM gives: only where values may be shown. */
static int add_keys(struct running *r, const struct meanwhile_table *t, const char *from, json_t *o, struct err *err)
{
    struct query q = {.columns = -1};
    json_t *keys = json_array();
    struct result *found = NULL;
    struct buf b = {0}, text = {0};
    int rc = -1;

    if (buf_adds(&b, "SELECT", err) != 0)
        goto out;
    for (char *const *k = t->key; *k != NULL; k++)
        for (size_t i = 0; i < t->was->ncolumns; i++)
            if (strcmp(t->was->columns[i].name, *k) == 0 &&
                buf_addf(&b, err, "%s w.c%d::pg_catalog.text", k != t->key ? "," : "", t->was->columns[i].attnum) != 0)
                goto out;
    if (buf_addf(&b, err, " %s ORDER BY w.ctid LIMIT %d", from, KEYS_SHOWN) != 0)
        goto out;
    q.sql = b.data;
    if ((found = query_run(r->g->main, &q, err)) == NULL)
        goto out;
    for (int i = 0; i < result_rows(found); i++) {
        json_t *one = json_array();

        if (buf_adds(&text, i > 0 ? " [" : "[", err) != 0)
            goto out;
        for (int k = 0; k < result_columns(found); k++)
            if (json_array_append_new(one, json_string(result_text(found, i, k))) != 0 ||
                buf_addf(&text, err, "%s%s", k > 0 ? "," : "", result_text(found, i, k)) != 0)
                goto out;
        if (buf_addc(&text, ']', err) != 0 || json_array_append_new(keys, one) != 0)
            goto out;
    }
    (void)json_object_set(o, "keys", keys);
    rc = strings_addf(&r->out->notes, err, "%s: their keys: %s", t->title, text.data);
out:
    json_decref(keys);
    result_free(found);
    buf_free(&b);
    buf_free(&text);
    return rc;
}

static int tell(struct running *r, const struct meanwhile_table *t, uint64_t lost, const char *from, struct err *err)
{
    json_t *o = json_pack("{s:s, s:I, s:I}", "name", t->title, "written", (json_int_t)t->written, "overwritten",
                          (json_int_t)lost);
    const char *s = t->written == 1 ? "" : "s";
    unsigned long long n = t->written;
    int rc;

    if (o == NULL || (r->out->meanwhile == NULL && (r->out->meanwhile = json_array()) == NULL)) {
        json_decref(o);
        return err_oom(err);
    }
    r->overwritten += lost;
    if (t->dropped || (t->narrowed && lost == 0))
        rc = strings_addf(&r->out->notes, err, "%s: %llu row%s written since the rollback; the upgrade drops %s", t->title,
                          n, n == 1 ? " was" : "s were", t->dropped ? "the table" : "columns of it");
    else if (lost == 0)
        rc = strings_addf(&r->out->notes, err, "%s: %llu row%s written since the rollback %s as %s", t->title, n, s,
                          n == 1 ? "is" : "are",
                          t->made != NULL ? "the upgrade makes them" : n == 1 ? "it was written" : "they were written");
    else
        rc = strings_addf(&r->out->notes, err,
                          "%s: of %llu row%s written since the rollback, %llu %s not what was written: the upgrade or the backup "
                          "changed %s",
                          t->title, n, s, (unsigned long long)lost, lost == 1 ? "holds" : "hold", lost == 1 ? "it" : "them");
    if (rc == 0 && lost > 0 && from != NULL && r->g->request->common->show_values)
        rc = add_keys(r, t, from, o, err);
    if (json_array_append_new(r->out->meanwhile, o) != 0 && rc == 0)
        rc = err_oom(err);
    return rc;
}

static int report_table(struct running *r, const struct meanwhile_table *t, struct err *err)
{
    struct catalog_table *now = look_again(r, t, err);
    struct buf from = {0};
    uint64_t lost = 0;
    int rc = -1;

    if (now == NULL)
        return err->kind == ERR_NONE ? tell(r, t, 0, NULL, err) : -1;
    if (t->key != NULL) {
        if (spell_lost(t, now, &from, err) != 0 ||
            query_countf(r->g->main, &lost, err, "SELECT count(*) %s", from.data) != 0)
            goto out;
    } else if (count_unlike(r, t, now, &lost, err) != 0) {
        goto out;
    }
    rc = tell(r, t, lost, from.data, err);
out:
    buf_free(&from);
    catalog_table_free(now);
    return rc;
}

int overwritten_report(struct running *r, struct err *err)
{
    struct meanwhile *m = r->meanwhile;
    int dropped = 0;

    for (size_t i = 0; m != NULL && i < m->count; i++) {
        if (m->tables[i].written == 0)
            continue;
        dropped |= m->tables[i].dropped || m->tables[i].narrowed;
        if (report_table(r, &m->tables[i], err) != 0)
            return err_prefix(err, "cannot tell what became of the rows of %s that were written since the rollback",
                              m->tables[i].title);
    }
    if (m == NULL || m->file == NULL)
        return 0;
    /* Nothing of it is missed. */
    if (r->overwritten == 0 && !dropped) {
        (void)unlink(m->file);
        free(m->file);
        m->file = NULL;
        return 0;
    }
    return strings_addf(&r->out->notes, err, "rows written since the rollback, as they were before undo: %s", m->file);
}
