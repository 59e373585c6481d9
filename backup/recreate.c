#include "backup/recreate.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "script/node.h"
#include "script/statement.h"

enum when { NEVER, BEFORE, AFTER, LAST, PERHAPS };

struct recreated {
    char **relations;  /* "schema.name" of what is made: tables, sequences, indexes */
    char **types;
    char **after, **last, **perhaps;
};

void recreated_free(struct recreated *r)
{
    if (r == NULL)
        return;
    strings_free(r->relations);
    strings_free(r->types);
    strings_free(r->after);
    strings_free(r->last);
    strings_free(r->perhaps);
    free(r);
}

/* ---- which objects ---- */

static int add_name(char ***list, const char *schema, const char *name, struct err *err)
{
    return strings_addf(list, err, "%s.%s", schema, name);
}

static int has(char *const *list, const char *schema, const char *name)
{
    for (; list != NULL && *list != NULL; list++) {
        size_t n = schema != NULL ? strlen(schema) : 0;

        if (schema != NULL && name != NULL && strncmp(*list, schema, n) == 0 && (*list)[n] == '.' &&
            strcmp(*list + n + 1, name) == 0)
            return 1;
    }
    return 0;
}

static int has_range(char *const *list, const json_t *range)
{
    return has(list, node_name(range, "schemaname"), node_name(range, "relname"));
}

static int has_list(char *const *list, const json_t *names)
{
    const char *schema = NULL, *name = NULL;

    node_qualified(names, &schema, &name);
    return has(list, schema, name);
}

static int is_missing(struct conn *c, const char *schema, const char *name, int *missing,
                      struct err *err)
{
    uint32_t oid = 0;

    if (catalog_find(c, schema, name, NULL, &oid, err) != 0)
        return -1;
    *missing = oid == 0;
    return 0;
}

static int type_is_missing(struct conn *c, const struct manifest_type *t, int *missing,
                           struct err *err)
{
    const char *params[] = {t->schema, t->name};
    struct query q = {.sql = "SELECT count(*) FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n "
                             "ON n.oid = t.typnamespace WHERE n.nspname = $1 AND t.typname = $2",
                      .params = params,
                      .nparams = 2,
                      .columns = 1,
                      .min_rows = 1,
                      .max_rows = 1};
    struct result *r = query_run(c, &q, err);

    if (r == NULL)
        return -1;
    *missing = result_int(r, 0, 0) == 0;
    result_free(r);
    return 0;
}

static int note_missing(struct conn *c, const struct manifest *m, const struct target_list *l,
                        struct recreated *r, struct err *err)
{
    int missing;

    for (size_t i = 0; i < l->n; i++) {
        const struct manifest_table *t = l->items[i].saved;

        if (is_missing(c, t->schema, t->name, &missing, err) != 0 ||
            (missing && add_name(&r->relations, t->schema, t->name, err) != 0))
            return -1;
        /* a partition of something that is missing too */
        if (!missing || t->parent_name == NULL)
            continue;
        if (is_missing(c, t->parent_schema, t->parent_name, &missing, err) != 0 ||
            (missing && !has(r->relations, t->parent_schema, t->parent_name) &&
             add_name(&r->relations, t->parent_schema, t->parent_name, err) != 0))
            return -1;
    }
    if (r->relations == NULL)
        return 0;
    for (size_t i = 0; i < m->nsequences; i++) {
        const struct manifest_sequence *s = &m->sequences[i];

        if (s->table_name != NULL && !has(r->relations, s->table_schema, s->table_name))
            continue;
        if (is_missing(c, s->schema, s->name, &missing, err) != 0 ||
            (missing && add_name(&r->relations, s->schema, s->name, err) != 0))
            return -1;
    }
    for (size_t i = 0; i < m->ntypes; i++)
        if (type_is_missing(c, &m->types[i], &missing, err) != 0 ||
            (missing && add_name(&r->types, m->types[i].schema, m->types[i].name, err) != 0))
            return -1;
    return 0;
}

