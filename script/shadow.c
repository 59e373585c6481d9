#include "script/shadow.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

/*
 * A map from "space schema name" to {"own", "gone", "schema", "name", "columns": {...}}, in
 * jansson, whose objects are hash tables.
 */
struct shadow {
    json_t *objects;
    int frozen;
};

static int key_of(struct buf *b, enum shadow_space space, const char *schema, const char *name,
                  struct err *err)
{
    buf_reset(b);
    if (buf_addc(b, (char)('0' + (int)space), err) < 0 ||
        buf_adds(b, schema == NULL ? "" : schema, err) < 0 || buf_addc(b, '\x01', err) < 0)
        return -1;
    return buf_adds(b, name, err);
}

struct shadow *shadow_new(struct err *err)
{
    struct shadow *s = calloc(1, sizeof(*s));

    if (s == NULL || (s->objects = json_object()) == NULL) {
        free(s);
        (void)err_oom(err);
        return NULL;
    }
    return s;
}

void shadow_free(struct shadow *s)
{
    if (s == NULL)
        return;
    json_decref(s->objects);
    free(s);
}

void shadow_forget(struct shadow *s)
{
    (void)json_object_clear(s->objects);
}

void shadow_freeze(struct shadow *s, int on)
{
    s->frozen = on;
}

static json_t *get(const struct shadow *s, enum shadow_space space, const char *schema,
                   const char *name)
{
    struct buf b = {0};
    struct err err = {0};
    json_t *o = NULL;

    if (name != NULL && key_of(&b, space, schema, name, &err) == 0)
        o = json_object_get(s->objects, b.data);
    buf_free(&b);
    return o;
}

static int put(struct shadow *s, enum shadow_space space, const char *schema, const char *name,
               json_t *value, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (value == NULL) {
        (void)err_oom(err);
        goto out;
    }
    if (name == NULL || s->frozen) {
        rc = 0;
        goto out;
    }
    if (key_of(&b, space, schema, name, err) < 0)
        goto out;
    if (json_object_set(s->objects, b.data, value) < 0) {
        (void)err_oom(err);
        goto out;
    }
    rc = 0;
out:
    buf_free(&b);
    json_decref(value);
    return rc;
}

static void seen_from(const json_t *o, struct shadow_seen *seen)
{
    seen->own = json_is_true(json_object_get(o, "own"));
    seen->gone = json_is_true(json_object_get(o, "gone"));
    seen->schema = json_string_value(json_object_get(o, "schema"));
    seen->name = json_string_value(json_object_get(o, "name"));
}

void shadow_find(const struct shadow *s, enum shadow_space space, const char *schema,
                 const char *name, struct shadow_seen *seen)
{
    const json_t *o;
    struct shadow_seen in;

    memset(seen, 0, sizeof(*seen));
    if ((o = get(s, space, schema, name)) != NULL) {
        seen_from(o, seen);
        return;
    }
    /* Its schema may have been renamed. */
    if (schema != NULL && space != SHADOW_SCHEMA) {
        shadow_find(s, SHADOW_SCHEMA, NULL, schema, &in);
        if (in.name != NULL) {
            seen->schema = in.name;
            seen->name = name;
        }
    }
}

void shadow_find_column(const struct shadow *s, const char *schema, const char *name,
                        const char *column, struct shadow_seen *seen)
{
    const json_t *o = get(s, SHADOW_RELATION, schema, name), *c;

    memset(seen, 0, sizeof(*seen));
    c = column == NULL ? NULL : json_object_get(json_object_get(o, "columns"), column);
    if (c != NULL)
        seen_from(c, seen);
    else
        seen->own = json_is_true(json_object_get(o, "own"));
}

int shadow_create(struct shadow *s, enum shadow_space space, const char *schema, const char *name,
                  struct err *err)
{
    return put(s, space, schema, name, json_pack("{s:b}", "own", 1), err);
}

int shadow_drop(struct shadow *s, enum shadow_space space, const char *schema, const char *name,
                struct err *err)
{
    return put(s, space, schema, name, json_pack("{s:b}", "gone", 1), err);
}

/* KEY is of something in SCHEMA. */
static int is_within(const char *key, const char *schema)
{
    size_t n = strlen(schema);

    return key[0] != '0' + (int)SHADOW_SCHEMA && strncmp(key + 1, schema, n) == 0 &&
           key[1 + n] == '\x01';
}

/* What is known of FROM's objects is known of them as TO's.  SERVER: FROM's name on the server, NULL
 * where the script made it. */
static int carry(struct shadow *s, const char *from, const char *to, const char *server,
                 struct err *err)
{
    json_t *all = json_object(), *value;
    struct buf b = {0};
    const char *key;
    int rc = -1;

