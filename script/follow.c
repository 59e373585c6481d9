#include "script/follow.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/array.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/graph.h"
#include "script/impact.h"
#include "script/lock.h"
#include "script/node.h"
#include "script/question.h"

static const char cascade_sql[] =
#include "script/sql/closure_cascade.sql.h"
    ;
static const char children_sql[] =
#include "script/sql/closure_children.sql.h"
    ;
static const char default_sql[] =
#include "script/sql/closure_default.sql.h"
    ;
static const char keys_sql[] =
#include "script/sql/closure_keys.sql.h"
    ;
static const char partners_sql[] =
#include "script/sql/closure_partners.sql.h"
    ;
static const char views_sql[] =
#include "script/sql/closure_views.sql.h"
    ;
static const char attributes_sql[] =
#include "script/sql/closure_attributes.sql.h"
    ;
static const char users_sql[] =
#include "script/sql/closure_users.sql.h"
    ;

/* One kind of edge: a query about the items that are WANTED, and what APPLY makes of each row. */
struct edge {
    const char *sql;
    int params, columns;
    int (*wanted)(const struct item *item);
    int (*describe)(struct question *q, const struct item *item); /* parameters; NULL: its OID */
    int (*apply)(const struct question *q, const struct item *item);
};

static int follow(struct graph *g, const struct edge *edge)
{
    struct question q;
    size_t i;
    int rc = -1;

    if (question_open(&q, g) < 0)
        goto out;
    for (i = 0; i < g->nitems; i++) {
        const struct item *item = &g->items[i];

        if (!item->found || !edge->wanted(item))
            continue;
        question_about(&q, i);
        if (edge->describe != NULL ? edge->describe(&q, item) < 0
                                   : array_number(&q.p[0], item->oid, g->err) < 0)
            goto out;
    }
    if (question_ask(&q, edge->sql, edge->params, edge->params, edge->columns) < 0)
        goto out;
    while (question_next(&q)) {
        const struct item *item = question_item(&q);

        if (item != NULL && edge->apply(&q, item) < 0)
            goto out;
    }
    rc = 0;
out:
    question_close(&q);
    return rc;
}

/* ---- what falls ---- */

/* Is it a root of pg_depend's closure? */
static int falls(const struct item *item)
{
    if ((item->e->flags & EFFECT_VERSION) != 0)
        return 0;
    switch ((int)item->e->kind) {
    case EFFECT_DROP_TABLE:
    case EFFECT_DROP_COLUMN:
    case EFFECT_DROP_SCHEMA:
    case EFFECT_DROP_TYPE:
    case EFFECT_DROP_EXTENSION:
    case EFFECT_DROP_SEQUENCE:
    case EFFECT_DROP_MATVIEW:
    case EFFECT_DROP_VIEW:
    case EFFECT_DROP_INDEX:
    case EFFECT_DROP_ROUTINE:
        return !item->partner;
    case EFFECT_DROP_CONSTRAINT:
        return item->space == SPACE_CONSTRAINT;
    case EFFECT_DROP_OTHER:
        return item->kind == 'f';
    default:
        return 0;
    }
}

static int describe_fall(struct question *q, const struct item *item)
{
    struct err *err = q->g->err;
    const char *column = item->e->kind == EFFECT_DROP_COLUMN ? impact_column_name(item->e) : NULL;

    if (array_number(&q->p[0], item->classid, err) < 0 ||
        array_number(&q->p[1], item->oid, err) < 0 || question_text(q, 2, column) < 0)
        return -1;
    return array_text(&q->p[3], item->e->flags & EFFECT_CASCADE ? "t" : "f", err);
}

