/* What makes others wait: strong locks, and what is done while they are held. */
#include <stdlib.h>
#include <string.h>

#include "migration/plan.h"
#include "pg/catalog.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/lock.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/column.h"
#include "validate/cost.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"

/* A scan of less than this takes less time than anyone notices. */
#define SMALL_BYTES (10 * 1024 * 1024)
#define SMALL_ROWS 10000

/* Known to be small: and not empty, for an empty table proves nothing. */
static int is_small(const struct catalog_table *t)
{
    return t != NULL && t->kind != 'p' && t->pages > 0 && t->bytes < SMALL_BYTES &&
           t->rows < SMALL_ROWS;
}

/* Finding INDEX is about the lock that E takes, and what it costs. */
static void with_lock(struct inquiry *q, long index, const struct effect *e,
                      const struct catalog_table *t, const struct cost *cost, int by_size)
{
    struct finding *f = inquiry_finding(q, index);

    if (f == NULL)
        return;
    f->lock_mode = lock_of(e, q->version);
    f->lock_relation = strdup(f->object);
    if (f->lock_relation == NULL)
        inquiry_oom(q);
    if (cost != NULL) {
        f->rewrite = cost->rewrite;
        f->scan = cost->scan;
    }
    if (by_size && is_small(t) && f->severity > SEVERITY_LOW)
        f->severity = SEVERITY_LOW;
}

/* The table of the index that E drops. */
static const struct catalog_table *table_of_index(const struct inquiry *q, const struct effect *e)
{
    size_t i;

    for (i = 0; q->closure != NULL && e->kind == EFFECT_DROP_INDEX && i < q->closure->nreaches; i++)
        if (q->closure->reaches[i].effect == e &&
            inquiry_table_by_oid(q, q->closure->reaches[i].oid) != NULL)
            return inquiry_table_by_oid(q, q->closure->reaches[i].oid);
    return NULL;
}

/* Raise CODE about E's table. */
static void lock(struct inquiry *q, const struct effect *e, const char *code, const char *what,
                 const struct cost *cost)
{
    const struct effect *added = column_added(q, e);
    const struct catalog_table *t = inquiry_table(q, added != NULL ? added : e);
    struct effect table = *e;
    char *object;
    long index;

    table.column = NULL;
    table.column_on_server = NULL;
    if (t == NULL)
        object = effect_object(&table);
    else
        object = inquiry_object(q, added != NULL ? added : e);
    if (object == NULL)
        return;
    if (t == NULL)
        t = table_of_index(q, e);
    index = inquiry_raise(q, code, e, object, "%s %s%s%s", what, object,
                          cost != NULL && cost->why != NULL ? ": " : "",
                          cost != NULL && cost->why != NULL ? cost->why : "");
    with_lock(q, index, e, t, cost, 1);
    free(object);
}

static int has_index(const struct inquiry *q, const struct effect *e, const char *column)
{
    const struct catalog_table *t = inquiry_table(q, e);
    struct facts_index k;
    size_t i, n;

    for (i = 0; t != NULL && column != NULL && facts_index(q->facts, i, &k); i++) {
        n = strlen(column);
        if (k.table == t->oid && k.valid && k.columns != NULL &&
            strncmp(k.columns, column, n) == 0 && (k.columns[n] == '\0' || k.columns[n] == '\n'))
            return 1;
    }
    /* Or one that the script makes, before or after. */
    for (i = 0; i < q->plan->nsteps; i++)
        for (n = 0; q->steps[i] != NULL && n < q->steps[i]->count; n++) {
            const struct effect *x = &q->steps[i]->items[n];
            const char *first;

            if (x->name == NULL || e->name == NULL || strcmp(x->name, e->name) != 0)
                continue;
            if (x->kind == EFFECT_CREATE_INDEX)
                first = node_name(node_as(node_at(node_get(x->node, "indexParams"), 0), "IndexElem"),
                                  "name");
            else if (x->kind == EFFECT_ADD_CONSTRAINT && x->detail != NULL &&
                     (strcmp(x->detail, "UNIQUE") == 0 || strcmp(x->detail, "PRIMARY KEY") == 0))
                first = node_get(x->node, "keys") == NULL
                            ? x->column
                            : node_string(node_at(node_get(x->node, "keys"), 0));
            else
                continue;
            if (first != NULL && column != NULL && strcmp(first, column) == 0)
                return 1;
        }
    return 0;
}

static void foreign_key(struct inquiry *q, const struct effect *e)
{
    const char *first = node_get(e->node, "fk_attrs") == NULL
                            ? e->column
                            : node_string(node_at(node_get(e->node, "fk_attrs"), 0));

    if (node_is(e->node, "fk_del_action", "c") || node_is(e->node, "fk_del_action", "n") ||
        node_is(e->node, "fk_del_action", "d"))
        (void)inquiry_raise(q, "cascading-foreign-key", e, NULL,
                            "a foreign key of %s %s rows by itself when the referenced row goes",
                            e->name,
                            node_is(e->node, "fk_del_action", "c") ? "deletes" : "overwrites");
    /* Offline nobody knows the indexes of a table that the script did not make. */
    if ((q->facts != NULL || (e->flags & EFFECT_OWN) != 0) && !has_index(q, e, first))
        (void)inquiry_raise(q, "foreign-key-without-index", e, NULL,
                            "no index of %s begins with %s: each DELETE of a referenced row reads it whole",
                            e->name, first == NULL ? "the key" : first);
}