/* ---- which statements ---- */

static enum when when_altered(const json_t *stmt, const struct recreated *r)
{
    const json_t *cmd = node_as(node_at(node_get(stmt, "cmds"), 0), "AlterTableCmd");
    const char *type = node_text(cmd, "subtype");
    const json_t *constraint = node_as(node_get(cmd, "def"), "Constraint");
    const json_t *partition = node_as(node_get(cmd, "def"), "PartitionCmd");

    if (strcmp(type, "AT_AttachPartition") == 0) {
        if (!has_range(r->relations, node_get(partition, "name")))
            return NEVER;
        return node_is(stmt, "objtype", "OBJECT_INDEX") ? AFTER : BEFORE;
    }
    if (!has_range(r->relations, node_get(stmt, "relation")))
        return NEVER;
    if (constraint != NULL)
        return node_is(constraint, "contype", "CONSTR_FOREIGN") ? LAST : AFTER;
    if (strcmp(type, "AT_AddIdentity") == 0 || strcmp(type, "AT_ColumnDefault") == 0)
        return BEFORE;
    if (strcmp(type, "AT_SetStatistics") == 0 || strcmp(type, "AT_SetStorage") == 0 ||
        strcmp(type, "AT_SetCompression") == 0 || strcmp(type, "AT_SetOptions") == 0)
        return BEFORE;
    if (strcmp(type, "AT_ReplicaIdentity") == 0 || strcmp(type, "AT_ClusterOn") == 0)
        return LAST;
    return PERHAPS; /* owner, row security, trigger states */
}

static enum when when_commented(const json_t *stmt, const struct recreated *r)
{
    const json_t *list = node_as(node_get(stmt, "object"), "List");
    const json_t *items = node_get(list, "items");
    size_t n = node_count(items);
    const char *schema = NULL, *name = NULL;

    if (node_is(stmt, "objtype", "OBJECT_TABLE"))
        return has_list(r->relations, items) ? PERHAPS : NEVER;
    if (!node_is(stmt, "objtype", "OBJECT_COLUMN") || n < 3)
        return NEVER;
    schema = node_string(node_at(items, n - 3));
    name = node_string(node_at(items, n - 2));
    return has(r->relations, schema, name) ? PERHAPS : NEVER;
}

static enum when when_granted(const json_t *stmt, const struct recreated *r)
{
    const json_t *objects = node_get(stmt, "objects");

    return has_range(r->relations, node_as(node_at(objects, 0), "RangeVar")) ? PERHAPS : NEVER;
}

/* Indexes are remembered: a partition's are attached later. */
static enum when when_indexed(const json_t *stmt, struct recreated *r, struct err *err)
{
    const json_t *range = node_get(stmt, "relation");

    if (!has_range(r->relations, range))
        return NEVER;
    if (node_name(stmt, "idxname") != NULL &&
        add_name(&r->relations, node_text(range, "schemaname"), node_name(stmt, "idxname"), err) != 0)
        return NEVER;
    return AFTER;
}

/* Constraints make indexes of their own name. */
static int remember_constraint(const json_t *stmt, struct recreated *r, struct err *err)
{
    const json_t *cmd = node_as(node_at(node_get(stmt, "cmds"), 0), "AlterTableCmd");
    const json_t *constraint = node_as(node_get(cmd, "def"), "Constraint");

    if (constraint == NULL || node_name(constraint, "conname") == NULL ||
        !has_range(r->relations, node_get(stmt, "relation")))
        return 0;
    return add_name(&r->relations, node_text(node_get(stmt, "relation"), "schemaname"),
                    node_name(constraint, "conname"), err);
}

static enum when when_to_run(const struct statement *st, struct recreated *r, struct err *err)
{
    const char *kind = node_kind(st->tree);
    const json_t *b = node_body(st->tree);

