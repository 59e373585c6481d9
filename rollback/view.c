#include "rollback/view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup/label.h"
#include "core/buf.h"
#include "core/report.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "prodcheck/verdict.h"
#include "rollback/goback.h"
#include "rollback/guard.h"
#include "rollback/locks.h"
#include "rollback/rows.h"
#include "rollback/segments.h"
#include "script/closure.h"
#include "script/statement.h"
#include "validate/judge.h"

static const char *const undo_names[] = {"exact", "staged", "impossible", "inexact"};
static const char *const backup_names[] = {"locked", "before", "none"};

static void rows_text(char *const *rows, FILE *out)
{
    if (rows == NULL || rows[0] == NULL)
        fputs("base (no rows)", out);
    for (size_t i = 0; rows != NULL && rows[i] != NULL; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", rows[i]);
}

static size_t statements_of(const struct plan_step *s)
{
    size_t n = 0;

    for (size_t i = 0; s->script != NULL && i < s->script->count; i++)
        if (json_object_get(s->script->statements[i].tree, "TransactionStmt") == NULL)
            n++;
    return n;
}

/* Names from the database neither begin a line of their own nor talk to the terminal. */
static void line(const char *before, const char *text, const char *after, FILE *out)
{
    fputs(before, out);
    report_put_plain(out, text);
    fputs(after, out);
}

static void fate_text(const struct closure_table *t, FILE *out)
{
    const char *comma = "";
    char room[256];

    if (t->fate & CLOSURE_DROPPED) {
        fputs("dropped", out);
        comma = ", ";
    }
    if (t->fate & CLOSURE_COLUMNS) {
        fprintf(out, "%scolumns", comma);
        for (size_t i = 0; i < t->ncolumns; i++)
            fprintf(out, "%s %s%s", i > 0 ? "," : "", report_plain(t->columns[i].name, room, sizeof(room)),
                    t->columns[i].why & CLOSURE_COLUMN_DROPPED   ? " dropped"
                    : t->columns[i].why & CLOSURE_COLUMN_RETYPED ? " retyped"
                                                                 : " updated");
        comma = ", ";
    }
    if (t->fate & CLOSURE_EMPTIED) {
        fprintf(out, "%semptied", comma);
        comma = ", ";
    }
    if (t->fate & CLOSURE_ROWS) {
        fprintf(out, "%srows changed", comma);
        comma = ", ";
    }
    if (t->fate & CLOSURE_INSERTED) {
        fprintf(out, "%srows added", comma);
        comma = ", ";
    }
    if (comma[0] == '\0')
        fputs(t->fate & CLOSURE_VERSION   ? "moves to the new revision"
              : t->fate & CLOSURE_ALTERED ? "altered, nothing stored is lost"
                                          : "only locked",
              out);
    if (t->because != NULL)
        line(" (", t->because, ")", out);
}

static void tables_text(const struct guard *g, FILE *out)
{
    fputs("\nTables\n", out);
    for (size_t i = 0; i < g->closure->ntables; i++) {
        const struct closure_table *t = &g->closure->tables[i];
        char rows[64], bytes[32], name[160], room[400];

        (void)snprintf(name, sizeof(name), "%s.%s", t->schema, t->name);
        fprintf(out, "  %s  ", report_plain(name, room, sizeof(room)));
        if (g->tables[i].rows >= 0)
            fprintf(out, "about %s, ", report_things((uint64_t)g->tables[i].rows, "row", rows));
        fprintf(out, "%s, %s\n    ", report_bytes((uint64_t)g->tables[i].bytes, bytes),
                locks_mode(t->lock));
        fate_text(t, out);
        fputc('\n', out);
    }
    if (g->closure->ntables == 0)
        fputs("  none\n", out);
}

/* Where what F says is lost will be kept, if it is a loss. */
static const char *kept_where(const struct guard *g, const struct finding *f)
{
    if (!f->has_loss || (f->loss_exact && f->loss_rows == 0))
        return "";
    return f->covered && g->request->backup != ROLLBACK_NONE ? " [in the backup]" : " [NOT SAVED]";
}

/* Said of scripts that others run: a run sets its own timeout on every lock. */
static int answered(const struct guard *g, const struct finding *f)
{
    return !g->command && strcmp(f->code, "no-lock-timeout") == 0;
}

static void findings_text(const struct guard *g, FILE *out)
{
    const struct judgement *j = g->judgement;
    size_t shown = 0;
    char room[4096];

    fprintf(out, "\nWhat it would destroy or break\n");
    for (size_t i = 0; i < j->nfindings; i++) {
        const struct finding *f = &j->findings[i];

        if (answered(g, f))
            continue;
        shown++;
        fprintf(out, "  %-8s %s: %s%s%s\n", severity_name(f->severity), f->code,
                report_plain(f->message, room, sizeof(room)), kept_where(g, f),
                f->ignored != NULL ? " [ignored]" : "");
    }
    if (shown == 0)
        fputs("  nothing was found\n", out);
}

static void gate_text(const struct verdict *v, FILE *out)
{
    static const char *const answers[] = {"go", "no-go", "unknown"};

    fprintf(out, "\nGate: %s (%zu checks)\n", answers[v->answer], v->nchecks);
    for (size_t i = 0; i < v->nchecks; i++)
        if (v->checks[i].status != CHECK_OK && v->checks[i].status != CHECK_SKIPPED) {
            fprintf(out, "  %-5s %s: ", check_status_name(v->checks[i].status), v->checks[i].id);
            line("", v->checks[i].message != NULL ? v->checks[i].message : "", "\n", out);
        }
}

static void backup_text(const struct guard *g, FILE *out)
{
    char bytes[32], wait[32];
    int none = g->request->backup == ROLLBACK_NONE;

    if (none)
        fprintf(out, "\nBackup: NONE (%s): what is destroyed is gone\n", g->request->no_backup);
    else
        fprintf(out, "\nBackup: %s in %s, from %s of data\n",
                g->command ? "all tables of the database" : g->request->loss_scope ? "only what is lost" : "whole tables",
                state_shelf(g->request->common, g->request->config), report_bytes(g->bytes, bytes));
    if (g->command)
        fprintf(out, "COMMAND MODE: alembic runs it and commits by itself. Weaker than a guarded run:\n"
                     "%s  the verification comes after COMMIT: what it finds can only be undone\n",
                none ? "" : "  the backup (all tables) is taken before, without locks: later writes are not in it;\n");
    else if (none)
        fputs("Wait: readers and writers of these tables, for the change\n", out);
    else if (g->request->backup == ROLLBACK_BEFORE)
        fprintf(out, "Wait: nobody for the backup; writers for what changed since; readers only for the change\n");
    else if (g->short_copy)
        fprintf(out, "Wait: writers of these tables, about %s for the copy and the change; readers only for the change\n",
                report_duration(g->copy_ms + 50, wait));
    else
        fprintf(out, "Wait: writers about %s for the copy; readers only for the change\n",
                report_duration(g->copy_ms, wait));
}

static void segments_text(const struct guard *g, FILE *out)
{
    struct err why = {0};
    struct segments *s = segments_split(g->plan, &why);

    fprintf(out, "  In %zu segment%s, for some statements cannot run in a transaction: each is committed by itself.\n",
            segments_count(g->plan), segments_count(g->plan) == 1 ? "" : "s");
    for (size_t i = 0; s != NULL && i < s->count; i++)
        fprintf(out, "    %zu. %s\n", i + 1,
                s->items[i].alone ? s->items[i].label : "one transaction, backed up and verified by itself");
    segments_free(s);
    err_clear(&why);
    if (goback_possible(g->plan, g->reverse, &why) == 0)
        fputs("  If one fails: \"mig-rollback resume\" goes on from there, \"mig-rollback resume --back\" returns to the start.\n",
              out);
    else
        fprintf(out, "  If one fails: \"mig-rollback resume\" goes on from there.  There is NO WAY BACK from the middle: %s.\n",
                why.message);
}

static void route_text(const struct plan *p, FILE *out)
{
    if (p->version_table == NULL) {
        fputs("  a script: no version rows are read or moved\n", out);
        return;
    }
    fputs("  from  ", out);
    rows_text(p->from, out);
    fputs("\n  to    ", out);
    rows_text(p->to, out);
    fputc('\n', out);
}

static void steps_text(const struct plan *p, FILE *out)
{
    fputs("\nSteps, in this order\n", out);
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *s = &p->steps[i];

        fprintf(out, "  %zu. %s  %s  (%zu statement%s)\n", i + 1, s->revision, s->message != NULL ? s->message : "",
                statements_of(s), statements_of(s) == 1 ? "" : "s");
        if (s->warning != NULL)
            fprintf(out, "     warning: %s\n", s->warning);
    }
}

