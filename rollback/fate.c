#include "rollback/fate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "rollback/execute.h"
#include "rollback/guard.h"
#include "rollback/next.h"
#include "rollback/rows.h"

static const char holder_sql[] =
#include "rollback/sql/holder.sql.h"
    ;

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static int known_outcome(const char *name, enum outcome *out)
{
    for (int o = OUTCOME_COMMITTED; o <= OUTCOME_UNKNOWN; o++)
        if (name != NULL && strcmp(name, outcome_name((enum outcome)o)) == 0) {
            *out = (enum outcome)o;
            return 1;
        }
    return 0;
}

/* Sorted, as execute_version_rows gives them.  *ROWS is owned. */
static int recorded(const json_t *list, char ***rows, struct err *err)
{
    const json_t *v;
    size_t i;

    *rows = NULL;
    json_array_foreach(list, i, v)
        if (json_is_string(v) && strings_add(rows, json_string_value(v), err) != 0)
            return -1;
    return 0;
}

/* Transaction ids are counted anew where a failover or a restore lost what came last: the server's
 * answer may be of another transaction.  The version rows must not say the opposite. */
static int check_rows(const struct guard *g, struct fate *f, enum tx_fate answer, struct err *err)
{
    const json_t *begin = journal_last(f->record, "begin");
    const json_t *expected = json_object_get(begin, answer == TX_COMMITTED ? "to" : "from");
    const json_t *opposite = json_object_get(begin, answer == TX_COMMITTED ? "from" : "to");
    struct plan p = {0};
    char **rows = NULL, **other = NULL;
    struct err ignored = {0};
    int rc = -1;

    /* Of several segments each has its own rows, and the next ones do not move before they are done. */
    if (text_of(begin, "version_table") == NULL || json_equal(expected, opposite) || f->segments > 1)
        return 0;
    if (strings_dup(&p.version_schema, text_of(begin, "version_schema"), err) != 0 ||
        strings_dup(&p.version_table, text_of(begin, "version_table"), err) != 0 ||
        strings_dup(&p.version_column, text_of(begin, "version_column"), err) != 0 ||
        execute_version_rows(g->control, &p, &rows, err) != 0 || recorded(opposite, &other, err) != 0)
        goto out;
    rc = 0;
    if (execute_version_same(rows, other, "now", &ignored) != 0)
        goto out;
    f->report.outcome = OUTCOME_UNKNOWN;
    rc = err_set(err, ERR_UNKNOWN,
                 "the server says that transaction %llu was %s, but the version table holds what run %s "
                 "would have left otherwise",
                 (unsigned long long)f->xid, answer == TX_COMMITTED ? "committed" : "rolled back",
                 f->record->run);
    err_hint(err, "after a failover or a restore ids are used again; or somebody migrated since: compare "
                  "the schema with %s -> %s", f->report.from, f->report.to);
out:
    strings_free(rows);
    strings_free(other);
    free(p.version_schema);
    free(p.version_table);
    free(p.version_column);
    return rc;
}

enum { PATIENCE = 240 /* quarters of a second */ };

/* A quarter of a second. */
static int pause_now(struct err *err)
{
    struct timespec t = {.tv_nsec = 250000000};

    (void)nanosleep(&t, NULL);
    return interrupt_check(err);
}

/* Alembic outlives a mig-rollback that is killed.  It has read its version table in the transaction in which it
 * migrates: as long as somebody holds that, nothing has ended. */
