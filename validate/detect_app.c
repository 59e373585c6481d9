/* What breaks running code, or changes who may do what. */
#include <string.h>

#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/detect.h"
#include "validate/inquiry.h"

static int type_is(const struct effect *e, const char *name)
{
    const json_t *def = node_as(node_get(e->node, "def"), "ColumnDef");
    const char *schema, *type;

    node_qualified(node_get(node_get(def, "typeName"), "names"), &schema, &type);
    return type != NULL && strcmp(type, name) == 0;
}

static void renamed(struct inquiry *q, const struct effect *e)
{
    if (e->kind == EFFECT_RENAME_TABLE)
        (void)inquiry_raise(q, "rename-table", e, NULL,
                            "%s becomes %s: code of the old version no longer finds it", e->name,
                            e->detail);
    else if (e->kind == EFFECT_RENAME_COLUMN)
        (void)inquiry_raise(q, "rename-column", e, NULL,
                            "%s.%s becomes %s: code of the old version no longer finds it", e->name,
                            e->column, e->detail);
    else if (node_is(e->node, "renameType", "OBJECT_SCHEMA"))
        (void)inquiry_raise(q, "rename-schema", e, NULL,
                            "schema %s becomes %s: every qualified name breaks", e->name, e->detail);
}

static void enum_value(struct inquiry *q, const struct effect *e)
{
    if (node_get(e->node, "oldVal") != NULL) {
        (void)inquiry_raise(q, "rename-enum-value", e, NULL,
                            "running code still writes and expects the old label of %s", e->name);
        return;
    }
    if (node_get(e->node, "newValNeighbor") == NULL)
        (void)inquiry_raise(q, "enum-value-position", e, NULL,
                            "the new value of %s sorts after all others", e->name);
    if (e->statement->in_transaction && (e->flags & EFFECT_OWN) == 0) {
        long index = inquiry_raise(q, "enum-value-in-transaction", e, NULL,
                                   q->version < 120000
                                       ? "the server refuses ADD VALUE to %s inside a transaction"
                                       : "the new value of %s cannot be used before COMMIT",
                                   e->name);

        if (index >= 0 && q->version < 120000) {
            inquiry_finding(q, index)->severity = SEVERITY_CRITICAL;
            inquiry_finding(q, index)->predicted_failure = 1;
        }
    }
}

static void security(struct inquiry *q, const struct effect *e)
{
    const char *node = e->detail == NULL ? "" : e->detail;

    if (strcmp(node, "GrantStmt") == 0) {
        const json_t *grantees = node_get(e->node, "grantees");
        int everyone = 0;
        size_t i;

        for (i = 0; i < node_count(grantees); i++)
            everyone |= node_is(node_as(node_at(grantees, i), "RoleSpec"), "roletype",
                                "ROLESPEC_PUBLIC");
        if (!node_true(e->node, "is_grant"))
            (void)inquiry_raise(q, "security-change", e, "", "REVOKE: who had the right loses it");
        else if (everyone)
            (void)inquiry_raise(q, "security-change", e, "", "GRANT ... TO PUBLIC: everyone has it");
    } else if (strcmp(node, "AlterFunctionStmt") == 0) {
        const json_t *actions = node_get(e->node, "actions");
        size_t i;

        for (i = 0; i < node_count(actions); i++)
            if (node_is(node_as(node_at(actions, i), "DefElem"), "defname", "volatility"))
                (void)inquiry_raise(q, "function-volatility", e, "",
                                    "indexes and plans were made with what the function was before");
    } else if (strcmp(node, "CreatePolicyStmt") == 0 || strcmp(node, "AlterPolicyStmt") == 0 ||
               strcmp(node, "OBJECT_POLICY") == 0 || strcmp(node, "AT_EnableRowSecurity") == 0 ||
               strcmp(node, "AT_DisableRowSecurity") == 0 ||
               strcmp(node, "AT_ForceRowSecurity") == 0 ||
               strcmp(node, "AT_NoForceRowSecurity") == 0) {
        (void)inquiry_raise(q, "security-change", e, NULL,
                            "row security of %s changes what every session sees",
                            e->name == NULL ? "" : e->name);
    }
}

void detect_app(struct inquiry *q, const struct effect *e)
{
    if ((e->flags & (EFFECT_GONE | EFFECT_VERSION)) != 0)
        return;
    if (e->kind == EFFECT_ALTER_ENUM) {
        enum_value(q, e);
        return;
    }
    if ((e->flags & EFFECT_OWN) != 0)
        return;
    if (e->kind == EFFECT_RENAME_TABLE || e->kind == EFFECT_RENAME_COLUMN ||
        e->kind == EFFECT_RENAME_OTHER)
        renamed(q, e);
    else if (e->kind == EFFECT_DROP_NOT_NULL)
        (void)inquiry_raise(q, "drop-not-null", e, NULL, "readers of %s.%s may meet NULL", e->name,
                            e->column);
    else if (e->kind == EFFECT_SET_DEFAULT || e->kind == EFFECT_DROP_DEFAULT)
        (void)inquiry_raise(q, "change-default", e, NULL,
                            "INSERTs that leave %s.%s out get another value", e->name, e->column);
    else if ((e->kind == EFFECT_ADD_COLUMN || e->kind == EFFECT_ALTER_TYPE) && type_is(e, "json"))
        (void)inquiry_raise(q, "json-column", e, NULL, "%s.%s is json: no equality", e->name,
                            e->column);
    else
        security(q, e);
}
