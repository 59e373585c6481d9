#include "backup/manifest.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/format.h"
#include "core/strings.h"

/* ---- writing ---- */

/* Every text in a manifest is UTF-8 but where a database without an encoding says otherwise: in texts that
 * are for people alone (defaults, notes, who made it) bytes that are not are written as Latin-1.  Names
 * that must be found again, and the DDL, are not let in here (manifest_check_names, manifest_is_text). */
static json_t *text(const char *s)
{
    json_t *j;

    if (s == NULL)
        return json_null();
    if ((j = json_string(s)) == NULL) {
        char *wide = malloc(strlen(s) * 2 + 1), *o = wide;

        if (wide == NULL)
            return NULL;
        for (; *s != '\0'; s++) {
            unsigned char c = (unsigned char)*s;

            if (c >= 0x80) {
                *o++ = (char)(0xc0 | c >> 6);
                c = (unsigned char)(0x80 | (c & 63));
            }
            *o++ = (char)c;
        }
        *o = '\0';
        j = json_string(wide);
        free(wide);
    }
    return j;
}

static json_t *list(char *const *strings)
{
    json_t *j;

    if (strings == NULL)
        return json_null();
    if ((j = json_array()) == NULL)
        return NULL;
    for (; *strings != NULL; strings++)
        if (json_array_append_new(j, text(*strings)) != 0) {
            json_decref(j);
            return NULL;
        }
    return j;
}

/* An empty list where there is none: readers need no second case. */
static json_t *list_or_empty(char *const *strings)
{
    return strings == NULL ? json_array() : list(strings);
}

static json_t *letter(char c)
{
    char s[2] = {c, '\0'};

    return c == 0 ? json_null() : json_string(s);
}

static json_t *column_json(const struct manifest_column *c)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:i}", "name", text(c->name), "type",
                     text(c->type), "collation", text(c->collation), "default",
                     text(c->expression), "identity", letter(c->identity), "not_null", c->not_null,
                     "base64", c->base64, "number", c->number);
}

static json_t *table_json(const struct manifest_table *t)
{
    json_t *columns = json_array();

    for (size_t i = 0; columns != NULL && i < t->ncolumns; i++)
        if (json_array_append_new(columns, column_json(&t->columns[i])) != 0) {
            json_decref(columns);
            return NULL;
        }
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, "
                     "s:I, s:I, s:s}",
                     "stream", (json_int_t)t->stream, "oid", (json_int_t)t->oid, "schema",
                     text(t->schema), "name", text(t->name), "kind", letter(t->kind),
                     "persistence", letter(t->persistence), "owner", text(t->owner),
                     "parent_schema", text(t->parent_schema), "parent_name", text(t->parent_name),
                     "columns", columns, "generated", list_or_empty(t->generated), "key",
                     list(t->key), "filter", text(t->filter), "complete", t->complete, "because",
                     text(t->because), "rows", (json_int_t)t->rows, "bytes", (json_int_t)t->bytes,
                     "digest", t->digest);
}

static json_t *sequence_json(const struct manifest_sequence *s)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "schema", text(s->schema), "name",
                     text(s->name), "type", text(s->type), "last_value", text(s->last_value),
                     "is_called", s->is_called, "table_schema", text(s->table_schema),
                     "table_name", text(s->table_name), "column", text(s->column));
}

static json_t *type_json(const struct manifest_type *t)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "schema", text(t->schema), "name", text(t->name),
                     "kind", letter(t->kind), "members", list_or_empty(t->members));
}

