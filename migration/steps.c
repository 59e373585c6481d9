#include "migration/steps.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "migration/history.h"
#include "migration/project.h"
#include "migration/render.h"
#include "migration/revision.h"
#include "migration/route.h"
#include "migration/sheet.h"
#include "script/statement.h"

static const struct revision_function *function(const struct steps_request *r, size_t i)
{
    const struct revision *rev = r->history->nodes[r->nodes[i]].revision;

    return r->up ? &rev->upgrade : &rev->downgrade;
}

static char *const no_rows[] = {NULL};

/* What is known from the files alone. */
static int describe(const struct steps_request *r, size_t i, char *const *rows,
                    struct plan_step *step, struct err *err)
{
    const struct revision *rev = r->history->nodes[r->nodes[i]].revision;
    const struct revision_function *f = function(r, i);
    struct route_ops ops = {0};
    struct buf why = {0};
    int rc = -1;

    step->revision = strdup(rev->id);
    step->file = strdup(rev->file);
    step->message = strdup(rev->message);
    step->autocommit = f->autocommit_line;
    if (step->revision == NULL || step->file == NULL || step->message == NULL) {
        (void)err_oom(err);
        goto out;
    }
    step->before = rows_copy(rows, err);
    if (step->before == NULL ||
        route_step(r->history, rows, r->nodes[i], r->up, &ops, &step->after, err) != 0)
        goto out;
    if (!r->up) {
        step->irreversible = revision_irreversible(rev, &why, err);
        if (step->irreversible < 0)
            goto out;
    } else if (f->body == BODY_RAISES || f->body == BODY_MISSING) {
        step->irreversible = 1;
        if (buf_addf(&why, err, f->body == BODY_RAISES ? "upgrade() raises: %s line %d"
                                                       : "%s has no upgrade()",
                     rev->file, f->raise_line) != 0)
            goto out;
    }
    if (step->irreversible && (step->irreversible_why = buf_take(&why, err)) == NULL)
        goto out;
    if (f->tab_line > 0 && f->body == BODY_CODE) {
        if (buf_addf(&why, err, "a tab inside a string (%s line %d): alembic --sql turns it into four "
                     "spaces, so what runs is not quite what the migration says", rev->file,
                     f->tab_line) != 0 ||
            (step->warning = buf_take(&why, err)) == NULL)
            goto out;
    }
    rc = 0;
out:
    route_ops_free(&ops);
    buf_free(&why);
    return rc;
}

/* The step's script from its body and version statements.  CUT NULL: an empty body. */
static int assemble(const struct steps_request *r, size_t i, const struct cut *cut,
                    char *const *rendered_before, struct plan_step *step, struct err *err)
{
    struct route_ops ops = {0};
    struct buf text = {0}, title = {0};
    char **after = NULL;
    const char *table = r->name->table != NULL ? r->name->table : "alembic_version";
    int rc = -1;

    if (cut != NULL && cut->autocommit && cut->wrapped && buf_adds(&text, "BEGIN;\n", err) != 0)
        goto out;
    if (cut != NULL && cut->body.len > 0) {
        size_t skip = strspn(cut->body.data, "\r\n");

        if (buf_add(&text, cut->body.data + skip, cut->body.len - skip, err) != 0)
            goto out;
    }
    if (cut != NULL && rows_equal(rendered_before, step->before)) {
        if (buf_add(&text, cut->versions.data, cut->versions.len, err) != 0)
            goto out;
    } else {
        if (route_step(r->history, step->before, r->nodes[i], r->up, &ops, &after, err) != 0)
            goto out;
        for (size_t k = 0; k < ops.count; k++) {
            if (version_write(&text, r->name->schema, table, &ops.items[k], err) != 0)
                goto out;
        }
    }
    if (cut != NULL && cut->autocommit && cut->left_open && buf_adds(&text, "COMMIT;\n", err) != 0)
        goto out;
    if (buf_addf(&title, err, "%s of %s (rendered SQL)", r->up ? "upgrade" : "downgrade",
                 step->revision) != 0)
        goto out;
    step->script = script_read(text.data, text.len, title.data, SCRIPT_WHOLE, err);
    rc = step->script != NULL ? 0 : -1;
out:
    route_ops_free(&ops);
    rows_free(after);
    buf_wipe(&text);
    buf_free(&title);
    return rc;
}