    if (strcmp(kind, "CreateStmt") == 0)
        return has_range(r->relations, node_get(b, "relation")) ? BEFORE : NEVER;
    if (strcmp(kind, "CreateSeqStmt") == 0)
        return has_range(r->relations, node_get(b, "sequence")) ? BEFORE : NEVER;
    if (strcmp(kind, "AlterSeqStmt") == 0)
        return has_range(r->relations, node_get(b, "sequence")) ? BEFORE : NEVER;
    if (strcmp(kind, "CreateEnumStmt") == 0 || strcmp(kind, "CreateRangeStmt") == 0)
        return has_list(r->types, node_get(b, "typeName")) ? BEFORE : NEVER;
    if (strcmp(kind, "CreateDomainStmt") == 0)
        return has_list(r->types, node_get(b, "domainname")) ? BEFORE : NEVER;
    if (strcmp(kind, "CompositeTypeStmt") == 0)
        return has_range(r->types, node_get(b, "typevar")) ? BEFORE : NEVER;
    if (strcmp(kind, "AlterOwnerStmt") == 0)
        return has_list(r->types, node_get(node_as(node_get(b, "object"), "List"), "items")) ? PERHAPS
                                                                                          : NEVER;
    if (strcmp(kind, "AlterTableStmt") == 0) {
        if (remember_constraint(b, r, err) != 0)
            return NEVER;
        return when_altered(b, r);
    }
    if (strcmp(kind, "IndexStmt") == 0)
        return when_indexed(b, r, err);
    if (strcmp(kind, "CreateTrigStmt") == 0 || strcmp(kind, "RuleStmt") == 0)
        return has_range(r->relations, node_get(b, "relation")) ? PERHAPS : NEVER;
    if (strcmp(kind, "CreatePolicyStmt") == 0)
        return has_range(r->relations, node_get(b, "table")) ? PERHAPS : NEVER;
    if (strcmp(kind, "CommentStmt") == 0)
        return when_commented(b, r);
    if (strcmp(kind, "GrantStmt") == 0)
        return when_granted(b, r);
    return NEVER;
}