json_t *manifest_json(const struct manifest *m, struct err *err)
{
    json_t *tables = json_array(), *sequences = json_array(), *types = json_array(), *j = NULL;

    for (size_t i = 0; i < m->ntables; i++)
        if (json_array_append_new(tables, table_json(&m->tables[i])) != 0)
            goto out;
    for (size_t i = 0; i < m->nsequences; i++)
        if (json_array_append_new(sequences, sequence_json(&m->sequences[i])) != 0)
            goto out;
    for (size_t i = 0; i < m->ntypes; i++)
        if (json_array_append_new(types, type_json(&m->types[i])) != 0)
            goto out;
    j = json_pack("{s:i, s:o, s:o, s:i, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
                  "s:o, s:o, s:o, s:o, s:o, s:O, s:O, s:O, s:o, s:o, s:o}",
                  "manifest", 1, "tool", text(m->tool), "created", text(m->created),
                  "server_version", m->server_version, "system_id", text(m->system_id), "database",
                  text(m->database), "database_oid", (json_int_t)m->database_oid, "encoding",
                  text(m->encoding), "collate", text(m->collate), "ctype", text(m->ctype), "role",
                  text(m->role), "os_user", text(m->os_user), "name", text(m->name), "purpose",
                  text(m->purpose), "reason", text(m->reason), "environment",
                  text(m->environment), "command", text(m->command), "scope", text(m->scope),
                  "from", list(m->from), "to", list(m->to), "tables", tables, "sequences",
                  sequences, "types", types, "ddl", text(m->ddl), "no_ddl", text(m->no_ddl),
                  "notes", list_or_empty(m->notes));
out:
    json_decref(tables);
    json_decref(sequences);
    json_decref(types);
    if (j == NULL)
        err_oom(err);
    return j;
}

static int check_name(const char *what, const char *of, const char *s, struct err *err)
{
    json_t *j = s != NULL ? json_string(s) : NULL;
    char shown[200];
    size_t n = 0;

    if (j != NULL || s == NULL) {
        json_decref(j);
        return 0;
    }
    for (; *s != '\0' && n + 5 < sizeof(shown); s++)
        n += (size_t)snprintf(shown + n, sizeof(shown) - n, (unsigned char)*s < 0x80 ? "%c" : "\\x%02x", (unsigned char)*s);
    err_set(err, ERR_FAILED, "the name of %s \"%s\"%s%s is not UTF-8: the backup could not name it again", what, shown,
            of != NULL ? " of " : "", of != NULL ? of : "");
    err_hint(err, "rename it, or leave its table out with --exclude");
    return -1;
}

static int check_names(const char *what, const char *of, char *const *names, struct err *err)
{
    for (; names != NULL && *names != NULL; names++)
        if (check_name(what, of, *names, err) != 0)
            return -1;
    return 0;
}

int manifest_check_names(const struct manifest *m, struct err *err)
{
    for (size_t i = 0; i < m->ntables; i++) {
        const struct manifest_table *t = &m->tables[i];

        if (check_name("the schema", NULL, t->schema, err) != 0 || check_name("the table", NULL, t->name, err) != 0 ||
            check_names("the column", t->name, t->generated, err) != 0)
            return -1;
        for (size_t k = 0; k < t->ncolumns; k++)
            if (check_name("the column", t->name, t->columns[k].name, err) != 0 ||
                check_name("the type", t->name, t->columns[k].type, err) != 0)
                return -1;
    }
    for (size_t i = 0; i < m->nsequences; i++)
        if (check_name("the sequence", NULL, m->sequences[i].name, err) != 0)
            return -1;
    for (size_t i = 0; i < m->ntypes; i++)
        if (check_name("the type", NULL, m->types[i].name, err) != 0 ||
            check_names("a member", m->types[i].name, m->types[i].members, err) != 0)
            return -1;
    return 0;
}

int manifest_is_text(const char *s)
{
    json_t *j = json_string(s);

    json_decref(j);
    return j != NULL;
}

/* ---- reading ---- */

/* What is being read, for messages; the first error wins in err. */
struct reader {
    const char *where;
    struct err *err;
};

static const json_t *field(struct reader *r, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    if (v == NULL)
        err_set(r->err, ERR_BACKUP, "the manifest is not usable: %s has no \"%s\"", r->where, key);
    return v;
}

static void wrong(struct reader *r, const char *key, const char *wanted)
{
    err_set(r->err, ERR_BACKUP, "the manifest is not usable: \"%s\" of %s is not %s", key,
            r->where, wanted);
}

static char *get_text(struct reader *r, const json_t *o, const char *key, int may_be_null)
{
    const json_t *v = field(r, o, key);
    char *s = NULL;

    if (v == NULL || (may_be_null && json_is_null(v)))
        return NULL;
    if (!json_is_string(v))
        wrong(r, key, "a text");
    else if (strings_dup(&s, json_string_value(v), r->err) != 0)
        return NULL;
    return s;
}