/* WHAT on which server, from where to where. */
static void head_text(const struct guard *g, const char *what, FILE *out)
{
    fprintf(out, "%s on %s, environment %s\n", what, conn_title(g->control),
            g->environment->name != NULL ? g->environment->name : "not configured");
    if (g->environment->production)
        fputs("  THIS IS PRODUCTION\n", out);
    if (g->plan == NULL)
        return;
    route_text(g->plan, out);
    steps_text(g->plan, out);
    if (segments_needed(g->plan))
        segments_text(g, out);
}

static void refusals_text(const struct guard *g, FILE *out)
{
    char room[2048];

    if (g->nrefusals > 0)
        fputs("\nReasons to refuse\n", out);
    for (size_t i = 0; i < g->nrefusals; i++)
        fprintf(out, "  %s: %s%s\n", g->refusals[i].name,
                report_plain(g->refusals[i].message, room, sizeof(room)),
                g->refusals[i].forced ? " [forced]" : "");
}

void view_plan(const struct guard *g, FILE *out)
{
    head_text(g, g->plan != NULL && g->plan->direction == PLAN_UP ? "Upgrade" : "Rollback", out);
    if (g->closure != NULL && g->tables != NULL)
        tables_text(g, out);
    if (g->judgement != NULL)
        findings_text(g, out);
    if (g->verdict != NULL)
        gate_text(g->verdict, out);
    if (g->closure != NULL)
        backup_text(g, out);
    if (g->plan != NULL && g->plan->nsteps > 0) {
        fprintf(out, "Undo: %s", undo_names[g->undo]);
        line(g->undo_why != NULL ? ": " : "", g->undo_why != NULL ? g->undo_why : "", "\n", out);
    }
    if (g->digest[0] != '\0')
        fprintf(out, "Digest: %s\n", g->digest);
    refusals_text(g, out);
}

