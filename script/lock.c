#include "script/lock.h"

#include <stddef.h>
#include <string.h>

#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"

static const char *const modes[] = {
    NULL,
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
};

enum { NONE, AS, RS, RE, SUE, S, SRE, E, AE };

int lock_strength(const char *mode)
{
    int i;

    for (i = 1; mode != NULL && i <= AE; i++)
        if (strcmp(modes[i], mode) == 0)
            return i;
    return 0;
}

const char *lock_mode(int strength)
{
    return strength < 0 || strength > AE ? NULL : modes[strength];
}

/* ALTER TABLE's sub-commands that need less than ACCESS EXCLUSIVE. */
static int of_alter(const struct effect *e, int version)
{
    static const struct {
        const char *subtype;
        int mode, since;
    } weaker[] = {
        {"AT_SetStatistics", SUE, 0},   {"AT_SetOptions", SUE, 0},
        {"AT_ResetOptions", SUE, 0},    {"AT_ClusterOn", SUE, 0},
        {"AT_DropCluster", SUE, 0},     {"AT_AttachPartition", SUE, 120000},
        {"AT_EnableTrig", SRE, 0},      {"AT_EnableAlwaysTrig", SRE, 0},
        {"AT_EnableReplicaTrig", SRE, 0}, {"AT_EnableTrigAll", SRE, 0},
        {"AT_EnableTrigUser", SRE, 0},  {"AT_DisableTrig", SRE, 0},
        {"AT_DisableTrigAll", SRE, 0},  {"AT_DisableTrigUser", SRE, 0},
    };
    /* Of the index methods' own (fastupdate, buffering, pages_per_range, ...) none. */
    static const char *const weak_options[] = {
        "fillfactor", "toast_tuple_target", "parallel_workers", "vacuum_truncate",
        "vacuum_index_cleanup", "log_autovacuum_min_duration", "n_distinct",
        "n_distinct_inherited", "deduplicate_items",
    };
    const char *subtype = e->detail == NULL ? "" : e->detail;
    size_t i, k;

    if (strcmp(subtype, "AT_DetachPartition") == 0)
        return e->flags & EFFECT_CONCURRENTLY ? SUE : AE;
    if (strcmp(subtype, "AT_SetRelOptions") == 0 || strcmp(subtype, "AT_ResetRelOptions") == 0) {
        const json_t *list = node_get(e->node, "def");
        int mode = SUE;

        list = node_get(node_as(list, "List"), "items");
        for (i = 0; i < node_count(list); i++) {
            const char *name = node_text(node_as(node_at(list, i), "DefElem"), "defname");
            int weak = strncmp(name, "autovacuum_", 11) == 0;

            for (k = 0; k < sizeof(weak_options) / sizeof(weak_options[0]); k++)
                weak = weak || strcmp(name, weak_options[k]) == 0;
            if (!weak)
                mode = AE;
        }
        return mode;
    }
    for (i = 0; i < sizeof(weaker) / sizeof(weaker[0]); i++)
        if (strcmp(weaker[i].subtype, subtype) == 0)
            return version >= weaker[i].since ? weaker[i].mode : AE;
    return AE;
}

static int of_other(const struct effect *e)
{
    static const struct {
        const char *node;
        int mode;
    } others[] = {
        {"CommentStmt", SUE},     {"ClusterStmt", AE},   {"RefreshMatViewStmt", AE},
        {"CreatePolicyStmt", AE}, {"AlterPolicyStmt", AE}, {"RuleStmt", AE},
        {"CreateStatsStmt", SUE}, {"AlterSeqStmt", SRE}, {"SecLabelStmt", SUE},
        {"AlterOwnerStmt", AE},   {"setval", RE},   {"ViewStmt", NONE},
    };
    const char *node = e->detail == NULL ? "" : e->detail;
    size_t i;

    if (strcmp(node, "CommentStmt") == 0 && e->name == NULL)
        return NONE;
    /* A comment on a part of a relation only looks at that. */
    if (strcmp(node, "CommentStmt") == 0 &&
        (node_is(e->node, "objtype", "OBJECT_TABCONSTRAINT") ||
         node_is(e->node, "objtype", "OBJECT_TRIGGER") ||
         node_is(e->node, "objtype", "OBJECT_POLICY") ||
         node_is(e->node, "objtype", "OBJECT_RULE")))
        return AS;
    if (strcmp(node, "LockStmt") == 0)
        return (int)node_int(e->node, "mode");
    if (strcmp(node, "VacuumStmt") == 0)
        return node_option(node_get(e->node, "options"), "full", 0) ? AE : SUE;
    if (strcmp(node, "RefreshMatViewStmt") == 0 && node_true(e->node, "concurrent"))
        return E;
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(others[i].node, node) == 0)
            return others[i].mode;
    return NONE;
}

