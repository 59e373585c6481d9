#include "script/tag.h"

#include <string.h>

#include "script/node.h"

/* Statements of one tag. */
static const struct {
    const char *node, *tag;
} simple[] = {
    {"AlterCollationStmt", "ALTER COLLATION"},
    {"AlterDatabaseStmt", "ALTER DATABASE"},
    {"AlterDatabaseSetStmt", "ALTER DATABASE"},
    {"AlterDatabaseRefreshCollStmt", "ALTER DATABASE"},
    {"AlterDefaultPrivilegesStmt", "ALTER DEFAULT PRIVILEGES"},
    {"AlterDomainStmt", "ALTER DOMAIN"},
    {"AlterEnumStmt", "ALTER TYPE"},
    {"AlterEventTrigStmt", "ALTER EVENT TRIGGER"},
    {"AlterExtensionStmt", "ALTER EXTENSION"},
    {"AlterExtensionContentsStmt", "ALTER EXTENSION"},
    {"AlterFdwStmt", "ALTER FOREIGN DATA WRAPPER"},
    {"AlterForeignServerStmt", "ALTER SERVER"},
    {"AlterOpFamilyStmt", "ALTER OPERATOR FAMILY"},
    {"AlterOperatorStmt", "ALTER OPERATOR"},
    {"AlterPolicyStmt", "ALTER POLICY"},
    {"AlterPublicationStmt", "ALTER PUBLICATION"},
    {"AlterRoleStmt", "ALTER ROLE"},
    {"AlterRoleSetStmt", "ALTER ROLE"},
    {"AlterSeqStmt", "ALTER SEQUENCE"},
    {"AlterStatsStmt", "ALTER STATISTICS"},
    {"AlterSubscriptionStmt", "ALTER SUBSCRIPTION"},
    {"AlterSystemStmt", "ALTER SYSTEM"},
    {"AlterTSConfigurationStmt", "ALTER TEXT SEARCH CONFIGURATION"},
    {"AlterTSDictionaryStmt", "ALTER TEXT SEARCH DICTIONARY"},
    {"AlterTableSpaceOptionsStmt", "ALTER TABLESPACE"},
    {"AlterTypeStmt", "ALTER TYPE"},
    {"AlterUserMappingStmt", "ALTER USER MAPPING"},
    {"CallStmt", "CALL"},
    {"CheckPointStmt", "CHECKPOINT"},
    {"ClosePortalStmt", "CLOSE CURSOR"},
    {"ClusterStmt", "CLUSTER"},
    {"CommentStmt", "COMMENT"},
    {"CompositeTypeStmt", "CREATE TYPE"},
    {"ConstraintsSetStmt", "SET CONSTRAINTS"},
    {"CopyStmt", "COPY"},
    {"CreateAmStmt", "CREATE ACCESS METHOD"},
    {"CreateCastStmt", "CREATE CAST"},
    {"CreateConversionStmt", "CREATE CONVERSION"},
    {"CreateDomainStmt", "CREATE DOMAIN"},
    {"CreateEnumStmt", "CREATE TYPE"},
    {"CreateEventTrigStmt", "CREATE EVENT TRIGGER"},
    {"CreateExtensionStmt", "CREATE EXTENSION"},
    {"CreateFdwStmt", "CREATE FOREIGN DATA WRAPPER"},
    {"CreateForeignServerStmt", "CREATE SERVER"},
    {"CreateForeignTableStmt", "CREATE FOREIGN TABLE"},
    {"CreateOpClassStmt", "CREATE OPERATOR CLASS"},
    {"CreateOpFamilyStmt", "CREATE OPERATOR FAMILY"},
    {"CreatePLangStmt", "CREATE LANGUAGE"},
    {"CreatePolicyStmt", "CREATE POLICY"},
    {"CreatePublicationStmt", "CREATE PUBLICATION"},
    {"CreateRangeStmt", "CREATE TYPE"},
    {"CreateRoleStmt", "CREATE ROLE"},
    {"CreateSchemaStmt", "CREATE SCHEMA"},
    {"CreateSeqStmt", "CREATE SEQUENCE"},
    {"CreateStatsStmt", "CREATE STATISTICS"},
    {"CreateStmt", "CREATE TABLE"},
    {"CreateSubscriptionStmt", "CREATE SUBSCRIPTION"},
    {"CreateTableSpaceStmt", "CREATE TABLESPACE"},
    {"CreateTransformStmt", "CREATE TRANSFORM"},
    {"CreateTrigStmt", "CREATE TRIGGER"},
    {"CreateUserMappingStmt", "CREATE USER MAPPING"},
    {"CreatedbStmt", "CREATE DATABASE"},
    {"DeallocateStmt", "DEALLOCATE"},
    {"DeclareCursorStmt", "DECLARE CURSOR"},
    {"DeleteStmt", "DELETE"},
    {"DoStmt", "DO"},
    {"DropOwnedStmt", "DROP OWNED"},
    {"DropRoleStmt", "DROP ROLE"},
    {"DropSubscriptionStmt", "DROP SUBSCRIPTION"},
    {"DropTableSpaceStmt", "DROP TABLESPACE"},
    {"DropUserMappingStmt", "DROP USER MAPPING"},
    {"DropdbStmt", "DROP DATABASE"},
    {"ExplainStmt", "EXPLAIN"},
    {"ImportForeignSchemaStmt", "IMPORT FOREIGN SCHEMA"},
    {"IndexStmt", "CREATE INDEX"},
    {"InsertStmt", "INSERT"},
    {"ListenStmt", "LISTEN"},
    {"LoadStmt", "LOAD"},
    {"LockStmt", "LOCK TABLE"},
    {"MergeStmt", "MERGE"},
    {"NotifyStmt", "NOTIFY"},
    {"PrepareStmt", "PREPARE"},
    {"ReassignOwnedStmt", "REASSIGN OWNED"},
    {"RefreshMatViewStmt", "REFRESH MATERIALIZED VIEW"},
    {"ReindexStmt", "REINDEX"},
    {"RuleStmt", "CREATE RULE"},
    {"SecLabelStmt", "SECURITY LABEL"},
    {"TruncateStmt", "TRUNCATE TABLE"},
    {"UnlistenStmt", "UNLISTEN"},
    {"UpdateStmt", "UPDATE"},
    {"ViewStmt", "CREATE VIEW"},
};