void view_kept(const struct guard *g, const char *what, const char *values, FILE *out)
{
    head_text(g, what, out);
    if (g->closure != NULL && g->tables != NULL)
        tables_text(g, out);
    if (g->closure != NULL && g->bytes > 0)
        backup_text(g, out);
    else if (g->closure != NULL)
        fprintf(out, "\nBackup: none is taken, for this destroys nothing\n"
                     "Wait: readers and writers of these tables, while the script runs%s\n",
                values != NULL ? " and the values go back" : "");
    if (values != NULL)
        line("Values: from ", values, "\n", out);
    refusals_text(g, out);
}

static json_t *list(char *const *rows)
{
    json_t *a = json_array();

    for (size_t i = 0; rows != NULL && rows[i] != NULL; i++)
        (void)json_array_append_new(a, json_string(rows[i]));
    return a;
}

static void set(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v != NULL ? v : json_null());
}

static void set_text(json_t *o, const char *key, const char *text)
{
    set(o, key, text != NULL ? json_string(text) : NULL);
}

static json_t *steps_json(const struct plan *p)
{
    json_t *a = json_array();

    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *s = &p->steps[i];
        json_t *o = json_object();
        int transactional = s->script != NULL && s->script->segments <= 1;

        for (size_t k = 0; s->script != NULL && k < s->script->count; k++)
            if (s->script->statements[k].alone)
                transactional = 0;
        set_text(o, "revision", s->revision);
        set_text(o, "file", s->file);
        set_text(o, "message", s->message);
        set(o, "transactional", json_boolean(transactional));
        set(o, "statements", json_integer((json_int_t)statements_of(s)));
        (void)json_array_append_new(a, o);
    }
    return a;
}

