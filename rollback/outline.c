#include "rollback/outline.h"

#include "migration/plan.h"

static void write_rows(FILE *out, char *const *rows)
{
    if (rows[0] == NULL)
        fputs("base", out);
    for (; *rows != NULL; rows++)
        fprintf(out, "%s%s", *rows, rows[1] != NULL ? ", " : "");
}

void outline_text(const struct plan *p, FILE *out)
{
    write_rows(out, p->from);
    fputs(" -> ", out);
    write_rows(out, p->to);
    fprintf(out, "   %zu step%s, from the revision files alone\n", p->nsteps, p->nsteps == 1 ? "" : "s");
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *s = &p->steps[i];

        fprintf(out, "  %s  %s%s%s\n", s->revision, s->message, s->message[0] != '\0' ? "  " : "", s->file);
        if (s->irreversible)
            fprintf(out, "    no way back: %s\n", s->irreversible_why);
        if (s->warning != NULL)
            fprintf(out, "    %s\n", s->warning);
        if (s->autocommit > 0)
            fprintf(out, "    leaves the transaction: line %d\n", s->autocommit);
        fputs("    version rows then: ", out);
        write_rows(out, s->after);
        fputc('\n', out);
    }
    fputs("nothing was rendered and no database was asked: what it would lose is not known\n", out);
}

static json_t *list(char *const *rows)
{
    json_t *a = json_array();

    for (; *rows != NULL; rows++)
        (void)json_array_append_new(a, json_string(*rows));
    return a;
}

static json_t *text(const char *s)
{
    return s != NULL ? json_string(s) : json_null();
}

json_t *outline_json(const struct plan *p, struct err *err)
{
    json_t *o = json_object(), *steps = json_array();

    if (o == NULL || steps == NULL) {
        json_decref(o);
        json_decref(steps);
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *s = &p->steps[i];
        json_t *step = json_object();

        (void)json_object_set_new(step, "revision", json_string(s->revision));
        (void)json_object_set_new(step, "file", json_string(s->file));
        (void)json_object_set_new(step, "message", json_string(s->message));
        (void)json_object_set_new(step, "transactional", json_boolean(s->autocommit == 0));
        (void)json_object_set_new(step, "statements", json_null());
        (void)json_object_set_new(step, "before", list(s->before));
        (void)json_object_set_new(step, "after", list(s->after));
        (void)json_object_set_new(step, "irreversible", text(s->irreversible ? s->irreversible_why : NULL));
        (void)json_object_set_new(step, "warning", text(s->warning));
        (void)json_array_append_new(steps, step);
    }
    (void)json_object_set_new(o, "schema", json_string("mig-rollback/1"));
    (void)json_object_set_new(o, "verdict", json_string("unknown"));
    (void)json_object_set_new(o, "from", list(p->from));
    (void)json_object_set_new(o, "to", list(p->to));
    (void)json_object_set_new(o, "steps", steps);
    (void)json_object_set_new(o, "tables", json_array());
    (void)json_object_set_new(o, "digest", json_string(p->digest));
    return o;
}