static void constraint(struct inquiry *q, const struct effect *e, const struct cost *cost)
{
    const char *word = e->detail == NULL ? "" : e->detail;
    int own = (e->flags & EFFECT_OWN) != 0;

    if (strcmp(word, "FOREIGN KEY") == 0) {
        foreign_key(q, e);
        if (cost->scan && !own)
            lock(q, e, "add-foreign-key", "ADD FOREIGN KEY to", cost);
        return;
    }
    if (own)
        return;
    if (strcmp(word, "CHECK") == 0 && cost->scan)
        lock(q, e, "add-check", "ADD CHECK to", cost);
    else if (strcmp(word, "UNIQUE") == 0 && cost->scan)
        lock(q, e, "add-unique", "ADD UNIQUE to", cost);
    else if (strcmp(word, "PRIMARY KEY") == 0 && cost->scan)
        lock(q, e, "add-primary-key", "ADD PRIMARY KEY to", cost);
    else if (strcmp(word, "EXCLUDE") == 0)
        lock(q, e, "add-exclude", "ADD EXCLUDE to", cost);
    else if (strcmp(word, "PRIMARY KEY") == 0 && node_get(e->node, "indexname") != NULL) {
        const struct catalog_table *t = inquiry_table(q, e);
        struct facts_index k;
        struct facts_column c;
        size_t i, n;
        int nullable = q->facts == NULL;

        for (i = 0; t != NULL && facts_index(q->facts, i, &k); i++) {
            if (k.table != t->oid || !node_is(e->node, "indexname", k.name))
                continue;
            for (n = 0; n < t->ncolumns; n++)
                if (facts_names(k.columns, t->columns[n].name) &&
                    facts_column(q->facts, t->oid, t->columns[n].name, &c) && !c.not_null)
                    nullable = 1;
        }
        if (nullable)
            lock(q, e, "primary-key-nullable", "PRIMARY KEY USING INDEX on", NULL);
    }
}

static void added_column(struct inquiry *q, const struct effect *e, const struct cost *cost)
{
    const char *why = cost->why == NULL ? "" : cost->why;

    if (!cost->rewrite)
        return;
    if (strncmp(why, "a serial", 8) == 0 || strncmp(why, "an identity", 11) == 0)
        lock(q, e, "add-serial-column", "ADD COLUMN rewrites", cost);
    else if (strncmp(why, "a stored", 8) == 0)
        lock(q, e, "add-generated-column", "ADD COLUMN rewrites", cost);
    else if (strncmp(why, "before PostgreSQL 11", 20) == 0)
        lock(q, e, "add-column-default", "ADD COLUMN rewrites", cost);
    else if (strncmp(why, "the default", 11) == 0)
        lock(q, e, "add-column-volatile-default", "ADD COLUMN rewrites", cost);
    else
        lock(q, e, "table-rewrite", "ADD COLUMN rewrites", cost);
}

static void altered(struct inquiry *q, const struct effect *e, const struct cost *cost)
{
    const char *subtype = e->detail;

    if (strcmp(subtype, "AT_AttachPartition") == 0) {
        struct effect other = *e;

        if (e->partner == NULL)
            return;
        other.name = e->partner;
        other.schema = e->partner_schema;
        lock(q, &other, "attach-partition", "ATTACH PARTITION reads", cost);
        if (q->closure != NULL && q->out->nfindings > 0 &&
            strcmp(q->out->findings[q->out->nfindings - 1].code, "attach-partition") == 0 &&
            is_small(inquiry_table_by_oid(q, closure_partner(q->closure, e))))
            q->out->findings[q->out->nfindings - 1].severity = SEVERITY_LOW;
    } else if (strcmp(subtype, "AT_DetachPartition") == 0 &&
               (e->flags & EFFECT_CONCURRENTLY) == 0) {
        lock(q, e, "detach-partition", "DETACH PARTITION locks", cost);
    } else if (strcmp(subtype, "AT_SetLogged") == 0 || strcmp(subtype, "AT_SetUnLogged") == 0) {
        if (cost->rewrite)
            lock(q, e, "set-logged", "SET LOGGED or UNLOGGED copies", cost);
        if (cost->rewrite && strcmp(subtype, "AT_SetUnLogged") == 0)
            (void)inquiry_raise(q, "set-unlogged", e, NULL,
                                "%s would be emptied by a crash, and is on no standby", e->name);
    } else if (strcmp(subtype, "AT_SetTableSpace") == 0) {
        lock(q, e, "set-tablespace", "SET TABLESPACE copies", cost);
    } else if (strcmp(subtype, "AT_SetAccessMethod") == 0) {
        lock(q, e, "table-rewrite", "SET ACCESS METHOD rewrites", cost);
    } else if (strncmp(subtype, "AT_EnableTrig", 13) == 0 ||
               strncmp(subtype, "AT_DisableTrig", 14) == 0) {
        lock(q, e, "trigger-lock", "ENABLE or DISABLE TRIGGER locks", NULL);
    }
}