static json_t *tables_json(const struct guard *g)
{
    json_t *a = json_array();

    for (size_t i = 0; i < g->closure->ntables; i++) {
        const struct closure_table *t = &g->closure->tables[i];
        json_t *o = json_object(), *columns = json_array();
        struct buf name = {0};
        struct err ignored = {0};

        if (buf_addf(&name, &ignored, "%s.%s", t->schema, t->name) == 0)
            set_text(o, "name", name.data);
        buf_free(&name);
        for (size_t k = 0; k < t->ncolumns; k++)
            (void)json_array_append_new(columns, json_string(t->columns[k].name));
        set(o, "columns", columns);
        set(o, "dropped", json_boolean((t->fate & CLOSURE_DROPPED) != 0));
        set(o, "at_risk", json_boolean(closure_table_at_risk(t)));
        set_text(o, "lock", t->lock);
        set(o, "bytes", json_integer(g->tables[i].bytes));
        set(o, "rows_estimated", g->tables[i].rows >= 0 ? json_integer(g->tables[i].rows) : NULL);
        (void)json_array_append_new(a, o);
    }
    return a;
}

json_t *view_plan_json(const struct guard *g, struct err *err)
{
    json_t *o = json_object(), *refusals = json_array();
    int refused = 0;

    if (o == NULL || refusals == NULL) {
        json_decref(o);
        json_decref(refusals);
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < g->nrefusals; i++) {
        json_t *r = json_object();

        set_text(r, "name", g->refusals[i].name);
        set_text(r, "message", g->refusals[i].message);
        set(r, "forced", json_boolean(g->refusals[i].forced));
        refused |= !g->refusals[i].forced;
        (void)json_array_append_new(refusals, r);
    }
    set_text(o, "schema", "mig-rollback/1");
    set_text(o, "database", g->environment->database);
    set_text(o, "environment", g->environment->name);
    set_text(o, "verdict", refused ? "refused" : "ready");
    set(o, "from", list(g->plan != NULL ? g->plan->from : NULL));
    set(o, "to", list(g->plan != NULL ? g->plan->to : NULL));
    set(o, "segments", json_integer(g->plan != NULL ? (json_int_t)segments_count(g->plan) : 0));
    set(o, "steps", g->plan != NULL ? steps_json(g->plan) : json_array());
    set(o, "tables", g->closure != NULL && g->tables != NULL ? tables_json(g) : json_array());
    if (g->judgement != NULL && g->plan != NULL) {
        json_t *j = judgement_json(g->judgement, g->plan, g->request->common->show_values, err);

        if (j == NULL) {
            json_decref(o);
            json_decref(refusals);
            return NULL;
        }
        set(o, "validate", j);
    }
    if (g->verdict != NULL) {
        json_t *v = verdict_json(g->verdict, err);

        if (v == NULL) {
            json_decref(o);
            json_decref(refusals);
            return NULL;
        }
        set(o, "gate", v);
    }
    set_text(o, "backup", backup_names[g->request->backup]);
    set(o, "bytes", json_integer((json_int_t)g->bytes));
    set(o, "copy_ms", json_integer(g->copy_ms));
    set_text(o, "undo", undo_names[g->undo]);
    set_text(o, "undo_why", g->undo_why);
    set_text(o, "digest", g->digest);
    set(o, "refusals", refusals);
    return o;
}

const char *outcome_name(enum outcome o)
{
    static const char *const names[] = {"committed", "rolled-back", "not-started", "partial", "unknown"};

    return names[o];
}

static uint64_t count_of(const json_t *table, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(table, key));

    return n > 0 ? (uint64_t)n : 0;
}