static uint64_t get_number(struct reader *r, const json_t *o, const char *key, int64_t max)
{
    const json_t *v = field(r, o, key);

    if (v != NULL && (!json_is_integer(v) || json_integer_value(v) < 0))
        wrong(r, key, "a number");
    else if (v != NULL && json_integer_value(v) > max)
        wrong(r, key, "a number in its range");
    return v == NULL ? 0 : (uint64_t)json_integer_value(v);
}

static int get_flag(struct reader *r, const json_t *o, const char *key)
{
    const json_t *v = field(r, o, key);

    if (v != NULL && !json_is_boolean(v))
        wrong(r, key, "true or false");
    return json_is_true(v);
}

/* One of LETTERS; or 0 for null, where that may be. */
static char get_letter(struct reader *r, const json_t *o, const char *key, const char *letters, int may_be_null)
{
    const json_t *v = field(r, o, key);

    if (v == NULL || (may_be_null && json_is_null(v)))
        return 0;
    if (!json_is_string(v) || json_string_length(v) != 1 || strchr(letters, json_string_value(v)[0]) == NULL) {
        wrong(r, key, "a letter that is known");
        return 0;
    }
    return json_string_value(v)[0];
}

static char **get_list(struct reader *r, const json_t *o, const char *key)
{
    const json_t *v = field(r, o, key);
    char **strings = NULL;

    if (v == NULL || json_is_null(v))
        return NULL;
    if (!json_is_array(v)) {
        wrong(r, key, "a list");
        return NULL;
    }
    if ((strings = calloc(2, sizeof(*strings))) == NULL) {
        err_oom(r->err);
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *s = json_array_get(v, i);

        if (!json_is_string(s)) {
            wrong(r, key, "a list of texts");
            break;
        }
        if (strings_add(&strings, json_string_value(s), r->err) != 0)
            break;
    }
    return strings;
}

/* A list of objects: its length in *N and room for them, zeroed. */
static void *get_objects(struct reader *r, const json_t *o, const char *key, size_t size,
                         const json_t **array, size_t *n)
{
    void *items;

    *n = 0;
    *array = field(r, o, key);
    if (*array == NULL)
        return NULL;
    if (!json_is_array(*array)) {
        wrong(r, key, "a list");
        return NULL;
    }
    *n = json_array_size(*array);
    if ((items = calloc(*n + 1, size)) == NULL) {
        *n = 0;
        err_oom(r->err);
    }
    return items;
}

static void read_column(struct reader *r, const json_t *o, struct manifest_column *c)
{
    c->name = get_text(r, o, "name", 0);
    c->type = get_text(r, o, "type", 0);
    c->collation = get_text(r, o, "collation", 1);
    c->expression = get_text(r, o, "default", 1);
    c->identity = get_letter(r, o, "identity", "ad", 1);
    c->not_null = get_flag(r, o, "not_null");
    c->base64 = get_flag(r, o, "base64");
    c->number = json_object_get(o, "number") != NULL ? (int)get_number(r, o, "number", INT16_MAX) : 0;
}

/* What contradicts itself is not believed. */
static void check_table(struct reader *r, const struct manifest_table *t)
{
    if (t->schema[0] == '\0' || t->name[0] == '\0')
        wrong(r, "name", "a name");
    if (t->key != NULL && t->key[0] == NULL)
        wrong(r, "key", "made of saved columns");
    if ((t->kind == 'r') != (t->stream != 0))
        wrong(r, "stream", "that of a table with rows");
    if (t->complete && t->filter != NULL)
        wrong(r, "complete", "true to its filter");
    for (size_t i = 0; i < t->ncolumns; i++)
        if (t->columns[i].name[0] == '\0' || manifest_column_find(t, t->columns[i].name) != (int)i)
            wrong(r, "columns", "a list of different columns");
}

