/* judgement_json: the stable form (docs/DESIGN.md, section 6). */
#include <stdlib.h>
#include <string.h>

#include "migration/plan.h"
#include "script/statement.h"
#include "validate/judge.h"
#include "validate/report.h"

static const char *const verdicts[] = {"safe", "unsafe", "unknown"};
static const char *const evidences[] = {"none", "exact", "estimated", "empty"};

static json_t *text(const char *s)
{
    return s == NULL ? json_null() : json_string(s);
}

static json_t *list(char *const *strings)
{
    json_t *out = json_array();

    for (; strings != NULL && *strings != NULL; strings++)
        (void)json_array_append_new(out, json_string(*strings));
    return out;
}

/* LAST remembers one: the findings of a statement mostly follow each other. */
struct last_statement {
    const struct statement *st;
    json_t *json;
};

static json_t *statement_json(const struct statement *st, int show_values,
                              struct last_statement *last)
{
    char *sql;
    json_t *out;

    if (st == NULL)
        return json_null();
    if (last->st == st)
        return json_incref(last->json);
    sql = report_sql(st->text, show_values, 0);
    out = json_pack("{s:i, s:i, s:i, s:s}", "index", st->index, "line", st->line, "column",
                    st->column, "text", sql == NULL ? "" : sql);
    free(sql);
    json_decref(last->json);
    last->st = st;
    last->json = json_incref(out);
    return out;
}

/* The query that counted, for whoever wants to look; the script's own literals may stand in it. */
static json_t *query_json(const char *sql, int show_values)
{
    char *shown = sql == NULL ? NULL : report_sql(sql, show_values, 0);
    json_t *out = shown == NULL || *shown == '\0' ? json_null() : json_string(shown);

    free(shown);
    return out;
}

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *finding_json(const struct finding *f, const struct plan *p, int show_values,
                            struct last_statement *last)
{
    const struct plan_step *step = f->step < p->nsteps ? &p->steps[f->step] : NULL;
    json_t *out = json_object();

    (void)json_object_set_new(out, "code", json_string(f->code));
    (void)json_object_set_new(out, "hazard", json_string(f->hazard));
    (void)json_object_set_new(out, "severity", json_string(severity_name(f->severity)));
    (void)json_object_set_new(out, "object", text(f->object));
    (void)json_object_set_new(out, "message", text(f->message));
    (void)json_object_set_new(out, "remedy", text(f->remedy));
    (void)json_object_set_new(out, "statement", statement_json(f->statement, show_values, last));
    (void)json_object_set_new(out, "revision", text(step == NULL ? NULL : step->revision));
    (void)json_object_set_new(out, "file", text(step == NULL ? NULL : step->file));
    (void)json_object_set_new(out, "lock",
                              f->lock_mode == NULL
                                  ? json_null()
                                  : json_pack("{s:s, s:o}", "mode", f->lock_mode, "relation",
                                              text(f->lock_relation)));
    (void)json_object_set_new(out, "rewrite", json_boolean(f->rewrite));
    (void)json_object_set_new(out, "scan", json_boolean(f->scan));
    (void)json_object_set_new(out, "evidence", json_string(evidences[f->evidence]));
    (void)json_object_set_new(
        out, "loss",
        !f->has_loss
            ? json_null()
            : json_pack("{s:o, s:o, s:o, s:b, s:o}", "rows", number(f->loss_rows), "values",
                        number(f->loss_values), "bytes", number(f->loss_bytes), "exact",
                        f->loss_exact, "sql", query_json(f->loss_sql, show_values || !f->quotes)));
    (void)json_object_set_new(out, "violations",
                              !f->has_violations
                                  ? json_null()
                                  : json_pack("{s:o, s:b, s:o}", "rows", number(f->violation_rows),
                                              "exact", f->violation_exact, "sql",
                                              query_json(f->violation_sql, show_values || !f->quotes)));
    if (f->since_upgrade >= 0)
        (void)json_object_set_new(out, "written_since_upgrade", json_integer(f->since_upgrade));
    if (f->undo >= 0)
        (void)json_object_set_new(out, "undo", json_boolean(f->undo));
    if (f->possible)
        (void)json_object_set_new(out, "possible", json_true());
    if (f->ignored != NULL)
        (void)json_object_set_new(out, "reason", json_string(f->ignored));
    return out;
}