static int outwait_alembic(const struct guard *g, struct fate *f, const struct plan *p, struct err *err)
{
    struct query q = {.sql = holder_sql, .nparams = 1, .columns = 1, .max_rows = 1};
    struct buf name = {0};
    const char *param;
    int rc = -1, left;

    if (quote_name(&name, p->version_schema, p->version_table, err) != 0)
        goto out;
    param = name.data;
    q.params = &param;
    for (left = PATIENCE; left > 0; left--) {
        struct result *r = query_run(g->control, &q, err);
        int none = r != NULL && result_rows(r) == 0;

        if (r != NULL && !none && left == PATIENCE)
            log_info("waiting: pid %s holds the version table; is it the alembic of run %s?", result_text(r, 0, 0), f->record->run);
        if (r != NULL && !none && left == 1) {
            f->report.outcome = OUTCOME_UNKNOWN;
            (void)err_set(err, ERR_UNKNOWN, "the alembic that run %s started may still be at work: pid %s holds the version table",
                          f->record->run, result_text(r, 0, 0));
            err_hint(err, "ask again when it has ended; pg_stat_activity shows what it does");
        }
        result_free(r);
        if (none) {
            rc = 0;
            break;
        }
        if (r == NULL || left == 1 || pause_now(err) != 0)
            break;
    }
out:
    buf_free(&name);
    return rc;
}

/* Command mode: alembic committed by itself, or not; the version rows are all that can be asked. */
static int ask_rows(const struct guard *g, struct fate *f, struct err *err)
{
    const json_t *begin = journal_last(f->record, "begin");
    struct plan p = {0};
    char **rows = NULL, **from = NULL, **to = NULL;
    struct err ignored = {0};
    int rc = -1;

    if (strings_dup(&p.version_schema, text_of(begin, "version_schema"), err) != 0 ||
        strings_dup(&p.version_table, text_of(begin, "version_table"), err) != 0 ||
        outwait_alembic(g, f, &p, err) != 0 || execute_version_rows(g->control, &p, &rows, err) != 0 ||
        recorded(json_object_get(begin, "from"), &from, err) != 0 ||
        recorded(json_object_get(begin, "to"), &to, err) != 0)
        goto out;
    if (execute_version_same(rows, to, "now", &ignored) == 0)
        f->done = f->segments;
    else if (execute_version_same(rows, from, "now", &ignored) != 0)
        f->loose = 1;
    else if (strings_dup(&f->report.why, "alembic was cut off; it rolled back, or has committed nothing yet", err) != 0)
        goto out;
    else
        f->report.outcome = OUTCOME_ROLLED_BACK;
    rc = strings_add(&f->report.notes, "alembic ran it by itself: this is what the version table says", err);
out:
    strings_free(rows);
    strings_free(from);
    strings_free(to);
    free(p.version_schema);
    free(p.version_table);
    return rc;
}

/* The backend of a killed client may still be at work: its transaction is then in progress. */
static int ask_server(const struct guard *g, struct fate *f, struct err *err)
{
    enum tx_fate fate = TX_IN_PROGRESS;
    int told = 0;

    for (int i = 0; i < PATIENCE; i++) {
        if (tx_status(g->control, f->xid, &fate, err) != 0)
            return -1;
        if (fate != TX_IN_PROGRESS)
            break;
        if (!told++)
            log_info("the server is still at transaction %llu; waiting", (unsigned long long)f->xid);
        if (pause_now(err) != 0)
            return -1;
    }
    if ((fate == TX_COMMITTED || fate == TX_ABORTED) && check_rows(g, f, fate, err) != 0)
        return -1;
    switch (fate) {
    case TX_COMMITTED:
        f->done++;
        return 0;
    case TX_ABORTED:
        f->report.outcome = OUTCOME_ROLLED_BACK;
        return strings_dup(&f->report.why, "it was cut off, and the server rolled back", err);
    case TX_IN_PROGRESS:
        f->report.outcome = OUTCOME_UNKNOWN;
        (void)err_set(err, ERR_UNKNOWN, "transaction %llu of run %s is still in progress on the server",
                      (unsigned long long)f->xid, f->record->run);
        err_hint(err, "ask again; pg_stat_activity shows its backend (application_name mig-rollback)");
        return -1;
    case TX_FORGOTTEN:
        break;
    }
    f->report.outcome = OUTCOME_UNKNOWN;
    (void)err_set(err, ERR_UNKNOWN, "the server does not know transaction %llu of run %s",
                  (unsigned long long)f->xid, f->record->run);
    err_hint(err, "it is another server (a failover?) or long ago: compare the version table with %s -> %s",
             f->report.from, f->report.to);
    return -1;
}

