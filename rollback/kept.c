#include "rollback/kept.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup/keys.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "script/effect.h"
#include "script/statement.h"

static json_t *string_or_null(const char *s)
{
    return s != NULL ? json_string(s) : json_null();
}

static json_t *list(char *const *items)
{
    json_t *a = json_array();

    for (size_t i = 0; a != NULL && items != NULL && items[i] != NULL; i++)
        (void)json_array_append_new(a, json_string(items[i]));
    return a;
}

static json_t *step_json(const struct plan_step *s)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "revision", string_or_null(s->revision));
    (void)json_object_set_new(o, "file", string_or_null(s->file));
    (void)json_object_set_new(o, "message", string_or_null(s->message));
    (void)json_object_set_new(o, "before", list(s->before));
    (void)json_object_set_new(o, "after", list(s->after));
    (void)json_object_set_new(o, "online_only", json_boolean(s->online_only));
    (void)json_object_set_new(o, "online_why", string_or_null(s->online_why));
    (void)json_object_set_new(o, "sql", string_or_null(s->script != NULL ? s->script->text : NULL));
    (void)json_object_set_new(o, "sql_file", string_or_null(s->script != NULL ? s->script->file : NULL));
    return o;
}

json_t *kept_plan(const struct plan *p, struct err *err)
{
    json_t *o = json_object(), *steps = json_array();

    for (size_t i = 0; i < p->nsteps; i++) {
        json_t *s = step_json(&p->steps[i]);
        const char *sql = p->steps[i].script != NULL ? p->steps[i].script->text : NULL;

        if (s == NULL || json_array_append_new(steps, s) != 0 ||
            (sql != NULL && !json_is_string(json_object_get(s, "sql")))) {
            json_decref(o);
            json_decref(steps);
            (void)err_set(err, ERR_FAILED, "the SQL of %s is not UTF-8: it cannot be kept for undo",
                          p->steps[i].revision);
            return NULL;
        }
    }
    if (o == NULL || json_object_set_new(o, "direction", json_integer(p->direction)) != 0 ||
        json_object_set_new(o, "from", list(p->from)) != 0 ||
        json_object_set_new(o, "to", list(p->to)) != 0 ||
        json_object_set_new(o, "version_schema", string_or_null(p->version_schema)) != 0 ||
        json_object_set_new(o, "version_table", string_or_null(p->version_table)) != 0 ||
        json_object_set_new(o, "version_column", string_or_null(p->version_column)) != 0 ||
        json_object_set_new(o, "digest", json_string(p->digest)) != 0 ||
        json_object_set(o, "steps", steps) != 0) {
        json_decref(o);
        o = NULL;
        (void)err_oom(err);
    }
    json_decref(steps);
    return o;
}

static int strings_of(const json_t *array, char ***out, struct err *err)
{
    const json_t *v;
    size_t i;

    /* An empty list is one NULL, as plan_make gives it. */
    if ((*out = calloc(1, sizeof(**out))) == NULL)
        return err_oom(err);
    json_array_foreach(array, i, v)
        if (strings_add(out, json_string_value(v), err) != 0)
            return -1;
    return 0;
}

static int get_dup(const json_t *o, const char *key, char **out, struct err *err)
{
    return strings_dup(out, json_string_value(json_object_get(o, key)), err);
}

static int read_step(const json_t *o, struct plan_step *s, struct err *err)
{
    const char *sql = json_string_value(json_object_get(o, "sql"));
    const char *file = json_string_value(json_object_get(o, "sql_file"));

    if (get_dup(o, "revision", &s->revision, err) != 0 || get_dup(o, "file", &s->file, err) != 0 ||
        get_dup(o, "message", &s->message, err) != 0 ||
        get_dup(o, "online_why", &s->online_why, err) != 0 ||
        strings_of(json_object_get(o, "before"), &s->before, err) != 0 ||
        strings_of(json_object_get(o, "after"), &s->after, err) != 0)
        return -1;
    s->online_only = json_is_true(json_object_get(o, "online_only"));
    if (sql == NULL)
        return 0;
    s->script = script_read(sql, strlen(sql), file != NULL ? file : s->revision, SCRIPT_WHOLE, err);
    return s->script != NULL ? 0 : -1;
}

