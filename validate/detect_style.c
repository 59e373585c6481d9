/* Advice that is a matter of taste: with --style alone. */
#include <string.h>

#include "script/effect.h"
#include "script/lexer.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/detect.h"
#include "validate/inquiry.h"

static void type_of_column(struct inquiry *q, const struct effect *e, const json_t *def)
{
    static const struct {
        const char *type, *code;
    } codes[] = {
        {"int4", "style-integer"},     {"int2", "style-integer"},    {"bpchar", "style-char"},
        {"timestamp", "style-timestamp"}, {"serial", "style-serial"}, {"bigserial", "style-serial"},
        {"smallserial", "style-serial"}, {"serial4", "style-serial"}, {"serial8", "style-serial"},
    };
    const json_t *type = node_get(def, "typeName");
    const char *schema, *name;
    size_t i;

    node_qualified(node_get(type, "names"), &schema, &name);
    if (name == NULL)
        return;
    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].type, name) == 0)
            (void)inquiry_raise(q, codes[i].code, e, NULL, "%s is %s", node_text(def, "colname"),
                                name);
    if (strcmp(name, "varchar") == 0 && node_get(type, "typmods") != NULL)
        (void)inquiry_raise(q, "style-varchar", e, NULL, "%s is varchar(n)",
                            node_text(def, "colname"));
}

static int is_plain(const char *name)
{
    size_t i;

    for (i = 0; name[i] != '\0'; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || name[i] == '_' ||
              (unsigned char)name[i] >= 0x80 ||
              (i > 0 && name[i] >= '0' && name[i] <= '9')))
            return 0;
    return i > 0;
}

static void quoted_name(struct inquiry *q, const struct effect *e, const char *name)
{
    if (name != NULL && !is_plain(name))
        (void)inquiry_raise(q, "style-quoted-name", e, NULL, "%s has to be quoted", name);
}

/* At which multiple a value of a fixed size begins, and how long it is; 0: of no fixed size, or not known. */
static int alignment(const char *type, int *len)
{
    static const struct {
        const char *type;
        int align, len;
    } types[] = {
        {"bool", 1, 1},      {"int2", 2, 2},        {"smallserial", 2, 2}, {"int4", 4, 4},
        {"serial", 4, 4},    {"float4", 4, 4},      {"date", 4, 4},        {"oid", 4, 4},
        {"int8", 8, 8},      {"bigserial", 8, 8},   {"float8", 8, 8},      {"timestamp", 8, 8},
        {"timestamptz", 8, 8}, {"time", 8, 8},      {"timetz", 8, 12},     {"interval", 8, 16},
        {"uuid", 1, 16},     {"money", 8, 8},       {"macaddr", 4, 6},     {"point", 8, 16},
    };
    size_t i;

    for (i = 0; type != NULL && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].type, type) == 0) {
            *len = types[i].len;
            return types[i].align;
        }
    return 0;
}

/* Padding between the columns before the first of variable size; in the order of their width there is none. */
static void column_order(struct inquiry *q, const struct effect *e, const json_t *elements)
{
    int at = 0, padding = 0, len;
    size_t i;

    for (i = 0; i < node_count(elements); i++) {
        const json_t *def = node_as(node_at(elements, i), "ColumnDef");
        const char *schema, *type;
        int align;

        if (def == NULL)
            continue;
        node_qualified(node_get(node_get(def, "typeName"), "names"), &schema, &type);
        if (node_get(node_get(def, "typeName"), "arrayBounds") != NULL ||
            (align = alignment(type, &len)) == 0)
            break;
        padding += (align - at % align) % align;
        at += (align - at % align) % align + len;
    }
    if (padding >= 8)
        (void)inquiry_raise(q, "style-column-order", e, NULL, "%d bytes of each row of %s are padding", padding,
                            e->name);
}

/* The lexer cuts names: only the text still has them whole. */
static void long_names(struct inquiry *q, const struct effect *e)
{
    struct lexer tokens = {NULL, 0, 0};
    struct err err = {0};
    size_t i;

    if (lexer_read(e->statement->text, &tokens, &err) < 0)
        return;
    for (i = 0; i < tokens.count; i++) {
        const struct lexer_token *t = &tokens.items[i];
        char first = e->statement->text[t->start];
        uint32_t quotes = first == '"' ? 2 : 0;

        if (t->end - t->start - quotes > 63 &&
            (first == '"' || first == '_' || (first >= 'a' && first <= 'z') ||
             (first >= 'A' && first <= 'Z')) &&
            strchr("'", e->statement->text[t->start + 1]) == NULL)
            (void)inquiry_raise(q, "style-long-name", e, NULL, "%.*s is cut to 63 bytes",
                                (int)(t->end - t->start), e->statement->text + t->start);
    }
    lexer_free(&tokens);
}

void detect_style(struct inquiry *q, const struct effect *e)
{
    size_t i;

    if (e->kind == EFFECT_ADD_COLUMN) {
        type_of_column(q, e, node_as(node_get(e->node, "def"), "ColumnDef"));
        quoted_name(q, e, e->column);
    }
    if (e->kind == EFFECT_CREATE_INDEX)
        quoted_name(q, e, e->detail);
    if (e->kind == EFFECT_CREATE_TABLE && node_get(e->node, "tableElts") != NULL) {
        const json_t *elements = node_get(e->node, "tableElts");
        int key = node_get(e->node, "inhRelations") != NULL;

        for (i = 0; i < node_count(elements); i++) {
            const json_t *def = node_as(node_at(elements, i), "ColumnDef");
            const json_t *constraint = node_as(node_at(elements, i), "Constraint");
            size_t k;

            if (def != NULL) {
                type_of_column(q, e, def);
                quoted_name(q, e, node_name(def, "colname"));
            }
            key |= node_is(constraint, "contype", "CONSTR_PRIMARY");
            for (k = 0; k < node_count(node_get(def, "constraints")); k++)
                key |= node_is(node_as(node_at(node_get(def, "constraints"), k), "Constraint"),
                               "contype", "CONSTR_PRIMARY");
        }
        quoted_name(q, e, e->name);
        column_order(q, e, elements);
        if (!key)
            (void)inquiry_raise(q, "style-no-primary-key", e, NULL, "%s has no primary key", e->name);
    }
    if (e->kind == EFFECT_CREATE_TABLE && e->schema == NULL)
        (void)inquiry_raise(q, "style-unqualified", e, NULL, "%s: search_path decides where it lands",
                            e->name);
    if (e->kind == EFFECT_CREATE_TABLE || e->kind == EFFECT_ADD_COLUMN ||
        e->kind == EFFECT_CREATE_OTHER || e->kind == EFFECT_CREATE_INDEX)
        long_names(q, e);
    if (e->kind == EFFECT_CREATE_INDEX && node_count(node_get(e->node, "indexParams")) > 3)
        (void)inquiry_raise(q, "style-wide-index", e, NULL, "an index of %zu columns",
                            node_count(node_get(e->node, "indexParams")));
    if (e->kind == EFFECT_CREATE_OTHER && e->detail != NULL &&
        strcmp(e->detail, "CreateEnumStmt") == 0)
        (void)inquiry_raise(q, "style-enum", e, NULL, "type %s is an enum", e->name);
    if (e->kind == EFFECT_CREATE_OTHER && e->detail != NULL &&
        strcmp(e->detail, "CreateDomainStmt") == 0 && node_get(e->node, "constraints") != NULL)
        (void)inquiry_raise(q, "style-domain", e, NULL, "domain %s has a constraint", e->name);
}