static int apply_fallen(const struct question *q, const struct item *item)
{
    const struct result *r = q->r;
    struct graph *g = q->g;
    const char *what = result_text(r, q->row, 1), *kind = result_text(r, q->row, 3);
    uint32_t on = question_oid(q, 2), partner = question_oid(q, 5);
    const struct effect *e = item->e;
    const char *column = result_text(r, q->row, 4), *ae = "AccessExclusiveLock";
    char k = kind == NULL ? '\0' : kind[0];
    struct closure_table *t;
    struct buf because = {0};
    char *object = effect_object(e);
    int root = result_bool(r, q->row, 7), rc = -1;

    if (!root && question_oid(q, 9) == 0 &&
        graph_fall(g, e, question_oid(q, 6), question_oid(q, 8)) < 0)
        goto out;
    if (object == NULL ||
        buf_addf(&because, g->err, "%s %s %s",
                 e->flags & EFFECT_CASCADE ? "CASCADE from" : "falls with",
                 effect_name(e->kind) + (strncmp(effect_name(e->kind), "drop-", 5) == 0 ? 5 : 0),
                 object) < 0) {
        (void)err_oom(g->err);
        goto out;
    }
    if (strcmp(what, "relation") == 0 && strchr("rpfm", k) != NULL && k != '\0') {
        if (root)
            goto done;
        if ((t = graph_touch(g, on, CLOSURE_DROPPED, e, ae, because.data)) == NULL)
            goto out;
        t->kind = k;
    } else if (strcmp(what, "relation") == 0 && k == 'S') {
        /* Its name comes with the relations' names. */
        if ((t = graph_touch(g, on, CLOSURE_DROPPED, e, ae, root ? NULL : because.data)) == NULL)
            goto out;
        t->kind = k;
    } else if (strcmp(what, "relation") == 0 && (k == 'i' || k == 'I')) {
        const char *on_table = e->kind == EFFECT_DROP_INDEX ? lock_of(e, conn_version(g->c)) : ae;

        if (partner != 0 && graph_touch(g, partner, CLOSURE_ALTERED, e, on_table, because.data) == NULL)
            goto out;
        if (graph_reach(g, on, 0, e, ae, NULL) < 0)
            goto out;
    } else if (strcmp(what, "relation") == 0 && k == 'v') {
        if ((t = graph_touch(g, on, CLOSURE_ALTERED, e, ae, root ? NULL : because.data)) == NULL)
            goto out;
        t->kind = k;
    } else if (strcmp(what, "column") == 0 && k != 'v' && k != 'c') {
        if (root)
            goto done;
        if ((t = graph_touch(g, on, CLOSURE_COLUMNS, e, ae, because.data)) == NULL ||
            graph_column(g, t, column, CLOSURE_COLUMN_DROPPED, e) < 0)
            goto out;
    } else if (on != 0 && strcmp(what, "rule") != 0 && strcmp(what, "relation") != 0 &&
               strcmp(what, "column") != 0) {
        if (graph_touch(g, on, CLOSURE_ALTERED, e, ae, because.data) == NULL ||
            (k == 'f' && partner != 0 && partner != on &&
             graph_touch(g, partner, CLOSURE_PARTNER, e, ae, because.data) == NULL))
            goto out;
    }
done:
    rc = 0;
out:
    free(object);
    buf_free(&because);
    return rc;
}

int follow_drops(struct graph *g)
{
    static const struct edge edge = {cascade_sql, 4, 10, falls, describe_fall, apply_fallen};

    return follow(g, &edge);
}

/* ---- children and partitions ---- */