static size_t segment_of(const json_t *entry)
{
    return (size_t)json_integer_value(json_object_get(entry, "segment"));
}

/* How far the entries say that it came. */
static void read_progress(struct fate *f, int *asked)
{
    const json_t *entry;
    size_t i;

    *asked = 0;
    json_array_foreach(f->record->entries, i, entry) {
        const char *step = text_of(entry, "step");

        if (step == NULL)
            continue;
        if (strcmp(step, "begin") == 0) {
            f->segments = (size_t)json_integer_value(json_object_get(entry, "segments"));
        } else if (strcmp(step, "done") == 0) {
            f->done = segment_of(entry) + 1;
            *asked = f->loose = 0;
        } else if (strcmp(step, "execute") == 0) {
            f->xid = (uint64_t)json_integer_value(json_object_get(entry, "xid"));
            *asked = 1;
            f->loose = 0;
        } else if (strcmp(step, "command") == 0) {
            f->command = 1;
        } else if (strcmp(step, "alone") == 0) {
            f->loose = 1;
            *asked = 0;
        }
    }
    if (f->segments == 0)
        f->segments = 1;
}

/* Does the outcome that is written still hold?  Not if somebody went on since. */
static const json_t *valid_outcome(const struct journal_record *r)
{
    const json_t *entry, *found = NULL;
    size_t i;

    json_array_foreach(r->entries, i, entry) {
        const char *step = text_of(entry, "step");

        if (step != NULL && strcmp(step, "outcome") == 0)
            found = entry;
        else if (step != NULL && strcmp(step, "undone") != 0)
            found = NULL;
    }
    return found;
}

static void settle_in_journal(const struct guard *g, struct fate *f)
{
    struct err why = {0};
    struct journal *j = journal_open(g->state_dir, g->key, f->record->run, &why);
    size_t last = f->done > 0 ? f->done - 1 : 0;
    json_t *o = json_pack("{s:s, s:b}", "outcome", outcome_name(f->report.outcome), "settled", 1);

    /* What the server said of the last segment, for resume. */
    if (j != NULL && f->segments > 1 && f->done > 0 &&
        journal_write(j, "done", json_pack("{s:I}", "segment", (json_int_t)last), &why) != 0)
        log_warn("the journal could not be written: %s", why.message);
    if (j == NULL || journal_write(j, "outcome", json_incref(o), &why) != 0)
        log_warn("the outcome is not in the journal: %s", why.message);
    json_decref(o);
    journal_free(j);
}

/* When it began, to the second, and what was typed. */
static int read_begin(struct fate *f, const json_t *begin, struct err *err)
{
    const char *when = text_of(begin, "time");

    if (when != NULL) {
        struct buf b = {0};

        if (buf_addf(&b, err, "%.*sZ", (int)strcspn(when, ".Z"), when) != 0)
            return -1;
        f->report.begun = b.data;
    }
    return strings_dup(&f->report.command, text_of(begin, "command"), err);
}

/* Of a run whose writer lives: where it is. */
static int read_running(struct fate *f, const json_t *begin, struct err *err)
{
    const json_t *last = json_array_get(f->record->entries, json_array_size(f->record->entries) - 1);

    return strings_addf(&f->report.notes, err, "its process, %lld, still runs; the last step that it wrote down: %s, at %s",
                        (long long)json_integer_value(json_object_get(begin, "pid")),
                        text_of(last, "step") != NULL ? text_of(last, "step") : "none",
                        text_of(last, "time") != NULL ? text_of(last, "time") : "an unknown time");
}