static int set_online(const struct steps_request *r, size_t i, struct plan_step *step, const char *said,
                      struct err *err)
{
    const struct revision_function *f = function(r, i);
    struct buf why = {0};
    int rc;

    step->online_only = 1;
    if (f->input_line > 0)
        rc = buf_addf(&why, err, "asks at the terminal (input), %s line %d", step->file, f->input_line);
    else if (f->bind != NULL)
        rc = buf_addf(&why, err, "reads the database in Python (%s), %s line %d", f->bind, step->file,
                      f->bind_line);
    else
        rc = buf_addf(&why, err, "cannot be rendered offline, %s line %d", step->file, f->line);
    if (rc == 0 && said != NULL)
        rc = buf_addf(&why, err, ": %s", said);
    free(step->online_why);
    step->online_why = rc == 0 ? buf_take(&why, err) : NULL;
    buf_free(&why);
    return step->online_why != NULL ? 0 : -1;
}

static int set_warning(struct plan_step *step, const char *text, struct err *err)
{
    struct buf b = {0};
    int rc = step->warning != NULL ? buf_addf(&b, err, "%s; %s", step->warning, text)
                                   : buf_adds(&b, text, err);

    if (rc == 0) {
        free(step->warning);
        step->warning = buf_take(&b, err);
        rc = step->warning != NULL ? 0 : -1;
    }
    buf_free(&b);
    return rc;
}

static size_t longest_run(const struct buf *b, char ch)
{
    size_t best = 0, run = 0;

    for (size_t i = 0; i < b->len; i++) {
        run = b->data[i] == ch ? run + 1 : 0;
        if (run > best)
            best = run;
    }
    return best;
}

/* For a driver whose parameters are %s or %(name)s, SQLAlchemy writes every % twice, and alembic --sql prints that:
 * '50%%' would be stored.  The file says how many there should be. */
static int is_doubled(const struct plan_step *step, const struct cut *cut, struct err *err)
{
    size_t rendered = longest_run(&cut->body, '%');
    struct buf source = {0};
    int doubled;

    if (rendered < 2)
        return 0;
    if (buf_read_file(&source, step->file, (size_t)64 << 20, err) != 0)
        return -1;
    doubled = rendered > longest_run(&source, '%');
    buf_free(&source);
    return doubled;
}

/* A cut is there: is it what the migration does? */
static int use_cut(const struct steps_request *r, size_t i, const struct cut *cut,
                   char *const *rendered_before, struct plan_step *step, struct err *err)
{
    const struct revision_function *f = function(r, i);
    int doubled = is_doubled(step, cut, err);
    char text[160];

    if (doubled < 0)
        return -1;
    if (doubled)
        return set_online(r, i, step, "its SQL has every % twice, as the driver wants it and no server: let env.py pass "
                          "dialect_opts={\"paramstyle\": \"named\"} to context.configure() where it is offline", err);
    if (cut->select_line > 0)
        return set_online(r, i, step, "its SQL holds a bare SELECT: it asks the database and gets no "
                          "answer while it is rendered", err);
    if (cut->unknown_line > 0 && f->print_line > 0) {
        (void)snprintf(text, sizeof(text), "it prints to standard output (line %d), into its SQL",
                       f->print_line);
        return set_online(r, i, step, text, err);
    }
    step->begins = cut->begins;
    if (cut->autocommit && step->autocommit == 0) {
        step->autocommit = f->line;
        (void)snprintf(text, sizeof(text), "it ends the transaction by itself (line %d on): it is not "
                       "undone as a whole when it fails", f->line);
        if (set_warning(step, text, err) != 0)
            return -1;
    }
    return assemble(r, i, cut, rendered_before, step, err);
}

static int is_rendered(const struct plan_step *s)
{
    return s->script != NULL || s->online_only;
}