/* These stay with the parent. */
static int stays(const struct effect *e)
{
    static const char *const subtypes[] = {
        "AT_AttachPartition",    "AT_DetachPartition",    "AT_DetachPartitionFinalize",
        "AT_AddInherit",         "AT_DropInherit",        "AT_ReplicaIdentity",
        "AT_EnableRowSecurity",  "AT_DisableRowSecurity", "AT_ForceRowSecurity",
        "AT_NoForceRowSecurity", "AT_ChangeOwner",        "AT_SetRelOptions",
        "AT_ResetRelOptions",    "AT_ClusterOn",          "AT_DropCluster",
        "AT_SetTableSpace",
    };
    size_t i;

    if (e->kind == EFFECT_RENAME_OTHER)
        return !node_is(e->node, "renameType", "OBJECT_TRIGGER");
    if (e->kind == EFFECT_DROP_TABLE || e->kind == EFFECT_RENAME_TABLE ||
        e->kind == EFFECT_DROP_OTHER)
        return 1;
    if (e->kind == EFFECT_READ)
        return !lock_plans(e);
    if (e->kind == EFFECT_OTHER)
        return e->detail == NULL ||
               (strcmp(e->detail, "LockStmt") != 0 && strcmp(e->detail, "VacuumStmt") != 0);
    for (i = 0; e->kind == EFFECT_ALTER_TABLE_OTHER && i < sizeof(subtypes) / sizeof(subtypes[0]);
         i++)
        if (strcmp(e->detail, subtypes[i]) == 0)
            return 1;
    return 0;
}

static int has_children(const struct item *item)
{
    return !item->partner && item->space == SPACE_RELATION &&
           (item->kind == 'r' || item->kind == 'p' || item->kind == 'f') &&
           (item->e->flags & EFFECT_VERSION) == 0 && !stays(item->e) &&
           /* ONLY spares the children, but for DROP COLUMN's look at them. */
           ((item->e->flags & EFFECT_ONLY) == 0 || item->e->kind == EFFECT_DROP_COLUMN);
}

/* A clause about a trigger goes to the children where they have it from the parent: it is one for
 * each row.  As closure_children.sql has it; -1: out of memory. */
static int rows_trigger(const struct effect *e, struct buf *b, struct err *err)
{
    const char *detail = e->detail == NULL ? "" : e->detail;
    const char *name = NULL;

    if (e->kind == EFFECT_DROP_COLUMN)
        return buf_addf(b, err, "-%s", impact_column_name(e) != NULL ? impact_column_name(e) : "");
    if (e->kind == EFFECT_DROP_TRIGGER)
        name = detail;
    else if (e->kind == EFFECT_RENAME_OTHER)
        name = node_name(e->node, "subname");
    else if (e->kind != EFFECT_ALTER_TABLE_OTHER || strstr(detail, "Trig") == NULL)
        return 0;
    else if (strstr(detail, "TrigAll") != NULL)
        return buf_addc(b, 'a', err);
    else if (strstr(detail, "TrigUser") != NULL)
        return buf_addc(b, 'u', err);
    else
        name = node_name(e->node, "name");
    return buf_addf(b, err, "=%s", name == NULL ? "" : name);
}

static int describe_parent(struct question *q, const struct item *item)
{
    struct err *err = q->g->err;
    struct buf rows = {0};
    int rc = -1;

    if (rows_trigger(item->e, &rows, err) == 0 && array_number(&q->p[0], item->oid, err) == 0 &&
        array_text(&q->p[1], rows.data == NULL ? "" : rows.data, err) == 0)
        rc = 0;
    buf_free(&rows);
    return rc;
}

