/*
 * plan: a plan as JSON, with the SQL of each step.
 *
 *   build/tools/plan [-c INI] [-n SECTION] [--command CMD] [--versions DIR] [--version-table NAME]
 *                    [--current REV,...] [--current-from DIR] [--no-sql] [--connect] [--reverse] [--both]
 *                    down|up|to REV | sql FILE...
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/report.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "script/effect.h"
#include "script/statement.h"

static json_t *text(const char *s)
{
    return s != NULL ? json_string(s) : json_null();
}

static json_t *list(char *const *rows)
{
    json_t *out = json_array();

    for (; *rows != NULL; rows++)
        json_array_append_new(out, json_string(*rows));
    return out;
}

static json_t *step_json(const struct plan_step *s)
{
    json_t *out = json_object(), *statements = json_array();

    for (size_t i = 0; s->script != NULL && i < s->script->count; i++) {
        const struct statement *st = &s->script->statements[i];

        json_array_append_new(statements, json_pack("{s:s, s:i, s:i, s:b, s:o}", "text", st->text, "line",
                                                    st->line, "segment", st->segment, "alone", st->alone,
                                                    "unknown", text(st->unknown)));
    }
    json_object_set_new(out, "revision", json_string(s->revision));
    json_object_set_new(out, "file", json_string(s->file));
    json_object_set_new(out, "message", json_string(s->message));
    json_object_set_new(out, "before", list(s->before));
    json_object_set_new(out, "after", list(s->after));
    json_object_set_new(out, "sql", text(s->script != NULL ? s->script->text : NULL));
    json_object_set_new(out, "balanced", json_boolean(s->script != NULL && s->script->balanced));
    json_object_set_new(out, "segments", json_integer(s->script != NULL ? s->script->segments : 0));
    json_object_set_new(out, "effects", json_integer(s->effects != NULL ? (json_int_t)s->effects->count : 0));
    json_object_set_new(out, "statements", statements);
    json_object_set_new(out, "online", text(s->online_only ? s->online_why : NULL));
    json_object_set_new(out, "irreversible", text(s->irreversible ? s->irreversible_why : NULL));
    json_object_set_new(out, "warning", text(s->warning));
    json_object_set_new(out, "autocommit", json_integer(s->autocommit));
    return out;
}

static int show(const struct plan *p, struct err *err)
{
    json_t *steps = json_array(), *out = json_object();
    int rc;

    for (size_t i = 0; i < p->nsteps; i++)
        json_array_append_new(steps, step_json(&p->steps[i]));
    json_object_set_new(out, "up", json_boolean(p->direction == PLAN_UP));
    json_object_set_new(out, "from", list(p->from));
    json_object_set_new(out, "to", list(p->to));
    json_object_set_new(out, "table", text(p->version_table));
    json_object_set_new(out, "schema", text(p->version_schema));
    json_object_set_new(out, "digest", json_string(p->digest));
    json_object_set_new(out, "steps", steps);
    rc = report_json(stdout, out, err);
    json_decref(out);
    return rc;
}

int main(int argc, char **argv)
{
    static const char *const words[] = {"down", "up", "to", "sql"};
    struct plan_request r = {0};
    struct conn_options how = {0};
    struct plan *p = NULL, *back = NULL;
    struct conn *c = NULL;
    struct err err = {0};
    int rc = -1, connect = 0, reverse = 0, debug = 0;
    const struct {
        const char *name;
        const char **value;
    } options[] = {{"-c", &r.alembic_config},           {"-n", &r.alembic_name},
                   {"--command", &r.alembic_command},   {"--versions", &r.versions},
                   {"--version-table", &r.version_table}, {"--current", &r.current},
                   {"--current-from", &r.current_from}};

    for (int i = 1; i < argc; i++) {
        size_t n = 0;

        if (strcmp(argv[i], "--no-sql") == 0)
            r.no_sql = 1;
        else if (strcmp(argv[i], "--connect") == 0)
            connect = 1;
        else if (strcmp(argv[i], "--both") == 0)
            r.both = 1;
        else if (strcmp(argv[i], "--reverse") == 0)
            reverse = 1;
        else if (strcmp(argv[i], "--debug") == 0)
            debug = 1;
        else {
            while (n < sizeof(options) / sizeof(options[0]) && strcmp(argv[i], options[n].name) != 0)
                n++;
            if (n < sizeof(options) / sizeof(options[0]) && i + 1 < argc) {
                *options[n].value = argv[++i];
                continue;
            }
            for (int w = 0; w < 4; w++) {
                if (strcmp(argv[i], words[w]) == 0)
                    r.direction = w == 0 ? PLAN_DOWN : w == 1 ? PLAN_UP : w == 2 ? PLAN_TO : PLAN_SQL;
            }
            if (i + 1 < argc)
                r.revision = argv[i + 1];
            r.sql_files = (const char *const *)&argv[i + 1];
            r.nsql_files = (size_t)(argc - i - 1);
            break;
        }
    }
    log_init("plan", debug ? LOG_DEBUG : LOG_WARN);
    how.application = "plan";
    if ((connect && (c = conn_open(&how, CONN_OWN, &err)) == NULL) ||
        (p = plan_make(&r, c, &err)) == NULL || (reverse && (back = plan_reverse(p, &r, c, &err)) == NULL))
        goto out;
    rc = show(reverse ? back : p, &err);
out:
    if (err.kind != ERR_NONE)
        log_err(&err);
    plan_free(p);
    plan_free(back);
    conn_free(c);
    return rc == 0 ? 0 : err_exit_code(&err);
}
