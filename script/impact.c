#include "script/impact.h"

#include <string.h>

#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"

unsigned impact_of(const struct effect *e)
{
    if (e->flags & EFFECT_VERSION)
        return CLOSURE_VERSION;
    switch ((int)e->kind) {
    case EFFECT_DROP_TABLE:
    case EFFECT_DROP_MATVIEW:
        return CLOSURE_DROPPED;
    case EFFECT_DROP_COLUMN:
    case EFFECT_ALTER_TYPE:
        return CLOSURE_COLUMNS;
    case EFFECT_TRUNCATE:
        return CLOSURE_EMPTIED;
    case EFFECT_DELETE:
        return e->flags & EFFECT_WHOLE ? CLOSURE_EMPTIED : CLOSURE_ROWS;
    case EFFECT_UPDATE:
        return CLOSURE_ROWS;
    case EFFECT_MERGE:
        return CLOSURE_ROWS | CLOSURE_INSERTED;
    case EFFECT_INSERT:
        return node_is(node_get(e->node, "onConflictClause"), "action", "ONCONFLICT_UPDATE")
                   ? CLOSURE_ROWS | CLOSURE_INSERTED
                   : CLOSURE_INSERTED;
    case EFFECT_COPY_IN:
        return CLOSURE_INSERTED;
    default:
        return CLOSURE_ALTERED;
    }
}

unsigned impact_of_column(const struct effect *e)
{
    return e->kind == EFFECT_DROP_COLUMN  ? CLOSURE_COLUMN_DROPPED
           : e->kind == EFFECT_ALTER_TYPE ? CLOSURE_COLUMN_RETYPED
           : e->kind == EFFECT_UPDATE     ? CLOSURE_COLUMN_UPDATED
                                          : 0;
}

const char *impact_partner_lock(const struct effect *e, int version)
{
    if (e->kind == EFFECT_ADD_CONSTRAINT)
        return "ShareRowExclusiveLock";
    if (e->kind == EFFECT_CREATE_TABLE)
        return node_get(e->node, "partbound") != NULL ? "AccessExclusiveLock"
                                                      : "ShareUpdateExclusiveLock";
    if (e->detail != NULL && strcmp(e->detail, "AT_DetachPartition") == 0 && version < 140000)
        return version >= 120000 ? "ShareUpdateExclusiveLock" : "AccessShareLock";
    if (e->detail != NULL && strcmp(e->detail, "AT_AddInherit") == 0)
        return "ShareUpdateExclusiveLock";
    if (e->detail != NULL && strcmp(e->detail, "AT_DropInherit") == 0)
        return "AccessShareLock";
    return "AccessExclusiveLock";
}

const char *impact_column_name(const struct effect *e)
{
    return e->column_on_server != NULL ? e->column_on_server : e->column;
}