/* Every table that uses the domain is read; where all of them are small nobody notices. */
static void domain_locks(struct inquiry *q, const struct effect *e)
{
    long index = inquiry_raise(q, "domain-constraint", e, NULL,
                               "every table with a column of domain %s is locked and read", e->name);
    struct finding *f = inquiry_finding(q, index);
    size_t i, users = 0, small = 0;

    for (i = 0; f != NULL && q->closure != NULL && i < q->closure->nreaches; i++) {
        const struct closure_reach *r = &q->closure->reaches[i];

        if (r->effect != e || strchr("rm", r->kind) == NULL)
            continue;
        users++;
        small += is_small(inquiry_table_by_oid(q, r->oid)) != 0;
    }
    if (users > 0 && users == small && f->severity > SEVERITY_LOW)
        f->severity = SEVERITY_LOW;
}

void detect_lock(struct inquiry *q, const struct effect *e)
{
    struct cost cost;

    if ((e->flags & (EFFECT_GONE | EFFECT_VERSION)) != 0)
        return;
    cost_of(q, e, 0, &cost);
    if (e->kind == EFFECT_ADD_CONSTRAINT) {
        constraint(q, e, &cost);
        return;
    }
    if ((e->flags & EFFECT_OWN) != 0 && column_added(q, e) == NULL)
        return;
    switch ((int)e->kind) {
    case EFFECT_ADD_COLUMN:
        added_column(q, e, &cost);
        break;
    case EFFECT_ALTER_TYPE:
        if (cost.rewrite)
            lock(q, e, "type-change", "ALTER TYPE rewrites the table of", &cost);
        break;
    case EFFECT_SET_NOT_NULL:
        if (cost.scan)
            lock(q, e, "set-not-null", "SET NOT NULL reads the table of", &cost);
        break;
    case EFFECT_CREATE_INDEX:
        if ((e->flags & EFFECT_CONCURRENTLY) == 0 && cost.scan)
            lock(q, e, "create-index", "CREATE INDEX blocks writes to", &cost);
        else if ((e->flags & EFFECT_CONCURRENTLY) != 0 && q->version >= 140000 &&
                 q->version < 140004 && q->conn != NULL)
            (void)inquiry_raise(q, "index-corruption", e, NULL,
                                "this server (%d.%d) may build a corrupt index", q->version / 10000,
                                q->version % 10000);
        break;
    case EFFECT_DROP_INDEX:
        if ((e->flags & EFFECT_CONCURRENTLY) == 0 &&
            (q->closure == NULL || closure_relation(q->closure, e) != 0))
            lock(q, e, "drop-index", "DROP INDEX locks the table of", NULL);
        break;
    case EFFECT_REINDEX:
        if ((e->flags & EFFECT_CONCURRENTLY) == 0)
            lock(q, e, "reindex", "REINDEX blocks writes to", &cost);
        break;
    case EFFECT_DROP_CONSTRAINT:
        if (q->facts != NULL && inquiry_table(q, e) != NULL) {
            struct facts_constraint k;
            size_t i;
            int found = 0;

            for (i = 0; facts_constraint(q->facts, i, &k); i++)
                found |= k.table == inquiry_table(q, e)->oid && strcmp(k.name, e->detail) == 0;
            if (!found)
                break;
        }
        if (q->closure == NULL && (e->flags & EFFECT_IF_EXISTS) != 0)
            break;
        lock(q, e, "drop-constraint", "DROP CONSTRAINT locks", NULL);
        break;
    case EFFECT_CREATE_TRIGGER:
    case EFFECT_DROP_TRIGGER:
        lock(q, e, "trigger-lock",
             e->kind == EFFECT_CREATE_TRIGGER ? "CREATE TRIGGER locks" : "DROP TRIGGER locks", NULL);
        break;
    case EFFECT_ALTER_TABLE_OTHER:
        altered(q, e, &cost);
        break;
    case EFFECT_OTHER:
        if (e->detail == NULL)
            break;
        if (strcmp(e->detail, "RefreshMatViewStmt") == 0 && !node_true(e->node, "concurrent"))
            lock(q, e, "refresh-materialized-view", "REFRESH blocks readers of", &cost);
        else if (strcmp(e->detail, "ClusterStmt") == 0 ||
                 (strcmp(e->detail, "VacuumStmt") == 0 &&
                  node_option(node_get(e->node, "options"), "full", 0)))
            lock(q, e, "vacuum-full", "the statement writes anew", &cost);
        else if (strcmp(e->detail, "AlterDomainStmt") == 0 &&
                 (node_is(e->node, "subtype", "O") || node_is(e->node, "subtype", "V") ||
                  (node_is(e->node, "subtype", "C") &&
                   !node_true(node_as(node_get(e->node, "def"), "Constraint"), "skip_validation"))))
            domain_locks(q, e);
        break;
    default:
        break;
    }
}