/* What ALTER and DROP say of each kind of object. */
static const struct {
    const char *object, *alter, *drop;
} objects[] = {
    {"OBJECT_ACCESS_METHOD", NULL, "DROP ACCESS METHOD"},
    {"OBJECT_AGGREGATE", "ALTER AGGREGATE", "DROP AGGREGATE"},
    {"OBJECT_ATTRIBUTE", "ALTER TYPE", NULL},
    {"OBJECT_CAST", NULL, "DROP CAST"},
    {"OBJECT_COLLATION", "ALTER COLLATION", "DROP COLLATION"},
    {"OBJECT_COLUMN", "ALTER TABLE", NULL},
    {"OBJECT_CONVERSION", "ALTER CONVERSION", "DROP CONVERSION"},
    {"OBJECT_DATABASE", "ALTER DATABASE", "DROP DATABASE"},
    {"OBJECT_DOMAIN", "ALTER DOMAIN", "DROP DOMAIN"},
    {"OBJECT_DOMCONSTRAINT", "ALTER DOMAIN", NULL},
    {"OBJECT_EVENT_TRIGGER", "ALTER EVENT TRIGGER", "DROP EVENT TRIGGER"},
    {"OBJECT_EXTENSION", "ALTER EXTENSION", "DROP EXTENSION"},
    {"OBJECT_FDW", "ALTER FOREIGN DATA WRAPPER", "DROP FOREIGN DATA WRAPPER"},
    {"OBJECT_FOREIGN_SERVER", "ALTER SERVER", "DROP SERVER"},
    {"OBJECT_FOREIGN_TABLE", "ALTER FOREIGN TABLE", "DROP FOREIGN TABLE"},
    {"OBJECT_FUNCTION", "ALTER FUNCTION", "DROP FUNCTION"},
    {"OBJECT_INDEX", "ALTER INDEX", "DROP INDEX"},
    {"OBJECT_LANGUAGE", "ALTER LANGUAGE", "DROP LANGUAGE"},
    {"OBJECT_LARGEOBJECT", "ALTER LARGE OBJECT", NULL},
    {"OBJECT_MATVIEW", "ALTER MATERIALIZED VIEW", "DROP MATERIALIZED VIEW"},
    {"OBJECT_OPCLASS", "ALTER OPERATOR CLASS", "DROP OPERATOR CLASS"},
    {"OBJECT_OPERATOR", "ALTER OPERATOR", "DROP OPERATOR"},
    {"OBJECT_OPFAMILY", "ALTER OPERATOR FAMILY", "DROP OPERATOR FAMILY"},
    {"OBJECT_POLICY", "ALTER POLICY", "DROP POLICY"},
    {"OBJECT_PROCEDURE", "ALTER PROCEDURE", "DROP PROCEDURE"},
    {"OBJECT_PUBLICATION", "ALTER PUBLICATION", "DROP PUBLICATION"},
    {"OBJECT_ROLE", "ALTER ROLE", NULL},
    {"OBJECT_ROUTINE", "ALTER ROUTINE", "DROP ROUTINE"},
    {"OBJECT_RULE", "ALTER RULE", "DROP RULE"},
    {"OBJECT_SCHEMA", "ALTER SCHEMA", "DROP SCHEMA"},
    {"OBJECT_SEQUENCE", "ALTER SEQUENCE", "DROP SEQUENCE"},
    {"OBJECT_STATISTIC_EXT", "ALTER STATISTICS", "DROP STATISTICS"},
    {"OBJECT_SUBSCRIPTION", "ALTER SUBSCRIPTION", NULL},
    {"OBJECT_TABCONSTRAINT", "ALTER TABLE", NULL},
    {"OBJECT_TABLE", "ALTER TABLE", "DROP TABLE"},
    {"OBJECT_TABLESPACE", "ALTER TABLESPACE", NULL},
    {"OBJECT_TRANSFORM", NULL, "DROP TRANSFORM"},
    {"OBJECT_TRIGGER", "ALTER TRIGGER", "DROP TRIGGER"},
    {"OBJECT_TSCONFIGURATION", "ALTER TEXT SEARCH CONFIGURATION",
     "DROP TEXT SEARCH CONFIGURATION"},
    {"OBJECT_TSDICTIONARY", "ALTER TEXT SEARCH DICTIONARY", "DROP TEXT SEARCH DICTIONARY"},
    {"OBJECT_TSPARSER", "ALTER TEXT SEARCH PARSER", "DROP TEXT SEARCH PARSER"},
    {"OBJECT_TSTEMPLATE", "ALTER TEXT SEARCH TEMPLATE", "DROP TEXT SEARCH TEMPLATE"},
    {"OBJECT_TYPE", "ALTER TYPE", "DROP TYPE"},
    {"OBJECT_VIEW", "ALTER VIEW", "DROP VIEW"},
};