static int strength_of(const struct effect *e, int version)
{
    int concurrently = (e->flags & EFFECT_CONCURRENTLY) != 0;

    switch ((int)e->kind) {
    case EFFECT_DROP_TABLE:
    case EFFECT_DROP_COLUMN:
    case EFFECT_DROP_MATVIEW:
    case EFFECT_DROP_SEQUENCE:
    case EFFECT_DROP_VIEW:
    case EFFECT_ALTER_TYPE:
    case EFFECT_TRUNCATE:
    case EFFECT_ADD_COLUMN:
    case EFFECT_RENAME_TABLE:
    case EFFECT_RENAME_COLUMN:
    case EFFECT_SET_NOT_NULL:
    case EFFECT_DROP_NOT_NULL:
    case EFFECT_SET_DEFAULT:
    case EFFECT_DROP_DEFAULT:
    case EFFECT_DROP_CONSTRAINT:
    case EFFECT_DROP_TRIGGER:
        return AE;
    case EFFECT_RENAME_OTHER:
        if (node_is(e->node, "renameType", "OBJECT_INDEX"))
            return version >= 120000 ? SUE : AE;
        return AE;
    case EFFECT_DELETE:
    case EFFECT_UPDATE:
    case EFFECT_INSERT:
    case EFFECT_COPY_IN:
    case EFFECT_MERGE:
        return RE;
    case EFFECT_ADD_CONSTRAINT:
        return e->detail != NULL && strcmp(e->detail, "FOREIGN KEY") == 0 ? SRE : AE;
    case EFFECT_VALIDATE_CONSTRAINT:
        return SUE;
    case EFFECT_CREATE_INDEX:
        return concurrently ? SUE : S;
    case EFFECT_DROP_INDEX:
        return concurrently ? SUE : AE;
    case EFFECT_REINDEX:
        return concurrently ? SUE : S;
    case EFFECT_CREATE_TRIGGER:
        return SRE;
    case EFFECT_ALTER_TABLE_OTHER:
        return of_alter(e, version);
    case EFFECT_DROP_OTHER:
        return e->name != NULL ? AE : NONE;
    case EFFECT_CREATE_OTHER:
        /* Only CREATE OR REPLACE VIEW may find its relation there. */
        return e->detail != NULL && strcmp(e->detail, "ViewStmt") == 0 ? AE : NONE;
    case EFFECT_READ:
        if (e->detail != NULL && strcmp(e->detail, "target") == 0)
            return RE;
        return e->detail != NULL && strcmp(e->detail, "locking") == 0 ? RS : AS;
    case EFFECT_OTHER:
        return of_other(e);
    default:
        return NONE;
    }
}

const char *lock_of(const struct effect *e, int version)
{
    return modes[strength_of(e, version)];
}

int lock_plans(const struct effect *e)
{
    static const char *const queries[] = {"SelectStmt", "InsertStmt",  "UpdateStmt",       "DeleteStmt",
                                          "MergeStmt",  "ExplainStmt", "DeclareCursorStmt"};
    const char *kind = node_kind(e->statement->tree);
    const json_t *body = node_body(e->statement->tree);
    size_t i;

    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        if (strcmp(kind, queries[i]) == 0)
            return 1;
    if (strcmp(kind, "CopyStmt") == 0)
        return node_get(body, "query") != NULL;
    if (strcmp(kind, "CreateTableAsStmt") == 0)
        return !node_true(node_get(body, "into"), "skipData");
    return strcmp(kind, "RefreshMatViewStmt") == 0 && !node_true(body, "skipData");
}
