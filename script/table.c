#include "script/table.h"

#include <string.h>

#include "script/access.h"
#include "script/finder.h"
#include "script/node.h"
#include "script/shadow.h"

static const char *constraint_word(const json_t *constraint)
{
    static const struct {
        const char *type, *word;
    } words[] = {
        {"CONSTR_FOREIGN", "FOREIGN KEY"}, {"CONSTR_CHECK", "CHECK"},
        {"CONSTR_UNIQUE", "UNIQUE"},       {"CONSTR_PRIMARY", "PRIMARY KEY"},
        {"CONSTR_EXCLUSION", "EXCLUDE"},
    };
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (node_is(constraint, "contype", words[i].type))
            return words[i].word;
    return NULL;
}

/* The constraints written inside a column's definition. */
static void inline_constraints(struct finder *f, struct about table, const json_t *coldef)
{
    const json_t *list = node_get(coldef, "constraints");
    size_t i;

    for (i = 0; i < node_count(list); i++) {
        const json_t *constraint = node_as(node_at(list, i), "Constraint");
        struct about a = table;
        struct effect *e;

        if ((a.detail = constraint_word(constraint)) == NULL)
            continue;
        a.node = constraint;
        /* The column is new, the table may be the server's: the constraint is the table's. */
        e = finder_on(f, EFFECT_ADD_CONSTRAINT, a);
        finder_partner(f, e, node_get(constraint, "pktable"));
        if (e != NULL)
            e->column = finder_copy(f, node_name(coldef, "colname"));
    }
}

void table_create(struct finder *f, const json_t *body)
{
    struct about a = about_relation(node_get(body, "relation")), table = a;
    const json_t *elements = node_get(body, "tableElts");
    struct shadow_seen seen;
    size_t i;

    a.node = body;
    if (node_true(body, "if_not_exists"))
        a.flags |= EFFECT_IF_EXISTS;
    finder_partner(f, finder_on(f, EFFECT_CREATE_TABLE, a),
                   node_as(node_at(node_get(body, "inhRelations"), 0), "RangeVar"));
    if (a.name == NULL)
        return;
    /* IF NOT EXISTS may find the server's own table: then it is not the script's. */
    shadow_find(f->shadow, SHADOW_RELATION, a.schema, a.name, &seen);
    if (!node_true(body, "if_not_exists") || seen.gone)
        finder_check(f, shadow_create(f->shadow, SHADOW_RELATION, a.schema, a.name, f->err));
    for (i = 0; i < node_count(elements); i++) {
        const json_t *element = node_at(elements, i);
        const json_t *constraint = node_as(element, "Constraint");
        const json_t *like = node_get(node_as(element, "TableLikeClause"), "relation");

        if (like != NULL) {
            struct about source = about_relation(like);

            source.detail = "TableLikeClause";
            source.node = node_as(element, "TableLikeClause");
            (void)finder_on(f, EFFECT_READ, source);
        }
        if (node_as(element, "ColumnDef") != NULL)
            inline_constraints(f, table, node_as(element, "ColumnDef"));
        if (constraint != NULL && (table.detail = constraint_word(constraint)) != NULL) {
            table.node = constraint;
            finder_partner(f, finder_on(f, EFFECT_ADD_CONSTRAINT, table),
                           node_get(constraint, "pktable"));
            table.node = NULL;
        }
    }
}