static const char *by_object(const char *object, int drop)
{
    size_t i;

    for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
        if (strcmp(objects[i].object, object) == 0)
            return drop ? objects[i].drop : objects[i].alter;
    return NULL;
}

/* RENAME of a part answers for the whole: a column of a view is ALTER VIEW. */
static const char *renamed(const json_t *body)
{
    const char *what = node_text(body, "renameType");

    if (strcmp(what, "OBJECT_COLUMN") == 0)
        return by_object(node_text(body, "relationType"), 0);
    return by_object(what, 0);
}

static const char *transaction(const char *kind)
{
    static const struct {
        const char *kind, *tag;
    } kinds[] = {
        {"TRANS_STMT_BEGIN", "BEGIN"},
        {"TRANS_STMT_START", "START TRANSACTION"},
        {"TRANS_STMT_COMMIT", "COMMIT"},
        {"TRANS_STMT_ROLLBACK", "ROLLBACK"},
        {"TRANS_STMT_ROLLBACK_TO", "ROLLBACK"},
        {"TRANS_STMT_SAVEPOINT", "SAVEPOINT"},
        {"TRANS_STMT_RELEASE", "RELEASE"},
        {"TRANS_STMT_PREPARE", "PREPARE TRANSACTION"},
        {"TRANS_STMT_COMMIT_PREPARED", "COMMIT PREPARED"},
        {"TRANS_STMT_ROLLBACK_PREPARED", "ROLLBACK PREPARED"},
    };
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].tag;
    return NULL;
}