static void read_table(struct reader *r, const json_t *o, struct manifest_table *t)
{
    const json_t *columns;
    char *digest;

    t->stream = (uint32_t)get_number(r, o, "stream", FORMAT_STREAMS_MAX - 1);
    t->oid = (uint32_t)get_number(r, o, "oid", UINT32_MAX);
    t->schema = get_text(r, o, "schema", 0);
    t->name = get_text(r, o, "name", 0);
    t->kind = get_letter(r, o, "kind", "rp", 0);
    t->persistence = get_letter(r, o, "persistence", "pu", 0);
    t->owner = get_text(r, o, "owner", 1);
    t->parent_schema = get_text(r, o, "parent_schema", 1);
    t->parent_name = get_text(r, o, "parent_name", 1);
    t->columns = get_objects(r, o, "columns", sizeof(*t->columns), &columns, &t->ncolumns);
    for (size_t i = 0; i < t->ncolumns; i++)
        read_column(r, json_array_get(columns, i), &t->columns[i]);
    t->generated = get_list(r, o, "generated");
    t->key = get_list(r, o, "key");
    t->filter = get_text(r, o, "filter", 1);
    t->complete = get_flag(r, o, "complete");
    t->because = get_text(r, o, "because", 1);
    t->rows = get_number(r, o, "rows", INT64_MAX);
    t->bytes = get_number(r, o, "bytes", INT64_MAX);
    digest = get_text(r, o, "digest", 0);
    if (digest != NULL && (strlen(digest) != 32 || strspn(digest, "0123456789abcdef") != 32))
        wrong(r, "digest", "32 digits");
    else if (digest != NULL)
        memcpy(t->digest, digest, 33);
    free(digest);
    for (size_t i = 0; r->err->kind == ERR_NONE && t->key != NULL && t->key[i] != NULL; i++)
        if (manifest_column_find(t, t->key[i]) < 0)
            wrong(r, "key", "made of saved columns");
    if (r->err->kind == ERR_NONE)
        check_table(r, t);
}

static void read_sequence(struct reader *r, const json_t *o, struct manifest_sequence *s)
{
    s->schema = get_text(r, o, "schema", 0);
    s->name = get_text(r, o, "name", 0);
    s->type = get_text(r, o, "type", 0);
    s->last_value = get_text(r, o, "last_value", 0);
    s->is_called = get_flag(r, o, "is_called");
    s->table_schema = get_text(r, o, "table_schema", 1);
    s->table_name = get_text(r, o, "table_name", 1);
    s->column = get_text(r, o, "column", 1);
    /* It becomes part of a command. */
    if (s->last_value != NULL) {
        const char *d = s->last_value + (s->last_value[0] == '-');

        if (*d == '\0' || strlen(d) > 20 || strspn(d, "0123456789") != strlen(d))
            wrong(r, "last_value", "a decimal number");
    }
}

static void read_type(struct reader *r, const json_t *o, struct manifest_type *t)
{
    t->schema = get_text(r, o, "schema", 0);
    t->name = get_text(r, o, "name", 0);
    t->kind = get_letter(r, o, "kind", "edcr", 0);
    t->members = get_list(r, o, "members");
}

struct manifest *manifest_read(const json_t *json, struct err *err)
{
    struct reader r = {"the whole", err};
    struct manifest *m = calloc(1, sizeof(*m));
    const json_t *array;

