#include "backup/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/foreign.h"
#include "backup/stage.h"
#include "core/buf.h"
#include "core/strings.h"
#include "pg/array.h"
#include "pg/catalog.h"
#include "pg/query.h"

static const char anew_sql[] =
#include "backup/sql/anew.sql.h"
    ;

static int conflict(const struct stage *s, uint64_t n, const char *what, struct err *err)
{
    err_set(err, ERR_REFUSED, "%s: %" PRIu64 " rows %s", s->target->title, n, what);
    err_hint(err, "--on-conflict overwrite takes the saved values, --on-conflict keep leaves the present ones");
    return -1;
}

/* Rows of the file that others wrote since. */
static int count_written(struct conn *c, const struct stage *s, struct err *err)
{
    struct target *t = s->target;

    return query_countf(c, &t->result.changed, err, "SELECT count(*) FROM ONLY %s AS t JOIN pg_temp.%s AS s ON %s WHERE %s",
                        s->name, t->stage, s->match, t->asked->written);
}

static int judge_columns(struct conn *c, struct stage *s, struct err *err)
{
    struct target *t = s->target;
    uint64_t taken = 0, staged = 0;

    if (s->o->writers != NULL) {
        free(s->taken);
        s->taken = NULL;
        if (strings_format(&s->taken, err, "(%s) AND t.xmin::pg_catalog.text <> ALL ('%s'::pg_catalog.text[])", s->differ,
                     s->o->writers) != 0)
            return -1;
    }
    if (query_countf(c, &staged, err, "SELECT count(*) FROM pg_temp.%s", t->stage) != 0 ||
        query_countf(c, &t->result.vanished, err,
              "SELECT count(*) FROM pg_temp.%s AS s WHERE NOT EXISTS (SELECT 1 FROM ONLY %s AS t WHERE %s)",
              t->stage, s->name, s->match) != 0 ||
        query_countf(c, &taken, err, "SELECT count(*) FROM ONLY %s AS t JOIN pg_temp.%s AS s ON %s WHERE %s",
              s->name, t->stage, s->match, s->taken) != 0)
        return -1;
    if (t->asked != NULL && t->asked->written != NULL) {
        if (count_written(c, s, err) != 0)
            return -1;
    } else if (s->o->since_xid != 0 &&
        query_countf(c, &t->result.changed, err,
              "SELECT count(*) FROM ONLY %s AS t JOIN pg_temp.%s AS s ON %s WHERE "
              "t.xmin <> pg_catalog.pg_current_xact_id()::pg_catalog.xid AND "
              "pg_catalog.age(t.xmin) < pg_catalog.age('%" PRIu32 "'::pg_catalog.xid)",
              s->name, t->stage, s->match, (uint32_t)s->o->since_xid) != 0)
        return -1;
    if (s->o->writers != NULL)
        t->result.changed = taken;
    if (taken > 0 && s->o->writers != NULL && s->o->on_conflict == RESTORE_FAIL)
        return conflict(s, taken, "differ from the backup, and it was not the upgrade that wrote them last", err);
    if (taken > 0 && s->o->on_conflict == RESTORE_FAIL)
        return conflict(s, taken, "have other values by now in the columns to be restored", err);
    if (s->o->on_conflict == RESTORE_OVERWRITE)
        return strings_format(&s->unsafe, err, "EXISTS (SELECT 1 FROM pg_temp.%s AS s WHERE %s AND (%s))",
                        t->stage, s->match, s->differ);
    return strings_format(&s->unsafe, err,
                    "EXISTS (SELECT 1 FROM pg_temp.%s AS s WHERE %s AND (%s) AND NOT (%s))", t->stage,
                    s->match, s->differ, s->taken);
}

/* What an upgrade inserted and numbered anew stands beside the rows that are put back, and what the rollback
 * gave another key.  A rewrite makes every row look like new: the server's count of inserts is the bound. */