static void alter_command(struct finder *f, struct about table, const char *objtype,
                          const json_t *cmd)
{
    const char *subtype = node_text(cmd, "subtype");
    struct about a = table;

    a.node = cmd;
    if (node_is(cmd, "behavior", "DROP_CASCADE"))
        a.flags |= EFFECT_CASCADE;
    if (strcmp(objtype, "OBJECT_TYPE") == 0) {
        /* Attributes of a composite type are stored in the columns of that type. */
        struct effect *e;

        a.column = node_name(cmd, "name");
        a.detail = strcmp(subtype, "AT_DropColumn") == 0        ? "AT_DropAttribute"
                   : strcmp(subtype, "AT_AlterColumnType") == 0 ? "AT_AlterAttributeType"
                                                                : "AT_AddAttribute";
        e = finder_add(f, EFFECT_ALTER_TABLE_OTHER, a);
        finder_place(f, e, SHADOW_TYPE);
        return;
    }
    a.column = node_name(cmd, "name");
    if (strcmp(subtype, "AT_AddColumn") == 0) {
        const json_t *def = node_as(node_get(cmd, "def"), "ColumnDef");
        struct shadow_seen seen;

        a.column = node_name(def, "colname");
        if (node_true(cmd, "missing_ok"))
            a.flags |= EFFECT_IF_EXISTS;
        (void)finder_on(f, EFFECT_ADD_COLUMN, a);
        shadow_find_column(f->shadow, a.schema, a.name, a.column, &seen);
        if (!node_true(cmd, "missing_ok") || seen.gone)
            finder_check(f, shadow_create_column(f->shadow, a.schema, a.name, a.column, f->err));
        inline_constraints(f, table, def);
        /* The default and the checks run for every row. */
        access_writes(f, def);
        return;
    }
    if (strcmp(subtype, "AT_DropColumn") == 0) {
        if (node_true(cmd, "missing_ok"))
            a.flags |= EFFECT_IF_EXISTS;
        (void)finder_on(f, EFFECT_DROP_COLUMN, a);
        if (a.column != NULL)
            finder_check(f, shadow_drop_column(f->shadow, a.schema, a.name, a.column, f->err));
        return;
    }
    if (strcmp(subtype, "AT_AlterColumnType") == 0) {
        (void)finder_on(f, EFFECT_ALTER_TYPE, a);
        access_writes(f, node_get(cmd, "def"));
    } else if (strcmp(subtype, "AT_ColumnDefault") == 0) {
        (void)finder_on(f, node_get(cmd, "def") != NULL ? EFFECT_SET_DEFAULT : EFFECT_DROP_DEFAULT,
                        a);
    } else if (strcmp(subtype, "AT_SetNotNull") == 0) {
        (void)finder_on(f, EFFECT_SET_NOT_NULL, a);
    } else if (strcmp(subtype, "AT_DropNotNull") == 0) {
        (void)finder_on(f, EFFECT_DROP_NOT_NULL, a);
    } else if (strcmp(subtype, "AT_AddConstraint") == 0) {
        const json_t *constraint = node_as(node_get(cmd, "def"), "Constraint");

        a.column = NULL;
        a.detail = constraint_word(constraint);
        a.node = constraint;
        if (a.detail != NULL)
            finder_partner(f, finder_on(f, EFFECT_ADD_CONSTRAINT, a),
                           node_get(constraint, "pktable"));
        /* NOT VALID looks at no row. */
        if (node_is(constraint, "contype", "CONSTR_CHECK") && !node_true(constraint, "skip_validation"))
            access_writes(f, constraint);
    } else if (strcmp(subtype, "AT_DropConstraint") == 0 ||
               strcmp(subtype, "AT_ValidateConstraint") == 0) {
        a.detail = a.column;
        a.column = NULL;
        if (node_true(cmd, "missing_ok"))
            a.flags |= EFFECT_IF_EXISTS;
        (void)finder_on(f,
                        strcmp(subtype, "AT_DropConstraint") == 0 ? EFFECT_DROP_CONSTRAINT
                                                                  : EFFECT_VALIDATE_CONSTRAINT,
                        a);
    } else {
        static const char *const of_columns[] = {
            "AT_AddIdentity",    "AT_SetIdentity",   "AT_DropIdentity",
            "AT_DropExpression", "AT_SetStatistics", "AT_SetStorage",
            "AT_SetCompression", "AT_SetOptions",    "AT_ResetOptions",
        };
        size_t i;

        a.detail = subtype;
        a.column = NULL;
        for (i = 0; i < sizeof(of_columns) / sizeof(of_columns[0]); i++)
            if (strcmp(subtype, of_columns[i]) == 0)
                a.column = node_name(cmd, "name");
        if (node_true(node_as(node_get(cmd, "def"), "PartitionCmd"), "concurrent"))
            a.flags |= EFFECT_CONCURRENTLY;
        finder_partner(f, finder_on(f, EFFECT_ALTER_TABLE_OTHER, a),
                       strcmp(subtype, "AT_AddInherit") == 0 ||
                               strcmp(subtype, "AT_DropInherit") == 0
                           ? node_as(node_get(cmd, "def"), "RangeVar")
                           : node_get(node_as(node_get(cmd, "def"), "PartitionCmd"), "name"));
    }
}

void table_alter(struct finder *f, const json_t *body)
{
    const json_t *cmds = node_get(body, "cmds");
    struct about table = about_relation(node_get(body, "relation"));
    size_t i;

    if (node_true(body, "missing_ok"))
        table.flags |= EFFECT_IF_EXISTS;
    for (i = 0; i < node_count(cmds); i++)
        alter_command(f, table, node_text(body, "objtype"),
                      node_as(node_at(cmds, i), "AlterTableCmd"));
}