static int next_step(const struct guard *g, struct fate *f, struct err *err)
{
    const json_t *begin = journal_last(f->record, "begin");

    if (f->report.outcome == OUTCOME_UNKNOWN || f->report.running)
        f->report.next = next_command(g, "status", f->record->run, err);
    else if (f->report.outcome == OUTCOME_PARTIAL && f->undone_by == NULL)
        f->report.next = next_command(g, "resume", f->record->run, err);
    else if (f->report.outcome == OUTCOME_COMMITTED && strcmp(f->report.kind, "rollback") == 0 &&
             f->undone_by == NULL &&
             json_integer_value(json_object_get(begin, "undo")) != (json_int_t)UNDO_IMPOSSIBLE)
        f->report.next = next_command(g, "undo", f->record->run, err);
    else
        return 0;
    return f->report.next != NULL ? 0 : -1;
}

/* Did it take a step?  What became of one that died before its first is settled in its journal. */
static int went_on(const struct journal_record *r)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(r->entries, i, entry)
        if (text_of(entry, "step") == NULL || strcmp(text_of(entry, "step"), "outcome") != 0)
            return 1;
    return 0;
}

int fate_read(const struct guard *g, const char *run, struct fate *f, struct err *err)
{
    const json_t *begin, *outcome;
    const char *kind;
    int rc = 0, open = 0, asked;

    memset(f, 0, sizeof(*f));
    if ((f->record = journal_read(g->state_dir, g->key, run, err)) == NULL)
        return -1;
    begin = journal_last(f->record, "begin");
    outcome = valid_outcome(f->record);
    kind = text_of(begin, "kind");
    f->undone_by = text_of(journal_last(f->record, "undone"), "by");
    f->report.running = f->record->alive;
    f->report.outcome = OUTCOME_NOT_STARTED;
    read_progress(f, &asked);
    if (strings_dup(&f->report.run, f->record->run, err) != 0 ||
        strings_dup(&f->report.kind, kind != NULL ? kind : "rollback", err) != 0 ||
        rows_begin(&f->report.from, begin, "from", err) != 0 ||
        rows_begin(&f->report.to, begin, "to", err) != 0 ||
        strings_dup(&f->report.backup, text_of(journal_last(f->record, "backup"), "file"), err) != 0 ||
        read_begin(f, begin, err) != 0 || (f->report.running && read_running(f, begin, err) != 0))
        return -1;
    if (f->record->damaged || (begin == NULL && went_on(f->record))) {
        f->report.outcome = OUTCOME_UNKNOWN;
        rc = err_set(err, ERR_UNKNOWN, "the journal of run %s in \"%s\" is damaged: what became of the run cannot be read from it",
                     f->record->run, g->state_dir);
        err_hint(err, "the operation log has its result (mig-backup log verify shows whether that is whole); compare the schema with it. "
                      "Its backup stays on the shelf: mig-backup list");
    } else if (known_outcome(text_of(outcome, "outcome"), &f->report.outcome) &&
        f->report.outcome != OUTCOME_UNKNOWN) {
        if (strings_dup(&f->report.why, text_of(outcome, "why"), err) != 0)
            return -1;
    } else if (f->report.running) {
        f->report.outcome = f->xid != 0 ? OUTCOME_UNKNOWN : OUTCOME_NOT_STARTED;
    } else {
        if (f->command)
            rc = ask_rows(g, f, err);
        else if (asked)
            rc = ask_server(g, f, err);
        open = rc == 0;
        if (open && f->done >= f->segments)
            f->report.outcome = OUTCOME_COMMITTED;
        else if (open && (f->done > 0 || f->loose))
            f->report.outcome = OUTCOME_PARTIAL;
        else if (open && !asked && !f->command &&
                 strings_dup(&f->report.why, "it ended before it changed anything", err) != 0)
            return -1;
    }
    /* Where alembic has moved no row it is asked again: it may do so yet. */
    if (open && !(f->command && f->report.outcome == OUTCOME_ROLLED_BACK))
        settle_in_journal(g, f);
    if (f->segments > 1 && f->report.outcome == OUTCOME_PARTIAL &&
        strings_addf(&f->report.notes, err, "%zu of %zu segments are done%s", f->done, f->segments,
                     f->loose ? "; the next was begun outside of a transaction" : "") != 0)
        return -1;
    if (f->segments > 1 && f->report.outcome == OUTCOME_PARTIAL && f->undone_by == NULL && !f->report.running &&
        !f->command && strcmp(f->report.kind, "rollback") == 0 &&
        next_note(g, f->record->run, &f->report.notes, err) != 0)
        return -1;
    if (json_is_true(json_object_get(begin, "dry_run")) &&
        strings_add(&f->report.notes, "it was a dry run", err) != 0)
        return -1;
    if (f->undone_by != NULL &&
        strings_addf(&f->report.notes, err, "undone by run %s", f->undone_by) != 0)
        return -1;
    if (rc == 0 && next_step(g, f, err) != 0)
        return -1;
    return rc;
}

