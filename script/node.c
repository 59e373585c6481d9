#include "script/node.h"

#include <string.h>
#include <strings.h>

/* jansson's iterators want a mutable object though they change nothing. */
static json_t *mutable(const json_t *json)
{
    json_t *m;

    memcpy(&m, &json, sizeof(m));
    return m;
}

const char *node_kind(const json_t *node)
{
    void *it = json_object_iter(mutable(node));

    return it == NULL ? "" : json_object_iter_key(it);
}

const json_t *node_body(const json_t *node)
{
    void *it = json_object_iter(mutable(node));

    return it == NULL ? NULL : json_object_iter_value(it);
}

const json_t *node_as(const json_t *node, const char *kind)
{
    return json_object_get(node, kind);
}

const json_t *node_get(const json_t *body, const char *key)
{
    return json_object_get(body, key);
}

const char *node_text(const json_t *body, const char *key)
{
    const char *s = json_string_value(json_object_get(body, key));

    return s == NULL ? "" : s;
}

const char *node_name(const json_t *body, const char *key)
{
    const char *s = json_string_value(json_object_get(body, key));

    return s == NULL || *s == '\0' ? NULL : s;
}

int node_true(const json_t *body, const char *key)
{
    return json_is_true(json_object_get(body, key));
}

long long node_int(const json_t *body, const char *key)
{
    return json_integer_value(json_object_get(body, key));
}

int node_is(const json_t *body, const char *key, const char *value)
{
    return strcmp(node_text(body, key), value) == 0;
}

size_t node_count(const json_t *list)
{
    return json_array_size(list);
}

const json_t *node_at(const json_t *list, size_t i)
{
    return json_array_get(list, i);
}

const char *node_string(const json_t *node)
{
    return json_string_value(json_object_get(json_object_get(node, "String"), "sval"));
}

void node_qualified(const json_t *list, const char **schema, const char **name)
{
    size_t n = json_array_size(list);

    *name = n > 0 ? node_string(json_array_get(list, n - 1)) : NULL;
    *schema = n > 1 ? node_string(json_array_get(list, n - 2)) : NULL;
}

int node_option(const json_t *list, const char *name, int absent)
{
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        const json_t *def = json_object_get(json_array_get(list, i), "DefElem");
        const json_t *arg = json_object_get(def, "arg");
        const char *word;

        if (strcmp(node_text(def, "defname"), name) != 0)
            continue;
        if (arg == NULL)
            return 1;
        if (json_object_get(arg, "Boolean") != NULL)
            return node_true(json_object_get(arg, "Boolean"), "boolval");
        if (json_object_get(arg, "Integer") != NULL)
            return node_int(json_object_get(arg, "Integer"), "ival") != 0;
        word = node_string(arg);
        return word != NULL && strcasecmp(word, "false") != 0 && strcasecmp(word, "off") != 0;
    }
    return absent;
}

void node_walk(const json_t *from, int (*visit)(const char *kind, const json_t *body, void *arg),
               void *arg)
{
    json_t *m = mutable(from);
    void *it;
    size_t i;

    if (json_is_array(from)) {
        for (i = 0; i < json_array_size(from); i++)
            node_walk(json_array_get(from, i), visit, arg);
        return;
    }
    for (it = json_object_iter(m); it != NULL; it = json_object_iter_next(m, it)) {
        const char *key = json_object_iter_key(it);
        const json_t *value = json_object_iter_value(it);

        /* Kinds of Nodes are capitalised, members are not. */
        if (key[0] >= 'A' && key[0] <= 'Z' && json_is_object(value) && visit(key, value, arg))
            continue;
        if (json_is_object(value) || json_is_array(value))
            node_walk(value, visit, arg);
    }
}