const char *tag_of(const json_t *tree)
{
    const char *node = node_kind(tree), *kind;
    const json_t *body = node_body(tree);
    size_t i;

    if (strcmp(node, "SelectStmt") == 0)
        return "SELECT";
    if (strcmp(node, "AlterTableStmt") == 0)
        return by_object(node_text(body, "objtype"), 0);
    if (strcmp(node, "DropStmt") == 0)
        return by_object(node_text(body, "removeType"), 1);
    if (strcmp(node, "RenameStmt") == 0)
        return renamed(body);
    if (strcmp(node, "AlterObjectSchemaStmt") == 0 || strcmp(node, "AlterOwnerStmt") == 0 ||
        strcmp(node, "AlterObjectDependsStmt") == 0 || strcmp(node, "AlterFunctionStmt") == 0 ||
        strcmp(node, "AlterTableMoveAllStmt") == 0)
        return by_object(*node_text(body, "objtype") != '\0' ? node_text(body, "objtype")
                                                        : node_text(body, "objectType"), 0);
    if (strcmp(node, "TransactionStmt") == 0)
        return transaction(node_text(body, "kind"));
    if (strcmp(node, "VariableSetStmt") == 0) {
        kind = node_text(body, "kind");
        return strcmp(kind, "VAR_RESET") == 0 || strcmp(kind, "VAR_RESET_ALL") == 0 ? "RESET"
                                                                                    : "SET";
    }
    if (strcmp(node, "VariableShowStmt") == 0)
        return "SHOW";
    if (strcmp(node, "GrantStmt") == 0)
        return node_true(body, "is_grant") ? "GRANT" : "REVOKE";
    if (strcmp(node, "GrantRoleStmt") == 0)
        return node_true(body, "is_grant") ? "GRANT ROLE" : "REVOKE ROLE";
    if (strcmp(node, "CreateFunctionStmt") == 0)
        return node_true(body, "is_procedure") ? "CREATE PROCEDURE"
                                                                   : "CREATE FUNCTION";
    /* SELECT n; with NO DATA, and where IF NOT EXISTS finds it, CREATE TABLE AS or CREATE MATERIALIZED VIEW. */
    if (strcmp(node, "CreateTableAsStmt") == 0)
        return NULL;
    if (strcmp(node, "VacuumStmt") == 0)
        return node_true(body, "is_vacuumcmd") ? "VACUUM" : "ANALYZE";
    if (strcmp(node, "FetchStmt") == 0)
        return node_true(body, "ismove") ? "MOVE" : "FETCH";
    if (strcmp(node, "DefineStmt") == 0) {
        static const struct {
            const char *object, *tag;
        } defines[] = {
            {"OBJECT_AGGREGATE", "CREATE AGGREGATE"},
            {"OBJECT_OPERATOR", "CREATE OPERATOR"},
            {"OBJECT_TYPE", "CREATE TYPE"},
            {"OBJECT_TSPARSER", "CREATE TEXT SEARCH PARSER"},
            {"OBJECT_TSDICTIONARY", "CREATE TEXT SEARCH DICTIONARY"},
            {"OBJECT_TSTEMPLATE", "CREATE TEXT SEARCH TEMPLATE"},
            {"OBJECT_TSCONFIGURATION", "CREATE TEXT SEARCH CONFIGURATION"},
            {"OBJECT_COLLATION", "CREATE COLLATION"},
        };

        for (i = 0; i < sizeof(defines) / sizeof(defines[0]); i++)
            if (strcmp(defines[i].object, node_text(body, "kind")) == 0)
                return defines[i].tag;
        return NULL;
    }
    if (strcmp(node, "DiscardStmt") == 0) {
        kind = node_text(body, "target");
        return strcmp(kind, "DISCARD_ALL") == 0         ? "DISCARD ALL"
               : strcmp(kind, "DISCARD_PLANS") == 0     ? "DISCARD PLANS"
               : strcmp(kind, "DISCARD_SEQUENCES") == 0 ? "DISCARD SEQUENCES"
                                                        : "DISCARD TEMP";
    }
    for (i = 0; i < sizeof(simple) / sizeof(simple[0]); i++)
        if (strcmp(simple[i].node, node) == 0)
            return simple[i].tag;
    return NULL;
}