static int judge_surplus(struct conn *c, struct stage *s, struct err *err)
{
    struct target *t = s->target;
    uint64_t inserted = 0;

    if (s->o->since_xid == 0)
        return 0;
    if (t->result.key_changed)
        return query_countf(c, &t->result.surplus, err,
                     "SELECT count(*) FROM ONLY %s AS t WHERE t.xmin::pg_catalog.text = ANY (ARRAY['%" PRIu32 "', "
                     "pg_catalog.pg_current_xact_id()::pg_catalog.xid::pg_catalog.text]) AND NOT EXISTS (SELECT 1 FROM "
                     "pg_temp.%s AS s WHERE %s)",
                     s->name, (uint32_t)s->o->since_xid, t->stage, s->match);
    if (query_countf(c, &inserted, err, "SELECT pg_catalog.pg_stat_get_xact_tuples_inserted('%" PRIu32 "'::pg_catalog.oid)",
              t->table->oid) != 0)
        return -1;
    if (inserted == 0)
        return 0;
    if (query_countf(c, &t->result.surplus, err,
              "SELECT count(*) FROM ONLY %s AS t WHERE t.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid "
              "AND NOT EXISTS (SELECT 1 FROM pg_temp.%s AS s WHERE %s)",
              s->name, t->stage, s->match) != 0)
        return -1;
    if (t->result.surplus > inserted)
        t->result.surplus = inserted;
    return 0;
}

static int judge_merge(struct conn *c, struct stage *s, struct err *err)
{
    struct target *t = s->target;
    uint64_t differ = 0;

    if (judge_surplus(c, s, err) != 0 ||
        (t->asked != NULL && t->asked->written != NULL && count_written(c, s, err) != 0))
        return -1;
    if (s->o->on_conflict == RESTORE_KEEP)
        return 0;
    if (s->o->on_conflict == RESTORE_FAIL) {
        if (query_countf(c, &differ, err, "SELECT count(*) FROM ONLY %s AS t JOIN pg_temp.%s AS s ON %s WHERE %s",
                  s->name, t->stage, s->match, s->differ) != 0)
            return -1;
        return differ > 0 ? conflict(s, differ, "are there with other values", err) : 0;
    }
    return strings_format(&s->unsafe, err, "EXISTS (SELECT 1 FROM pg_temp.%s AS s WHERE %s AND (%s))", t->stage,
                    s->match, s->differ);
}

static int judge_replace(struct conn *c, const struct target_list *l, struct stage *s,
                         struct err *err)
{
    struct target *t = s->target;

    if (s->direct && !s->defined)
        return 0; /* the table is empty */
    if (s->direct) {
        if (strings_format(&s->doomed, err, "true") != 0 || strings_format(&s->unsafe, err, "true") != 0)
            return -1;
    } else if (t->key == NULL) { /* with --where */
        return err_set(err, ERR_REFUSED, "%s has no key: --where cannot say which of its rows to replace",
                       t->title);
    } else if (strings_format(&s->doomed, err, "NOT EXISTS (SELECT 1 FROM pg_temp.%s AS s WHERE %s)", t->stage,
                        s->match) != 0 ||
               strings_format(&s->unsafe, err,
                        "NOT EXISTS (SELECT 1 FROM pg_temp.%s AS s WHERE %s AND NOT (%s))", t->stage,
                        s->match, s->differ) != 0) {
        return -1;
    }
    return foreign_refuse_cascade(c, l, t, s->doomed, err);
}

/* ", COLUMN = s.COLUMN" to what an UPDATE sets. */
static int append_set(struct stage *s, const char *column, struct err *err)
{
    char *longer = NULL;

    if (strings_format(&longer, err, "%s%s%s = s.%s", s->set != NULL ? s->set : "", s->set != NULL ? ", " : "", column,
                 column) != 0)
        return -1;
    free(s->set);
    s->set = longer;
    return 0;
}

/* GENERATED ALWAYS columns that are to get other values: that is allowed for a while, before anything is
 * written (a table with foreign keys to be checked cannot be altered any more). */
static int loosen(struct conn *c, struct stage *s, char ***back, struct err *err)
{
    for (char *const *a = s->always; s->unsafe != NULL && a != NULL && *a != NULL; a++) {
        uint64_t n = 0;

        if (query_countf(c, &n, err,
                  "SELECT count(*) FROM ONLY %s AS t JOIN pg_temp.%s AS s ON %s WHERE t.%s IS DISTINCT FROM s.%s",
                  s->name, s->target->stage, s->match, *a, *a) != 0)
            return -1;
        if (n > 0 &&
            (query_execf(c, err, "ALTER TABLE ONLY %s ALTER COLUMN %s SET GENERATED BY DEFAULT", s->name, *a) != 0 ||
             strings_addf(back, err, "ALTER TABLE ONLY %s ALTER COLUMN %s SET GENERATED ALWAYS", s->name, *a) != 0))
            return err_prefix(err, "cannot write the identity column %s of %s", *a, s->target->title);
        if (n > 0 && append_set(s, *a, err) != 0)
            return -1;
    }
    return 0;
}