/* Steps LO to HI in one call, where the starting rows are one at most and some target leads the same
 * way.  1: alembic has no words for that, or fails. */
static int render_span(const struct steps_request *r, struct plan *p, size_t lo, size_t hi,
                       struct err *err)
{
    const struct plan_step *first = &p->steps[lo], *last = &p->steps[hi - 1];
    const char *from = first->before[0];
    const char *targets[4] = {NULL};
    struct buf named = {0};
    size_t n = 0;
    int rc = -1;

    if ((from != NULL && first->before[1] != NULL) || (from == NULL && !r->up))
        return 1;
    if (r->up) {
        targets[n++] = last->revision;
    } else {
        targets[n++] = last->after[0] != NULL ? last->after[0] : "base";
        if (buf_addf(&named, err, "%s@%s", from, targets[0]) != 0)
            goto out;
        targets[n++] = named.data;
    }
    if (r->revision != NULL && !symbol_is_relative(r->revision))
        targets[n++] = r->revision;
    rc = 1;
    for (size_t t = 0; t < n; t++) {
        struct sheet s = {0};
        int same;

        rc = sheet_route(r, from, targets[t], &s, err);
        same = rc == 0 && s.route.count == hi - lo &&
               memcmp(s.route.items, r->nodes + lo, (hi - lo) * sizeof(*r->nodes)) == 0;
        if (same) {
            rc = sheet_render(r, from, targets[t], &s, err);
            for (size_t i = lo; rc == 0 && i < hi; i++)
                rc = use_cut(r, i, &s.cuts[i - lo], s.rows[i - lo], &p->steps[i], err);
        }
        sheet_free(&s);
        if (rc < 0 || same)
            goto out;
        rc = 1;
    }
out:
    buf_free(&named);
    return rc;
}

/* The shortest way to have alembic render one node: the call whose route holds fewest others. */
static int best_call(const struct steps_request *r, int node, struct buf *from, struct buf *target,
                     struct err *err)
{
    const struct history_node *n = &r->history->nodes[node];
    const char *id = history_id(r->history, node);
    size_t best = 0, tries = r->up ? n->nparents : n->ndown;

    for (size_t k = 0; k < (tries > 0 ? tries : 1); k++) {
        const char *other = tries == 0 ? NULL
                                       : history_id(r->history, r->up ? n->parents[k] : n->down[k]);
        struct sheet s = {0};
        struct buf t = {0};
        int rc;

        if (r->up)
            rc = buf_adds(&t, id, err);
        else
            rc = buf_addf(&t, err, "%s@%s", id, other != NULL ? other : "base");
        if (rc != 0)
            return -1;
        rc = sheet_route(r, r->up ? other : id, t.data, &s, err);
        if (rc == 0 && s.route.count > 0 && (best == 0 || s.route.count < best)) {
            best = s.route.count;
            buf_reset(from);
            buf_reset(target);
            if ((r->up ? (other != NULL ? buf_adds(from, other, err) : 0) : buf_adds(from, id, err)) !=
                    0 ||
                buf_adds(target, t.data, err) != 0)
                rc = -1;
        }
        sheet_free(&s);
        buf_free(&t);
        if (rc < 0)
            return -1;
    }
    return best > 0 ? 0 : 1;
}

/* Does alembic render at all here?  An empty range runs env.py and nothing else.  1: env.py says that
 * it has no offline mode, in *SAID. */
static int probe(const struct steps_request *r, const char *id, char **said, struct err *err)
{
    struct rendering out = {0};
    struct buf range = {0};
    int rc = -1;

    if (buf_addf(&range, err, "%s:%s", id, id) != 0)
        return -1;
    if (render_run(r->plan, r->project, 1, range.data, &out, err) != 0)
        goto out;
    if (out.status == 0) {
        rc = 0;
        goto out;
    }
    if (out.complaint != NULL && (strstr(out.complaint, "ffline") != NULL || strstr(out.complaint, "--sql") != NULL)) {
        *said = out.complaint;
        out.complaint = NULL;
        rc = 1;
        goto out;
    }
    (void)err_set(err, ERR_FAILED, "alembic cannot render here (exit code %d): %s", out.status,
                  out.complaint != NULL ? out.complaint : "it gave no reason");
    err_hint(err, "does env.py have an offline mode, and its settings? --alembic-command names another "
                  "way to run alembic");
out:
    rendering_free(&out);
    buf_free(&range);
    return rc;
}

