/*
 * planner: many histories and questions about them, answered in one process.
 *
 * For tests/property: each line of standard input is one history as JSON,
 *   {"files": [{"name", "text"}...], "cases": [{"up": bool, "rows": [id...], "rev"}...], "covered": bool}
 * and each line of standard output what migration/ makes of it.  Or a configuration file:
 *   {"ini": "text", "asks": [[section, option]...]}
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "migration/history.h"
#include "migration/ini.h"
#include "migration/revision.h"
#include "migration/route.h"

static json_t *strings(char *const *list)
{
    json_t *out = json_array();

    for (; list != NULL && *list != NULL; list++)
        json_array_append_new(out, json_string(*list));
    return out;
}

static json_t *ids(const struct history *h, const int *nodes, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_string(history_id(h, nodes[i])));
    return out;
}

static json_t *answer(const struct history *h, const json_t *question)
{
    const json_t *rows = json_object_get(question, "rows");
    const char *rev = json_string_value(json_object_get(question, "rev"));
    int up = json_is_true(json_object_get(question, "up"));
    struct symbol_nodes nodes = {0};
    json_t *out = json_object(), *steps = json_array();
    char **before = calloc(json_array_size(rows) + 1, sizeof(*before)), **now = NULL;
    struct err err = {0};

    for (size_t i = 0; i < json_array_size(rows); i++)
        before[i] = strdup(json_string_value(json_array_get(rows, i)));
    if ((up ? route_up : route_down)(h, before, rev, &nodes, &err) == 0) {
        now = rows_copy(before, &err);
        for (size_t i = 0; i < nodes.count && err.kind == ERR_NONE; i++) {
            struct route_ops ops = {0};
            char **after = NULL;

            if (route_step(h, now, nodes.items[i], up, &ops, &after, &err) == 0) {
                rows_free(now);
                now = after;
                json_array_append_new(steps, strings(now));
            }
            route_ops_free(&ops);
        }
    }
    if (err.kind != ERR_NONE) {
        json_object_set_new(out, "error", json_string(err.message));
        json_decref(steps);
    } else {
        json_object_set_new(out, "order", ids(h, nodes.items, nodes.count));
        json_object_set_new(out, "rows", strings(now));
        json_object_set_new(out, "steps", steps);
    }
    rows_free(now);
    rows_free(before);
    symbol_nodes_free(&nodes);
    return out;
}

static struct history *read_history(const json_t *files, struct tokens *tokens, struct err *err)
{
    size_t n = json_array_size(files);
    struct revision **list = calloc(n + 1, sizeof(*list));

    for (size_t i = 0; i < n; i++) {
        const json_t *f = json_array_get(files, i), *text = json_object_get(f, "text");

        list[i] = revision_read(json_string_value(text), json_string_length(text),
                                json_string_value(json_object_get(f, "name")), tokens, err);
        if (list[i] == NULL) {
            while (i > 0)
                revision_free(list[--i]);
            free(list);
            return NULL;
        }
    }
    return history_new(list, n, err);
}

static json_t *describe(const struct history *h)
{
    json_t *out = json_array();

    for (size_t i = 0; i < h->count; i++) {
        const struct revision *r = h->nodes[i].revision;

        json_array_append_new(out, json_pack("{s:s, s:o, s:o, s:o, s:s, s:i, s:i}", "id", r->id, "down",
                                             strings(r->down), "labels", strings(r->labels), "depends",
                                             strings(r->depends), "message", r->message, "upgrade",
                                             (int)r->upgrade.body, "downgrade",
                                             (int)r->downgrade.body));
    }
    return out;
}

/* {"values": [...]}: each the text, null, or false for an error. */
static json_t *ask_ini(const json_t *in)
{
    const json_t *text = json_object_get(in, "ini");
    json_t *out = json_object(), *values = json_array(), *ask;
    struct err err = {0};
    struct ini *ini = ini_read(json_string_value(text), json_string_length(text), "x.ini", "/h", &err);
    size_t i;

    if (ini == NULL) {
        json_object_set_new(out, "error", json_string(err.message));
        json_decref(values);
        return out;
    }
    json_array_foreach(json_object_get(in, "asks"), i, ask)
    {
        struct err why = {0};
        char *value = NULL;

        if (ini_get(ini, json_string_value(json_array_get(ask, 0)), json_string_value(json_array_get(ask, 1)),
                    &value, &why) != 0)
            json_array_append_new(values, json_false());
        else
            json_array_append_new(values, value != NULL ? json_string(value) : json_null());
        free(value);
    }
    json_object_set_new(out, "values", values);
    ini_free(ini);
    return out;
}

int main(void)
{
    struct tokens tokens = {0};
    char *line = NULL;
    size_t cap = 0;

    log_init("planner", LOG_ERROR);
    while (getline(&line, &cap, stdin) > 0) {
        json_error_t why;
        json_t *in = json_loads(line, 0, &why), *out = json_object(), *q;
        struct err err = {0};
        struct history *h;
        size_t i;

        if (in == NULL) {
            fprintf(stderr, "planner: %s\n", why.text);
            return 1;
        }
        if (json_object_get(in, "ini") != NULL) {
            json_decref(out);
            out = ask_ini(in);
            h = NULL;
            goto print;
        }
        h = read_history(json_object_get(in, "files"), &tokens, &err);
        if (h == NULL || history_check(h, &err) != 0) {
            json_object_set_new(out, "error", json_string(err.message));
        } else {
            json_t *cases = json_array();

            h->covered_rows = json_is_true(json_object_get(in, "covered"));
            json_object_set_new(out, "revisions", describe(h));
            json_object_set_new(out, "heads", ids(h, h->heads, h->nheads));
            json_object_set_new(out, "real_heads", ids(h, h->real_heads, h->nreal_heads));
            json_object_set_new(out, "bases", ids(h, h->bases, h->nbases));
            json_array_foreach(json_object_get(in, "cases"), i, q)
            {
                json_array_append_new(cases, answer(h, q));
            }
            json_object_set_new(out, "cases", cases);
        }
    print:
        json_dumpf(out, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(in);
        json_decref(out);
        history_free(h);
    }
    tokens_free(&tokens);
    free(line);
    return 0;
}