/* An old run must not be taken for the one that just died. */
static void begun_text(const struct outcome_report *r, FILE *out)
{
    time_t when = label_time(r->begun), now = time(NULL);
    char age[32];

    if (r->begun == NULL)
        return;
    fprintf(out, "Begun:   %s", r->begun);
    if (when > 0 && now >= when)
        fprintf(out, ", %s ago", report_duration((int64_t)(now - when) * 1000, age));
    line(r->command != NULL ? ", by: " : "", r->command != NULL ? r->command : "", "\n", out);
}

/* What is to be done now, if it is nothing: that too is an answer. */
static const char *nothing_next(const struct outcome_report *r)
{
    switch (r->outcome) {
    case OUTCOME_COMMITTED:
        return r->begun != NULL ? "nothing is left to do" : NULL;
    case OUTCOME_ROLLED_BACK:
    case OUTCOME_NOT_STARTED:
        return r->running ? NULL : "nothing is left to do: the database is as it was before";
    case OUTCOME_PARTIAL:
    case OUTCOME_UNKNOWN:
        break;
    }
    return NULL;
}

void view_outcome(const struct outcome_report *r, FILE *out)
{
    fprintf(out, "Run:     %s (%s)\n", r->run, r->kind != NULL ? r->kind : "rollback");
    fprintf(out, "Outcome: %s%s\n", r->running ? "still running, so far " : "", outcome_name(r->outcome));
    begun_text(r, out);
    if (r->from != NULL && r->to != NULL && !rows_none(r->from))
        fprintf(out, "Route:   %s -> %s\n", r->from, r->to);
    if (r->why != NULL)
        line("Why:     ", r->why, "\n", out);
    if (r->backup != NULL)
        fprintf(out, "Backup:  %s\n", r->backup);
    if (r->tables != NULL) {
        char rows[64], inserted[32], updated[32];
        size_t i;
        const json_t *t;

        fputs("Restored\n", out);
        json_array_foreach(r->tables, i, t) {
            const char *name = json_string_value(json_object_get(t, "name"));

            line("  ", name != NULL ? name : "", "", out);
            fprintf(out, ": %s in the backup, %s inserted, %s updated%s\n",
                    report_things(count_of(t, "rows"), "row", rows),
                    report_count(count_of(t, "inserted"), inserted),
                    report_count(count_of(t, "updated"), updated),
                    json_is_true(json_object_get(t, "digest_equal")) ? ", digest equal" : "");
        }
    }
    for (size_t i = 0; r->notes != NULL && r->notes[i] != NULL; i++)
        line("Note:    ", r->notes[i], "\n", out);
    if (r->next != NULL || nothing_next(r) != NULL)
        fprintf(out, "Next:    %s\n", r->next != NULL ? r->next : nothing_next(r));
}

json_t *view_outcome_json(const struct outcome_report *r, struct err *err)
{
    json_t *o = json_object();

    if (o == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    set_text(o, "schema", "mig-rollback/1");
    set_text(o, "run", r->run);
    set_text(o, "kind", r->kind);
    set_text(o, "outcome", outcome_name(r->outcome));
    set(o, "running", json_boolean(r->running));
    set(o, "from", rows_list(r->from));
    set(o, "to", rows_list(r->to));
    if (r->begun != NULL)
        set_text(o, "begun", r->begun);
    if (r->command != NULL)
        set_text(o, "command", r->command);
    set_text(o, "backup", r->backup);
    set_text(o, "why", r->why);
    set_text(o, "next", r->next);
    set(o, "notes", list(r->notes));
    if (r->tables != NULL)
        set(o, "tables", json_incref(r->tables));
    if (r->meanwhile != NULL)
        set(o, "meanwhile", json_incref(r->meanwhile));
    return o;
}

void outcome_free(struct outcome_report *r)
{
    free(r->run);
    free(r->kind);
    free(r->begun);
    free(r->command);
    free(r->from);
    free(r->to);
    free(r->backup);
    free(r->next);
    free(r->why);
    strings_free(r->notes);
    json_decref(r->tables);
    json_decref(r->meanwhile);
    memset(r, 0, sizeof(*r));
}