static int apply_child(const struct question *q, const struct item *item)
{
    const struct effect *e = item->e;
    const char *lock = lock_of(e, conn_version(q->g->c));
    uint32_t child = question_oid(q, 1);
    struct closure_table *t;

    if (e->kind == EFFECT_RENAME_OTHER && conn_version(q->g->c) < 150000)
        return 0;
    /* REINDEX of a partitioned table looks for its partitions under SHARE, and of no other goes on. */
    if (e->kind == EFFECT_REINDEX) {
        if (item->kind != 'p' || conn_version(q->g->c) < 140000)
            return 0;
        return graph_touch(q->g, child, impact_of(e), e, "ShareLock", "child or partition") == NULL ? -1 : 0;
    }
    /* ANALYZE of a plain parent only reads its children. */
    if (e->kind == EFFECT_OTHER && strcmp(e->detail, "VacuumStmt") == 0)
        return graph_reach(q->g, child, 0, e, item->kind == 'p' ? lock : "AccessShareLock", NULL);
    /* The column becomes the child's own. */
    if (e->kind == EFFECT_DROP_COLUMN && ((e->flags & EFFECT_ONLY) != 0 || result_bool(q->r, q->row, 2)))
        return graph_touch(q->g, child, CLOSURE_ALTERED, e, lock, "keeps the column of its parent") == NULL ? -1 : 0;
    if (e->kind == EFFECT_READ || (e->flags & EFFECT_ONLY) != 0)
        return graph_reach(q->g, child, 0, e, lock, NULL);
    if ((t = graph_touch(q->g, child, impact_of(e), e, lock, "child or partition")) == NULL)
        return -1;
    if (impact_of_column(e) == 0)
        return 0;
    return graph_column(q->g, t, impact_column_name(e), impact_of_column(e), e);
}

int follow_children(struct graph *g)
{
    static const struct edge edge = {children_sql, 2, 3, has_children, describe_parent, apply_child};

    return follow(g, &edge);
}

/* ATTACH and DETACH PARTITION take the partitions of the partition along. */
static int moves_partitions(const struct item *item)
{
    const struct effect *e = item->e;

    return item->partner && item->kind == 'p' && e->kind == EFFECT_ALTER_TABLE_OTHER &&
           e->detail != NULL && (e->flags & EFFECT_CONCURRENTLY) == 0 &&
           (strcmp(e->detail, "AT_AttachPartition") == 0 ||
            strcmp(e->detail, "AT_DetachPartition") == 0);
}

static int describe_moved(struct question *q, const struct item *item)
{
    if (array_number(&q->p[0], item->oid, q->g->err) < 0)
        return -1;
    return array_text(&q->p[1], "", q->g->err);
}

static int apply_moved(const struct question *q, const struct item *item)
{
    return graph_touch(q->g, question_oid(q, 1), CLOSURE_PARTNER, item->e, "AccessExclusiveLock",
                       "a partition of its") == NULL
               ? -1
               : 0;
}

int follow_moved(struct graph *g)
{
    static const struct edge edge = {children_sql, 2, 3, moves_partitions, describe_moved, apply_moved};

    return follow(g, &edge);
}

/* A partition that comes or goes changes what the default partition may hold. */
static int changes_default(const struct item *item)
{
    const struct effect *e = item->e;

    if (item->space != SPACE_RELATION || (e->flags & EFFECT_VERSION) != 0)
        return 0;
    if (e->kind == EFFECT_DROP_TABLE)
        return !item->partner && item->up != 0;
    if (e->kind == EFFECT_CREATE_TABLE)
        return item->partner && node_get(e->node, "partbound") != NULL;
    return !item->partner && e->kind == EFFECT_ALTER_TABLE_OTHER && e->detail != NULL &&
           (e->flags & EFFECT_CONCURRENTLY) == 0 &&
           (strcmp(e->detail, "AT_AttachPartition") == 0 ||
            strcmp(e->detail, "AT_DetachPartition") == 0);
}

static int describe_default(struct question *q, const struct item *item)
{
    int drops = item->e->kind == EFFECT_DROP_TABLE;
    int reads = !drops && (item->e->detail == NULL || strcmp(item->e->detail, "AT_DetachPartition") != 0);

    if (array_number(&q->p[0], drops ? item->up : item->oid, q->g->err) < 0 ||
        array_number(&q->p[1], drops ? item->oid : 0, q->g->err) < 0)
        return -1;
    return array_text(&q->p[2], reads ? "t" : "f", q->g->err);
}

static int apply_default(const struct question *q, const struct item *item)
{
    return graph_touch(q->g, question_oid(q, 1), CLOSURE_PARTNER, item->e, "AccessExclusiveLock",
                       "the default partition") == NULL
               ? -1
               : 0;
}