static int same_collation(const struct target *t, const char *name)
{
    int saved = manifest_column_find(t->saved, name);
    const char *was = saved < 0 ? NULL : t->saved->columns[saved].collation;

    for (size_t i = 0; i < t->table->ncolumns; i++)
        if (strcmp(t->table->columns[i].name, name) == 0) {
            const char *is = t->table->columns[i].collation;

            return was == NULL || is == NULL ? was == is : strcmp(was, is) == 0;
        }
    return 0;
}

/* Is there a unique index over just the columns by which the rows were saved? */
static int keeps_key(const struct target *t)
{
    for (size_t k = 0; k < t->table->nkeys; k++) {
        const struct catalog_key *key = &t->table->keys[k];
        size_t n = 0;

        while (n < key->ncolumns && strings_find(t->key, key->columns[n]) >= 0 && same_collation(t, key->columns[n]))
            n++;
        if (n == key->ncolumns && n == strings_count(t->key))
            return 1;
    }
    return 0;
}

/* A saved row is one row of the table, or none: else it would be written over several. */
static int judge_key(struct conn *c, const struct stage *s, struct err *err)
{
    const struct target *t = s->target;
    uint64_t several = 0, shared = 0;

    if (keeps_key(t))
        return 0;
    if (query_countf(c, &several, err,
                     "SELECT count(*) FROM (SELECT 1 FROM ONLY %s AS t JOIN pg_temp.%s AS s ON %s GROUP BY s.ctid "
                     "HAVING count(*) > 1) AS x",
                     s->name, t->stage, s->match) != 0 ||
        query_countf(c, &shared, err,
                     "SELECT count(*) FROM (SELECT 1 FROM ONLY %s AS t JOIN pg_temp.%s AS s ON %s GROUP BY t.ctid "
                     "HAVING count(*) > 1) AS x",
                     s->name, t->stage, s->match) != 0)
        return -1;
    if (several == 0 && shared == 0)
        return 0;
    err_set(err, ERR_REFUSED, "%s: the key by which it was saved does not tell its rows apart any more", t->title);
    err_detail(err, several > 0 ? "%" PRIu64 " rows of the backup are several rows there"
                                : "%" PRIu64 " rows there are several rows of the backup",
               several > 0 ? several : shared);
    err_hint(err, "restore beside it, and decide row by row: --into SCHEMA --create");
    return -1;
}

static int judge_anew(struct conn *c, struct stage *s, struct err *err)
{
    const struct target *t = s->target;
    char oid[16];
    const char *params[2] = {oid, NULL};
    struct query q = {.sql = anew_sql, .params = params, .nparams = 2, .columns = 1, .min_rows = 1, .max_rows = 1};
    struct buf columns = {0};
    struct result *r = NULL;
    int rc = -1;

    (void)snprintf(oid, sizeof(oid), "%" PRIu32, t->table->oid);
    for (size_t i = 0; i < t->ncolumns; i++)
        if (array_text(&columns, t->saved->columns[t->columns[i]].name, err) != 0)
            goto out;
    if (array_end(&columns, err) != 0)
        goto out;
    params[1] = columns.data;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    s->anew = result_bool(r, 0, 0);
    rc = 0;
out:
    result_free(r);
    buf_free(&columns);
    return rc;
}

int judge_stage(struct conn *c, const struct target_list *l, struct stage *s, char ***back, struct err *err)
{
    const struct target *t = s->target;

    if (t->mode == RESTORE_EMPTY || t->mode == RESTORE_MISSING)
        return 0;
    if (t->mode == RESTORE_REPLACE && s->o->where != NULL)
        return err_set(err, ERR_USAGE, "--where says which rows to restore; --mode replace would delete "
                                       "all others: use merge or missing");
    if (!s->direct && t->key != NULL && judge_key(c, s, err) != 0)
        return -1;
    if ((t->mode == RESTORE_COLUMNS && judge_columns(c, s, err) != 0) ||
        (t->mode == RESTORE_MERGE && judge_merge(c, s, err) != 0) ||
        (t->mode == RESTORE_REPLACE && judge_replace(c, l, s, err) != 0))
        return -1;
    if (s->direct || s->unsafe == NULL)
        return 0;
    if (t->mode != RESTORE_COLUMNS && judge_anew(c, s, err) != 0)
        return -1;
    return s->anew ? 0 : loosen(c, s, back, err);
}