/* The rendering of nothing holds what env.py prints: *LINES of it.  It is not shown, for it may be an
 * address with its password. */
static int env_prints(const struct steps_request *r, const char *id, size_t *lines, struct err *err)
{
    struct rendering out = {0};
    struct buf range = {0};
    const char *s;
    int rc = -1;

    *lines = 0;
    if (buf_addf(&range, err, "%s:%s", id, id) != 0 ||
        render_run(r->plan, r->project, 1, range.data, &out, err) != 0)
        goto out;
    for (s = out.status == 0 ? out.sql.data : NULL; s != NULL && *s != '\0';) {
        size_t n = strcspn(s, "\r\n"), len = n;

        while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
            len--;
        *lines += len > 0 && strncmp(s, "BEGIN;", len) != 0 && strncmp(s, "COMMIT;", len) != 0;
        s += n + (s[n] != '\0');
    }
    rc = 0;
out:
    rendering_free(&out);
    buf_free(&range);
    return rc;
}

static int disagree(const struct steps_request *r, const char *id, const char *why, struct err *err)
{
    size_t lines;

    if (env_prints(r, id, &lines, err) != 0)
        return -1;
    if (lines > 0) {
        (void)err_set(err, ERR_FAILED, "env.py prints to standard output (%zu line%s), where alembic --sql "
                      "writes its SQL", lines, lines == 1 ? "" : "s");
        err_hint(err, "let env.py print to standard error (print(..., file=sys.stderr), or logging); what it "
                      "imports may print too");
        return -1;
    }
    (void)err_set(err, ERR_FAILED, "the files and the SQL that alembic renders for %s disagree: %s", id, why);
    err_hint(err, "does env.py name another version table (--version-table)?");
    return -1;
}

static int render_one(const struct steps_request *r, size_t i, int *probed, struct plan_step *step,
                      struct err *err)
{
    const struct revision_function *f = function(r, i);
    struct buf from = {0}, target = {0}, why = {0};
    struct sheet s = {0};
    size_t at;
    int rc = best_call(r, r->nodes[i], &from, &target, err);

    if (rc < 0)
        goto out;
    if (rc > 0) {
        rc = set_online(r, i, step, "alembic --sql has no words for this step alone", err);
        goto out;
    }
    rc = sheet_route(r, from.len > 0 ? from.data : NULL, target.data, &s, err);
    if (rc == 0)
        rc = sheet_render(r, from.len > 0 ? from.data : NULL, target.data, &s, err);
    if (rc < 0)
        goto out;
    if (rc == 0) {
        for (at = 0; at < s.route.count && s.route.items[at] != r->nodes[i]; at++)
            ;
        rc = use_cut(r, i, &s.cuts[at], s.rows[at], step, err);
        goto out;
    }
    if (s.rendering.status == 0) {
        if (f->print_line > 0) {
            if (buf_addf(&why, err, "it prints to standard output (line %d), into its SQL",
                         f->print_line) != 0)
                goto failed;
            rc = set_online(r, i, step, why.data, err);
            goto out;
        }
        (void)disagree(r, step->revision, s.why.data, err);
        goto failed;
    }
    if (!*probed) {
        char *said = NULL;

        rc = probe(r, step->revision, &said, err);
        if (rc == 0)
            *probed = 1;
        if (rc > 0 && buf_addf(&why, err, "env.py has no offline mode: %s", said) != 0)
            rc = -1;
        free(said);
        if (rc < 0)
            goto failed;
        if (rc > 0) {
            rc = set_online(r, i, step, why.data, err);
            goto out;
        }
    }
    if (f->unnamed_line > 0) {
        step->irreversible = 1;
        free(step->irreversible_why);
        step->irreversible_why = NULL;
        if (buf_addf(&why, err, "drops a constraint without a name: %s line %d; alembic fails on it, "
                     "offline and online", step->file, f->unnamed_line) != 0 ||
            (step->irreversible_why = buf_take(&why, err)) == NULL)
            goto failed;
        rc = 0;
        goto out;
    }
    rc = set_online(r, i, step, s.rendering.complaint, err);
    goto out;
failed:
    rc = -1;
out:
    sheet_free(&s);
    buf_free(&from);
    buf_free(&target);
    buf_free(&why);
    return rc;
}