int follow_defaults(struct graph *g)
{
    static const struct edge edge = {default_sql, 3, 2, changes_default, describe_default, apply_default};

    return follow(g, &edge);
}

/* ---- foreign keys ---- */

static int retypes(const struct item *item)
{
    return !item->partner && item->e->kind == EFFECT_ALTER_TYPE;
}

static int describe_retyped(struct question *q, const struct item *item)
{
    if (array_number(&q->p[0], item->oid, q->g->err) < 0)
        return -1;
    return array_text(&q->p[1], impact_column_name(item->e), q->g->err);
}

static int apply_partner(const struct question *q, const struct item *item)
{
    return graph_touch(q->g, question_oid(q, 1), CLOSURE_PARTNER, item->e, "AccessExclusiveLock",
                       "foreign key") == NULL
               ? -1
               : 0;
}

int follow_partners(struct graph *g)
{
    static const struct edge edge = {partners_sql, 2, 2, retypes, describe_retyped, apply_partner};

    return follow(g, &edge);
}

/* How rows go by E, as closure_keys.sql has it; '\0': no row goes. */
static char how_rows_go(const struct effect *e)
{
    return e->kind == EFFECT_DELETE || e->kind == EFFECT_MERGE              ? 'd'
           : e->kind == EFFECT_UPDATE                                       ? 'u'
           : e->kind == EFFECT_TRUNCATE && (e->flags & EFFECT_CASCADE) != 0 ? 't'
                                                                            : '\0';
}

/* Every table whose rows go by a statement: the named one and its partitions. */
static int loses_rows(const struct item *item)
{
    return !item->partner && how_rows_go(item->e) != '\0' && item->space == SPACE_RELATION &&
           (item->e->flags & EFFECT_VERSION) == 0;
}

static int describe_rows(struct question *q, const struct item *item)
{
    const char how[] = {how_rows_go(item->e), '\0'};

    if (array_number(&q->p[0], item->oid, q->g->err) < 0)
        return -1;
    return array_text(&q->p[1], how, q->g->err);
}

static uint32_t own_oid(const struct graph *g, const struct effect *e)
{
    size_t i;

    for (i = 0; i < g->nitems; i++)
        if (g->items[i].e == e && !g->items[i].partner && g->items[i].found)
            return g->items[i].oid;
    return 0;
}

static int apply_key(const struct question *q, const struct item *item)
{
    const char *action = result_text(q->r, q->row, 2), *column = result_text(q->r, q->row, 3);
    const struct effect *e = item->e;
    struct graph *g = q->g;
    char how = how_rows_go(e);
    struct closure_table *t;
    struct buf because = {0};
    unsigned fate;

    /* A column that no key references carries nothing. */
    if (how == 'u' && impact_column_name(e) != NULL && question_oid(q, 5) == own_oid(g, e) &&
        strcmp(result_text(q->r, q->row, 6), impact_column_name(e)) != 0)
        return 0;
    fate = how == 't' ? CLOSURE_EMPTIED : CLOSURE_ROWS;
    /* RESTRICT and NO ACTION carry nothing, but are looked at under ROW SHARE. */
    if (how != 't' && strchr("cnd", action[0]) == NULL)
        fate = CLOSURE_PARTNER;
    if (buf_addf(&because, g->err, "foreign key %s", result_text(q->r, q->row, 4)) < 0)
        return -1;
    t = graph_touch(g, question_oid(q, 1), fate, e,
                    how == 't'                ? "AccessExclusiveLock"
                    : fate == CLOSURE_PARTNER ? "RowShareLock"
                                              : "RowExclusiveLock",
                    because.data);
    buf_free(&because);
    if (t == NULL)
        return -1;
    if (fate == CLOSURE_ROWS && (how == 'u' || action[0] != 'c'))
        return graph_column(g, t, column, CLOSURE_COLUMN_UPDATED, e);
    return 0;
}