/* RUN is an undo of F's. */
static int undo_ended(const struct guard *g, const struct fate *f, const char *run, int *committed, struct err *err)
{
    struct fate undo = {0};
    int rc = fate_read(g, run, &undo, err);

    *committed = rc == 0 && undo.report.outcome == OUTCOME_COMMITTED;
    if (rc == 0 && undo.report.running) {
        rc = err_set(err, ERR_REFUSED, "run %s is being undone by run %s, which is at work", f->record->run, run);
        next_hint(g, "status", run, "wait for it, or end it; where it is: ", err);
    } else if (rc == 0 && undo.report.outcome == OUTCOME_PARTIAL) {
        rc = err_set(err, ERR_REFUSED, "run %s was being undone by run %s, which stopped halfway", f->record->run, run);
        next_hint(g, "resume", run, "to go on with that: ", err);
    }
    fate_free(&undo);
    return rc;
}

static int set_undone(const struct guard *g, struct fate *f, const char *by, struct err *err)
{
    struct journal *j = journal_open(g->state_dir, g->key, f->record->run, err);
    int rc = j != NULL ? journal_write(j, "undone", json_pack("{s:s}", "by", by), err) : -1;

    journal_free(j);
    if (rc != 0)
        return -1;
    if (json_array_append_new(f->record->entries, json_pack("{s:s, s:s}", "step", "undone", "by", by)) != 0)
        return err_oom(err);
    f->undone_by = text_of(journal_last(f->record, "undone"), "by");
    return 0;
}

int fate_undone(const struct guard *g, struct fate *f, struct err *err)
{
    char **runs = NULL;
    size_t n = 0;
    int rc = -1;

    if (f->undone_by != NULL)
        return 0;
    if (journal_list(g->state_dir, g->key, &runs, &n, err) != 0)
        return -1;
    /* The newest come first; an undo is newer than what it undoes. */
    for (size_t i = 0; i < n && f->undone_by == NULL && strcmp(runs[i], f->record->run) != 0; i++) {
        struct journal_record *r = journal_read(g->state_dir, g->key, runs[i], err);
        const json_t *begin = r != NULL ? journal_last(r, "begin") : NULL;
        const char *of = text_of(begin, "of");
        /* A damaged one that does not say of what it was is taken for an undo of this, until somebody knows better. */
        int mine = (r != NULL && r->damaged && of == NULL) ||
                   (of != NULL && strcmp(of, f->record->run) == 0 && !json_is_true(json_object_get(begin, "dry_run")));
        int committed = 0;

        journal_record_free(r);
        if (r == NULL || (mine && undo_ended(g, f, runs[i], &committed, err) != 0) ||
            (committed && set_undone(g, f, runs[i], err) != 0))
            goto out;
    }
    rc = 0;
out:
    journal_list_free(runs, n);
    return rc;
}

void fate_free(struct fate *f)
{
    journal_record_free(f->record);
    outcome_free(&f->report);
    memset(f, 0, sizeof(*f));
}