/* Who is taken to run each file, and what then shares a transaction. */
static json_t *manners_json(const struct plan *p)
{
    json_t *out = json_array();
    size_t i;

    for (i = 0; i < p->nsteps; i++) {
        const struct plain_manner *m = &p->steps[i].manner;

        (void)json_array_append_new(
            out, json_pack("{s:s, s:s, s:s, s:b}", "file", p->steps[i].revision, "tool",
                           m->tool == NULL ? "" : m->tool, "transactions", m->how == NULL ? "" : m->how,
                           "assumed", m->assumed));
    }
    return out;
}

static json_t *place_json(const struct plan *p, size_t step, const struct statement *st)
{
    return json_pack("{s:o, s:i, s:i}", "revision", text(p->steps[step].revision), "statement", st->index,
                     "line", st->line);
}

/* The seconds are estimates, and say so. */
static json_t *holds_json(const struct judgement *j, const struct plan *p)
{
    json_t *out = json_array();
    size_t i;

    for (i = 0; i < j->nholds; i++) {
        const struct hold *h = &j->holds[i];
        json_t *seconds = json_null();

        if (h->least >= 0)
            seconds = json_pack("{s:f, s:o, s:b}", "least", h->least, "most",
                                h->endless ? json_null() : json_real(h->most), "estimated", 1);
        (void)json_array_append_new(
            out, json_pack("{s:s, s:s, s:o, s:o, s:o}", "relation", h->relation, "mode", h->mode, "from",
                           place_json(p, h->step, h->first), "until", place_json(p, h->last_step, h->last),
                           "seconds", seconds));
    }
    return out;
}

json_t *judgement_json(const struct judgement *j, const struct plan *p, int show_values,
                       struct err *err)
{
    json_t *out = json_object(), *steps = json_array(), *findings = json_array();
    json_t *ignored = json_array(), *locks = json_array();
    struct last_statement last = {NULL, NULL};
    size_t i;

    if (out == NULL || steps == NULL || findings == NULL || ignored == NULL || locks == NULL) {
        json_decref(out);
        json_decref(steps);
        json_decref(findings);
        json_decref(ignored);
        json_decref(locks);
        (void)err_oom(err);
        return NULL;
    }
    for (i = 0; i < p->nsteps; i++)
        (void)json_array_append_new(steps, text(p->steps[i].revision));
    for (i = 0; i < j->nfindings; i++)
        (void)json_array_append_new(j->findings[i].ignored != NULL ? ignored : findings,
                                    finding_json(&j->findings[i], p, show_values, &last));
    for (i = 0; i < j->nlocks; i++) {
        json_t *row = json_pack("{s:i, s:o, s:s, s:s, s:b, s:b}", "statement",
                                j->locks[i].statement->index, "revision",
                                text(p->steps[j->locks[i].step].revision), "relation",
                                j->locks[i].relation, "mode", j->locks[i].mode, "rewrite",
                                j->locks[i].rewrite, "scan", j->locks[i].scan);

        if (j->locks[i].possible)
            (void)json_object_set_new(row, "possible", json_true());
        (void)json_array_append_new(locks, row);
    }
    json_decref(last.json);
    (void)json_object_set_new(out, "schema", json_string("mig-validate/1"));
    (void)json_object_set_new(out, "verdict", json_string(verdicts[j->verdict]));
    (void)json_object_set_new(out, "why", text(j->why_unknown));
    (void)json_object_set_new(out, "from", list(p->from));
    (void)json_object_set_new(out, "to", list(p->to));
    (void)json_object_set_new(out, "steps", steps);
    if (p->direction == PLAN_SQL)
        (void)json_object_set_new(out, "run_as", manners_json(p));
    (void)json_object_set_new(out, "findings", findings);
    (void)json_object_set_new(out, "ignored", ignored);
    (void)json_object_set_new(out, "unused_ignores", list(j->unused_ignores));
    (void)json_object_set_new(out, "locks", locks);
    (void)json_object_set_new(out, "holds", holds_json(j, p));
    (void)json_object_set_new(out, "pace",
                              j->pace.relation == NULL
                                  ? json_null()
                                  : json_pack("{s:s, s:o, s:f, s:f}", "relation", j->pace.relation,
                                              "bytes", json_integer((json_int_t)j->pace.bytes),
                                              "seconds", j->pace.seconds, "disk_bytes_per_second",
                                              j->pace.disk));
    return out;
}