/* It will not render, or render into something else, whatever is rendered with it. */
static int is_hard(const struct revision_function *f)
{
    return f->body == BODY_RAISES || f->body == BODY_MISSING || f->unnamed_line > 0 || f->input_line > 0;
}

/* Perhaps. */
static int is_suspect(const struct revision_function *f)
{
    return is_hard(f) || f->bind != NULL || f->print_line > 0;
}

static int render_alone(const struct steps_request *r, size_t i, int *probed, struct plan_step *step,
                        struct err *err)
{
    const struct revision_function *f = function(r, i);

    if (is_rendered(step) || f->body == BODY_RAISES || f->body == BODY_MISSING)
        return 0;
    if (f->body == BODY_EMPTY)
        return assemble(r, i, NULL, no_rows, step, err);
    return render_one(r, i, probed, step, err);
}

/* Together if that works, else in halves. */
static int render_halves(const struct steps_request *r, struct plan *p, size_t lo, size_t hi,
                         int *probed, struct err *err)
{
    int rc;

    if (hi - lo < 2)
        return hi > lo ? render_alone(r, lo, probed, &p->steps[lo], err) : 0;
    rc = render_span(r, p, lo, hi, err);
    if (rc <= 0)
        return rc;
    return render_halves(r, p, lo, lo + (hi - lo) / 2, probed, err) != 0 ||
                   render_halves(r, p, lo + (hi - lo) / 2, hi, probed, err) != 0
               ? -1
               : 0;
}

/* One call for all where that can be; else the suspects alone, and what is between them together. */
static int render(const struct steps_request *r, struct plan *p, struct err *err)
{
    size_t from = 0, hard = 0, busy = 0;
    int probed = 0, rc = 1;

    for (size_t i = 0; i < r->count; i++) {
        hard += is_hard(function(r, i)) != 0;
        busy += function(r, i)->body != BODY_EMPTY;
    }
    if (hard == 0 && busy > 1)
        rc = render_span(r, p, 0, r->count, err);
    if (rc < 0)
        return -1;
    for (size_t i = 0; rc > 0 && i <= r->count; i++) {
        if (i < r->count && !is_suspect(function(r, i)))
            continue;
        if (render_halves(r, p, from, i, &probed, err) != 0 ||
            (i < r->count && render_alone(r, i, &probed, &p->steps[i], err) != 0))
            return -1;
        from = i + 1;
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct script *s = p->steps[i].script;

        for (size_t k = 0; s != NULL && k < s->count; k++) {
            if (s->statements[k].unknown == NULL)
                continue;
            if (set_warning(&p->steps[i], "its SQL holds a statement that PostgreSQL 15's parser does "
                            "not know", err) != 0)
                return -1;
            break;
        }
    }
    return 0;
}

int steps_make(const struct steps_request *r, struct plan *p, struct err *err)
{
    char *const *rows = r->rows;

    p->steps = calloc(r->count + 1, sizeof(*p->steps));
    if (p->steps == NULL)
        return err_oom(err);
    for (size_t i = 0; i < r->count; i++) {
        p->nsteps = i + 1;
        if (describe(r, i, rows, &p->steps[i], err) != 0)
            return -1;
        rows = p->steps[i].after;
    }
    p->to = rows_copy(rows, err);
    if (p->to == NULL)
        return -1;
    return r->plan->no_sql ? 0 : render(r, p, err);
}