int follow_keys(struct graph *g)
{
    static const struct edge edge = {keys_sql, 2, 7, loses_rows, describe_rows, apply_key};

    return follow(g, &edge);
}

/* ---- views and domains ---- */

static int reads_view(const struct item *item)
{
    if (item->partner || item->space != SPACE_RELATION)
        return 0;
    if (item->e->kind == EFFECT_READ)
        return item->kind == 'v' && lock_plans(item->e);
    if (item->e->kind != EFFECT_OTHER || item->e->detail == NULL)
        return 0;
    return (item->kind == 'm' && strcmp(item->e->detail, "RefreshMatViewStmt") == 0 &&
            lock_plans(item->e)) ||
           (item->kind == 'v' && strcmp(item->e->detail, "LockStmt") == 0);
}

static int apply_view(const struct question *q, const struct item *item)
{
    const char *mode = strcmp(item->e->detail, "RefreshMatViewStmt") == 0
                           ? "AccessShareLock"
                           : lock_of(item->e, conn_version(q->g->c));

    return graph_reach(q->g, question_oid(q, 1), 0, item->e, mode, NULL);
}

int follow_views(struct graph *g)
{
    static const struct edge edge = {views_sql, 1, 2, reads_view, NULL, apply_view};

    return follow(g, &edge);
}

static int checks_domain(const struct item *item)
{
    const struct effect *e = item->e;

    if (e->kind != EFFECT_OTHER || e->detail == NULL || strcmp(e->detail, "AlterDomainStmt") != 0)
        return 0;
    return node_is(e->node, "subtype", "O") || node_is(e->node, "subtype", "V") ||
           (node_is(e->node, "subtype", "C") &&
            !node_true(node_as(node_get(e->node, "def"), "Constraint"), "skip_validation"));
}

static int apply_user(const struct question *q, const struct item *item)
{
    return graph_touch(q->g, question_oid(q, 1), CLOSURE_PARTNER, item->e, "ShareLock",
                       "uses the domain") == NULL
               ? -1
               : 0;
}

int follow_users(struct graph *g)
{
    static const struct edge edge = {users_sql, 1, 2, checks_domain, NULL, apply_user};

    return follow(g, &edge);
}

/* A composite type's attribute, or the column of a table whose row type is a column's. */
static int drops_attribute(const struct item *item)
{
    const struct effect *e = item->e;

    return !item->partner && (e->flags & EFFECT_VERSION) == 0 &&
           ((e->kind == EFFECT_DROP_COLUMN && item->space == SPACE_RELATION) ||
            (e->kind == EFFECT_ALTER_TABLE_OTHER && e->detail != NULL && strcmp(e->detail, "AT_DropAttribute") == 0));
}

static int describe_type(struct question *q, const struct item *item)
{
    if (array_number(&q->p[0], item->oid, q->g->err) < 0)
        return -1;
    return array_text(&q->p[1], item->space == SPACE_TYPE ? "t" : "r", q->g->err);
}

/* The server takes no lock there. */
static int apply_attribute(const struct question *q, const struct item *item)
{
    struct buf because = {0};
    struct closure_table *t = NULL;

    if (buf_addf(&because, q->g->err, "attribute %s of type %s", item->e->column, item->e->name) == 0)
        t = graph_touch(q->g, question_oid(q, 1), CLOSURE_COLUMNS, item->e, NULL, because.data);
    buf_free(&because);
    if (t == NULL)
        return -1;
    return graph_column(q->g, t, result_text(q->r, q->row, 2), CLOSURE_COLUMN_UPDATED, item->e);
}

int follow_attributes(struct graph *g)
{
    static const struct edge edge = {attributes_sql, 2, 3, drops_attribute, describe_type, apply_attribute};

    return follow(g, &edge);
}