    if (all == NULL)
        return err_oom(err);
    json_object_foreach(s->objects, key, value) {
        const char *name = key + 2 + strlen(from);
        struct shadow_seen seen;

        if (is_within(key, to))
            continue; /* of a schema that is no more: else TO could not be a new name */
        if (!is_within(key, from)) {
            if (json_object_set(all, key, value) < 0)
                goto memory;
            continue;
        }
        seen_from(value, &seen);
        if (!seen.own && !seen.gone && seen.name == NULL && server != NULL &&
            (json_object_set_new(value, "schema", json_string(server)) < 0 ||
             json_object_set_new(value, "name", json_string(name)) < 0))
            goto memory;
        if (key_of(&b, (enum shadow_space)(key[0] - '0'), to, name, err) < 0)
            goto out;
        if (json_object_set(all, b.data, value) < 0)
            goto memory;
    }
    json_decref(s->objects);
    s->objects = all;
    all = NULL;
    rc = 0;
    goto out;
memory:
    (void)err_oom(err);
out:
    buf_free(&b);
    json_decref(all);
    return rc;
}

int shadow_rename(struct shadow *s, enum shadow_space space, const char *schema, const char *name,
                  const char *new_schema, const char *new_name, struct err *err)
{
    json_t *o = get(s, space, schema, name);
    struct shadow_seen seen;

    if (name == NULL || new_name == NULL)
        return 0;
    shadow_find(s, space, schema, name, &seen);
    if (space == SHADOW_SCHEMA &&
        carry(s, name, new_name, seen.own ? NULL : seen.name != NULL ? seen.name : name, err) < 0)
        return -1;
    if (seen.own || seen.name != NULL) {
        o = o == NULL ? json_pack("{s:s, s:s}", "schema", seen.schema, "name", seen.name)
                      : json_deep_copy(o);
    } else {
        json_t *columns = json_object_get(o, "columns");

        o = json_pack("{s:s?, s:s, s:o?}", "schema", schema, "name", name, "columns",
                      json_deep_copy(columns));
    }
    if (put(s, space, new_schema, new_name, o, err) < 0)
        return -1;
    return put(s, space, schema, name, json_pack("{s:b}", "gone", 1), err);
}

/* The columns' map of a table, made where there is none. */
static json_t *columns_of(struct shadow *s, const char *schema, const char *name, struct err *err)
{
    json_t *o = get(s, SHADOW_RELATION, schema, name), *columns;

    if (o == NULL) {
        if (put(s, SHADOW_RELATION, schema, name, json_object(), err) < 0)
            return NULL;
        o = get(s, SHADOW_RELATION, schema, name);
    }
    columns = json_object_get(o, "columns");
    if (!json_is_object(columns)) {
        columns = json_object();
        if (json_object_set_new(o, "columns", columns) < 0) {
            (void)err_oom(err);
            return NULL;
        }
    }
    return columns;
}

static int set_column(struct shadow *s, const char *schema, const char *name, const char *column,
                      json_t *value, struct err *err)
{
    json_t *columns = NULL;

    if (column == NULL || name == NULL || s->frozen) {
        json_decref(value);
        return 0;
    }
    if (value == NULL || (columns = columns_of(s, schema, name, err)) == NULL) {
        json_decref(value);
        return err_oom(err);
    }
    return json_object_set_new(columns, column, value) < 0 ? err_oom(err) : 0;
}

int shadow_create_column(struct shadow *s, const char *schema, const char *name,
                         const char *column, struct err *err)
{
    return set_column(s, schema, name, column, json_pack("{s:b}", "own", 1), err);
}

int shadow_drop_column(struct shadow *s, const char *schema, const char *name, const char *column,
                       struct err *err)
{
    return set_column(s, schema, name, column, json_pack("{s:b}", "gone", 1), err);
}

int shadow_rename_column(struct shadow *s, const char *schema, const char *name,
                         const char *column, const char *new_name, struct err *err)
{
    struct shadow_seen seen;
    json_t *value;

    shadow_find_column(s, schema, name, column, &seen);
    value = seen.own ? json_pack("{s:b}", "own", 1)
                     : json_pack("{s:s}", "name", seen.name != NULL ? seen.name : column);
    if (set_column(s, schema, name, new_name, value, err) < 0)
        return -1;
    return shadow_drop_column(s, schema, name, column, err);
}

int shadow_moved_into(const struct shadow *s, const char *schema,
                      int (*visit)(const char *name, const char *server_schema,
                                   const char *server_name, void *arg),
                      void *arg)
{
    size_t n = strlen(schema);
    const char *key;
    json_t *value;

    json_object_foreach(s->objects, key, value) {
        struct shadow_seen seen;

        if (key[0] != '0' + (int)SHADOW_RELATION || strncmp(key + 1, schema, n) != 0 ||
            key[1 + n] != '\x01')
            continue;
        seen_from(value, &seen);
        if (!seen.own && !seen.gone && seen.name != NULL &&
            visit(key + 2 + n, seen.schema, seen.name, arg) < 0)
            return -1;
    }
    return 0;
}