    if (m == NULL) {
        err_oom(err);
        return NULL;
    }
    if (get_number(&r, json, "manifest", INT64_MAX) != 1)
        err_set(err, ERR_BACKUP, "the manifest is of a newer version: upgrade mig to read it");
    m->tool = get_text(&r, json, "tool", 0);
    m->created = get_text(&r, json, "created", 0);
    m->server_version = (int)get_number(&r, json, "server_version", INT_MAX);
    m->system_id = get_text(&r, json, "system_id", 0);
    m->database = get_text(&r, json, "database", 0);
    m->database_oid = (uint32_t)get_number(&r, json, "database_oid", UINT32_MAX);
    m->encoding = get_text(&r, json, "encoding", 0);
    m->collate = get_text(&r, json, "collate", 1);
    m->ctype = get_text(&r, json, "ctype", 1);
    m->role = get_text(&r, json, "role", 1);
    m->os_user = get_text(&r, json, "os_user", 1);
    m->name = get_text(&r, json, "name", 1);
    m->purpose = get_text(&r, json, "purpose", 1);
    m->reason = get_text(&r, json, "reason", 1);
    m->environment = get_text(&r, json, "environment", 1);
    m->command = get_text(&r, json, "command", 1);
    m->scope = get_text(&r, json, "scope", 0);
    m->from = get_list(&r, json, "from");
    m->to = get_list(&r, json, "to");
    m->ddl = get_text(&r, json, "ddl", 1);
    m->no_ddl = get_text(&r, json, "no_ddl", 1);
    m->notes = get_list(&r, json, "notes");
    m->tables = get_objects(&r, json, "tables", sizeof(*m->tables), &array, &m->ntables);
    r.where = "a table";
    for (size_t i = 0; i < m->ntables && err->kind == ERR_NONE; i++)
        read_table(&r, json_array_get(array, i), &m->tables[i]);
    for (size_t i = 0; i < m->ntables && err->kind == ERR_NONE; i++)
        if (manifest_table_find(m, m->tables[i].schema, m->tables[i].name) != &m->tables[i])
            wrong(&r, "name", "its own: another has it too");
    r.where = "the whole";
    m->sequences = get_objects(&r, json, "sequences", sizeof(*m->sequences), &array, &m->nsequences);
    r.where = "a sequence";
    for (size_t i = 0; i < m->nsequences && err->kind == ERR_NONE; i++)
        read_sequence(&r, json_array_get(array, i), &m->sequences[i]);
    r.where = "the whole";
    m->types = get_objects(&r, json, "types", sizeof(*m->types), &array, &m->ntypes);
    r.where = "a type";
    for (size_t i = 0; i < m->ntypes && err->kind == ERR_NONE; i++)
        read_type(&r, json_array_get(array, i), &m->types[i]);
    if (err->kind != ERR_NONE) {
        manifest_free(m);
        return NULL;
    }
    return m;
}

/* ---- the rest ---- */

void manifest_table_clear(struct manifest_table *t)
{
    for (size_t i = 0; i < t->ncolumns; i++) {
        free(t->columns[i].name);
        free(t->columns[i].type);
        free(t->columns[i].carried);
        free(t->columns[i].collation);
        free(t->columns[i].expression);
    }
    free(t->columns);
    free(t->schema);
    free(t->name);
    free(t->owner);
    free(t->parent_schema);
    free(t->parent_name);
    strings_free(t->generated);
    strings_free(t->key);
    free(t->filter);
    free(t->because);
    memset(t, 0, sizeof(*t));
}

void manifest_free(struct manifest *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->ntables; i++)
        manifest_table_clear(&m->tables[i]);
    for (size_t i = 0; i < m->nsequences; i++) {
        struct manifest_sequence *s = &m->sequences[i];

        free(s->schema);
        free(s->name);
        free(s->type);
        free(s->last_value);
        free(s->table_schema);
        free(s->table_name);
        free(s->column);
    }
    for (size_t i = 0; i < m->ntypes; i++) {
        free(m->types[i].schema);
        free(m->types[i].name);
        strings_free(m->types[i].members);
    }
    free(m->tables);
    free(m->sequences);
    free(m->types);
    free(m->tool);
    free(m->created);
    free(m->system_id);
    free(m->database);
    free(m->encoding);
    free(m->collate);
    free(m->ctype);
    free(m->role);
    free(m->os_user);
    free(m->name);
    free(m->purpose);
    free(m->reason);
    free(m->environment);
    free(m->command);
    free(m->scope);
    strings_free(m->from);
    strings_free(m->to);
    free(m->ddl);
    free(m->no_ddl);
    strings_free(m->notes);
    free(m);
}

const struct manifest_table *manifest_table_find(const struct manifest *m, const char *schema,
                                                 const char *name)
{
    for (size_t i = 0; i < m->ntables; i++)
        if (strcmp(m->tables[i].name, name) == 0 && strcmp(m->tables[i].schema, schema) == 0)
            return &m->tables[i];
    return NULL;
}

int manifest_column_find(const struct manifest_table *t, const char *name)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}