static int make_schemas(struct conn *c, const struct recreated *r, struct err *err)
{
    for (char *const *n = r->relations; n != NULL && *n != NULL; n++) {
        char *schema = NULL;
        struct buf b = {0};
        int rc;

        if (strings_dup(&schema, *n, err) != 0)
            return -1;
        schema[strcspn(schema, ".")] = '\0';
        rc = buf_adds(&b, "CREATE SCHEMA IF NOT EXISTS ", err);
        if (rc == 0 && (rc = quote_ident(&b, schema, err)) == 0 && strcmp(schema, "public") != 0)
            rc = query_exec(c, b.data, NULL, err);
        buf_free(&b);
        free(schema);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static int follow(struct conn *c, const struct manifest *m, struct recreated *r, struct err *err)
{
    struct script *script = script_read(m->ddl, strlen(m->ddl), "the backup's DDL", SCRIPT_WHOLE, err);
    int rc = -1;

    if (script == NULL || make_schemas(c, r, err) != 0)
        goto out;
    for (size_t i = 0; i < script->count; i++) {
        const struct statement *st = &script->statements[i];
        int failed = 0;

        if (st->tree == NULL)
            continue;
        switch (when_to_run(st, r, err)) {
        case NEVER:
            failed = err->kind != ERR_NONE;
            break;
        case BEFORE:
            failed = query_exec(c, st->text, NULL, err);
            break;
        case AFTER:
            failed = strings_add(&r->after, st->text, err);
            break;
        case LAST:
            failed = strings_add(&r->last, st->text, err);
            break;
        case PERHAPS:
            failed = strings_add(&r->perhaps, st->text, err);
            break;
        }
        if (failed) {
            err_prefix(err, "cannot make a table again (line %d of the backup's DDL)", st->line);
            goto out;
        }
    }
    rc = 0;
out:
    script_free(script);
    return rc;
}

/* ---- --into ---- */

static int plain_table(struct conn *c, const struct manifest_table *t, const char *schema,
                       struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (buf_adds(&b, "CREATE TABLE ", err) != 0 || quote_name(&b, schema, t->name, err) != 0 ||
        buf_adds(&b, " (", err) != 0)
        goto out;
    for (size_t i = 0; i < t->ncolumns; i++)
        if (buf_adds(&b, i > 0 ? ", " : "", err) != 0 || quote_ident(&b, t->columns[i].name, err) != 0 ||
            buf_addf(&b, err, " %s%s%s", t->columns[i].type,
                     t->columns[i].collation != NULL ? " COLLATE " : "",
                     t->columns[i].collation != NULL ? t->columns[i].collation : "") != 0)
            goto out;
    for (size_t i = 0; t->key != NULL && t->key[i] != NULL; i++)
        if (buf_adds(&b, i == 0 ? ", PRIMARY KEY (" : ", ", err) != 0 ||
            quote_ident(&b, t->key[i], err) != 0)
            goto out;
    if (buf_adds(&b, t->key != NULL ? "))" : ")", err) != 0 || query_exec(c, b.data, NULL, err) != 0)
        goto out;
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

static int copies(struct conn *c, const struct target_list *l, const char *schema, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (buf_adds(&b, "CREATE SCHEMA IF NOT EXISTS ", err) != 0 || quote_ident(&b, schema, err) != 0 ||
        query_exec(c, b.data, NULL, err) != 0)
        goto out;
    for (size_t i = 0; i < l->n; i++) {
        int missing;

        if (is_missing(c, schema, l->items[i].saved->name, &missing, err) != 0 ||
            (missing && plain_table(c, l->items[i].saved, schema, err) != 0)) {
            err_prefix(err, "cannot make %s.%s", schema, l->items[i].saved->name);
            goto out;
        }
    }
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

struct recreated *recreate_missing(struct conn *c, const struct manifest *m,
                                   const struct target_list *l, const struct restore_options *o,
                                   struct err *err)
{
    struct recreated *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        err_oom(err);
        return NULL;
    }
    if (o->into != NULL) {
        if (copies(c, l, o->into, err) == 0)
            return r;
        goto fail;
    }
    if (note_missing(c, m, l, r, err) != 0)
        goto fail;
    if (r->relations == NULL)
        return r;
    if (m->ddl == NULL) {
        err_set(err, ERR_REFUSED, "%s is missing, and the backup holds no DDL to make it: %s",
                r->relations[0], m->no_ddl != NULL ? m->no_ddl : "none was saved");
        err_hint(err, "make the table first (for example with alembic upgrade), or look at the rows with "
                      "--into SCHEMA --create");
        goto fail;
    }
    if (follow(c, m, r, err) == 0)
        return r;
fail:
    recreated_free(r);
    return NULL;
}

static int run_all(struct conn *c, char *const *list, struct err *err)
{
    for (; list != NULL && *list != NULL; list++)
        if (query_exec(c, *list, NULL, err) != 0)
            return err_prefix(err, "cannot make a table again");
    return 0;
}

int recreate_finish(struct conn *c, struct recreated *r, struct err *err)
{
    static const char point[] = "mig_recreate";

    if (run_all(c, r->after, err) != 0 || run_all(c, r->last, err) != 0)
        return -1;
    for (char **s = r->perhaps; s != NULL && *s != NULL; s++) {
        struct err why = {0};

        if (tx_savepoint(c, point, err) != 0)
            return -1;
        if (query_exec(c, *s, NULL, &why) == 0) {
            if (query_execf(c, err, "RELEASE SAVEPOINT %s", point) != 0)
                return -1;
            continue;
        }
        if (why.kind == ERR_INTERRUPTED) {
            *err = why;
            return -1;
        }
        if (tx_rollback_to(c, point, err) != 0)
            return -1;
        log_warn("left out: %.60s...: %s", *s, why.message);
    }
    return 0;
}