static int find_effects(struct plan *p, struct err *err)
{
    const struct script **scripts = calloc(p->nsteps + 1, sizeof(*scripts));
    struct effects **found = NULL;
    size_t n = 0, k = 0;
    int rc = -1;

    if (scripts == NULL)
        return err_oom(err);
    for (size_t i = 0; i < p->nsteps; i++)
        if (p->steps[i].script != NULL)
            scripts[n++] = p->steps[i].script;
    if (n == 0) {
        rc = 0;
        goto out;
    }
    /* Another tool's version table is a table like others: it may hold more than the version. */
    if ((found = effects_find_all(scripts, n, p->version_column == NULL ? p->version_table : NULL, err)) == NULL)
        goto out;
    for (size_t i = 0; i < p->nsteps; i++)
        if (p->steps[i].script != NULL)
            p->steps[i].effects = found[k++];
    free(found);
    rc = 0;
out:
    free(scripts);
    return rc;
}

struct plan *kept_read(const json_t *json, struct err *err)
{
    const json_t *steps = json_object_get(json, "steps"), *step;
    struct plan *p = calloc(1, sizeof(*p));
    const char *digest = json_string_value(json_object_get(json, "digest"));
    size_t i;

    if (p == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if (!json_is_array(steps) || !json_is_array(json_object_get(json, "from")) ||
        !json_is_array(json_object_get(json, "to"))) {
        (void)err_set(err, ERR_BACKUP, "the kept plan is not one of ours");
        goto fail;
    }
    p->direction = (enum plan_direction)json_integer_value(json_object_get(json, "direction"));
    (void)snprintf(p->digest, sizeof(p->digest), "%s", digest != NULL ? digest : "");
    if (strings_of(json_object_get(json, "from"), &p->from, err) != 0 ||
        strings_of(json_object_get(json, "to"), &p->to, err) != 0 ||
        get_dup(json, "version_schema", &p->version_schema, err) != 0 ||
        get_dup(json, "version_table", &p->version_table, err) != 0 ||
        get_dup(json, "version_column", &p->version_column, err) != 0)
        goto fail;
    if ((p->steps = calloc(json_array_size(steps) + 1, sizeof(*p->steps))) == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    json_array_foreach(steps, i, step) {
        p->nsteps++;
        if (read_step(step, &p->steps[i], err) != 0)
            goto fail;
    }
    if (find_effects(p, err) != 0)
        goto fail;
    return p;
fail:
    plan_free(p);
    return NULL;
}

char *kept_seal(const json_t *json, const struct keyring *keys, struct err *err)
{
    char *text = json_dumps(json, JSON_COMPACT);
    unsigned char *sealed = NULL;
    char *out = NULL;
    size_t len = 0, size;

    if (text == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if (keyring_seal(keys, text, strlen(text), &sealed, &len, err) == 0) {
        size = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
        if ((out = malloc(size)) == NULL)
            (void)err_oom(err);
        else
            (void)sodium_bin2base64(out, size, sealed, len, sodium_base64_VARIANT_ORIGINAL);
    }
    free(sealed);
    sodium_memzero(text, strlen(text));
    free(text);
    return out;
}

static void damaged(struct err *err)
{
    (void)err_set(err, ERR_BACKUP, "the plan that was kept is damaged: it was changed after it was written");
    err_hint(err, "nothing of it is run. Take the file from a copy; or migrate with the tool itself, and the values with: mig-backup restore");
}

json_t *kept_open(const char *sealed, const struct keyring *keys, struct err *err)
{
    size_t size = strlen(sealed), len = 0, plain_len = 0;
    unsigned char *raw = malloc(size + 1), *plain = NULL;
    json_t *json = NULL;

    if (raw == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if (sodium_base642bin(raw, size + 1, sealed, size, " \n", &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        damaged(err);
    else if (keyring_open(keys, raw, len, &plain, &plain_len, err) == 0 &&
             (json = json_loadb((const char *)plain, plain_len, 0, NULL)) == NULL)
        damaged(err);
    if (plain != NULL)
        sodium_memzero(plain, plain_len);
    free(plain);
    free(raw);
    return json;
}