int tag_alone(const json_t *tree)
{
    const char *node = node_kind(tree), *kind;
    const json_t *body = node_body(tree), *cmds;
    size_t i;

    if (strcmp(node, "IndexStmt") == 0 || strcmp(node, "DropStmt") == 0)
        return node_true(body, "concurrent");
    if (strcmp(node, "ReindexStmt") == 0) {
        kind = node_text(body, "kind");
        return node_option(node_get(body, "params"), "concurrently", 0) ||
               strcmp(kind, "REINDEX_OBJECT_SCHEMA") == 0 ||
               strcmp(kind, "REINDEX_OBJECT_SYSTEM") == 0 ||
               strcmp(kind, "REINDEX_OBJECT_DATABASE") == 0;
    }
    if (strcmp(node, "VacuumStmt") == 0)
        return node_true(body, "is_vacuumcmd");
    if (strcmp(node, "ClusterStmt") == 0)
        return node_get(body, "relation") == NULL;
    if (strcmp(node, "AlterTableStmt") == 0) {
        cmds = node_get(body, "cmds");
        for (i = 0; i < node_count(cmds); i++) {
            const json_t *cmd = node_get(node_at(cmds, i), "AlterTableCmd");

            if (strcmp(node_text(cmd, "subtype"), "AT_DetachPartition") == 0)
                return node_true(
                    node_get(node_get(cmd, "def"), "PartitionCmd"), "concurrent");
        }
        return 0;
    }
    if (strcmp(node, "AlterDatabaseStmt") == 0)
        return node_option(node_get(body, "options"), "tablespace", 0);
    if (strcmp(node, "CreateSubscriptionStmt") == 0)
        return node_option(node_get(body, "options"), "create_slot",
                         node_option(node_get(body, "options"), "connect", 1));
    if (strcmp(node, "AlterSubscriptionStmt") == 0) {
        kind = node_text(body, "kind");
        return strcmp(kind, "ALTER_SUBSCRIPTION_REFRESH") == 0 ||
               (strstr(kind, "_PUBLICATION") != NULL &&
                node_option(node_get(body, "options"), "refresh", 1));
    }
    if (strcmp(node, "DiscardStmt") == 0)
        return strcmp(node_text(body, "target"), "DISCARD_ALL") == 0;
    if (strcmp(node, "TransactionStmt") == 0) {
        kind = node_text(body, "kind");
        return strcmp(kind, "TRANS_STMT_COMMIT_PREPARED") == 0 ||
               strcmp(kind, "TRANS_STMT_ROLLBACK_PREPARED") == 0;
    }
    return strcmp(node, "CreatedbStmt") == 0 || strcmp(node, "DropdbStmt") == 0 ||
           strcmp(node, "CreateTableSpaceStmt") == 0 || strcmp(node, "DropTableSpaceStmt") == 0 ||
           strcmp(node, "AlterSystemStmt") == 0 || strcmp(node, "DropSubscriptionStmt") == 0;
}
