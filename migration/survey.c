#include "migration/survey.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/history.h"
#include "migration/plan.h"
#include "migration/project.h"
#include "migration/revision.h"
#include "migration/route.h"
#include "migration/scan.h"
#include "migration/version.h"
#include "pg/conn.h"

#define MAX_DEPTH 40

struct sort {
    const char *code, *title;
    enum survey_severity severity;
};

/* Every code, once. */
static const struct sort sorts[] = {
    {"unreadable-file", "a file is not a revision", SURVEY_HIGH},
    {"needs-python", "an identifier is computed", SURVEY_HIGH},
    {"missing-parent", "a down_revision is not there", SURVEY_CRITICAL},
    {"missing-dependency", "a depends_on is not there", SURVEY_CRITICAL},
    {"duplicate-revision", "two files have one revision id", SURVEY_HIGH},
    {"duplicate-label", "two revisions have one branch label", SURVEY_CRITICAL},
    {"cycle", "revisions stand on each other", SURVEY_CRITICAL},
    {"dependency-cycle", "revisions depend on each other", SURVEY_CRITICAL},
    {"file-twice", "a file is found twice", SURVEY_LOW},
    {"empty-history", "there are no revisions", SURVEY_HIGH},
    {"multiple-heads", "several heads", SURVEY_MEDIUM},
    {"missing-folder", "a version location is not there", SURVEY_MEDIUM},
    {"unreachable-file", "a revision file that Alembic does not see", SURVEY_MEDIUM},
    {"no-upgrade", "upgrade() is missing or raises", SURVEY_HIGH},
    {"irreversible", "downgrade() is missing, empty, or raises", SURVEY_MEDIUM},
    {"unnamed-constraint", "a constraint without a name is dropped", SURVEY_HIGH},
    {"online-only", "the SQL depends on a live connection", SURVEY_LOW},
    {"asks-at-terminal", "a migration asks at the terminal", SURVEY_MEDIUM},
    {"prints", "a migration prints into its SQL", SURVEY_LOW},
    {"tab", "a tab inside a string", SURVEY_LOW},
    {"unknown-row", "the database is ahead of these files", SURVEY_CRITICAL},
    {"redundant-row", "a version row that another one covers", SURVEY_LOW},
};

struct surveyor {
    struct survey *s;
    struct err *err;
};

static const struct sort *sort_of(const char *code)
{
    for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
        if (strcmp(sorts[i].code, code) == 0)
            return &sorts[i];
    }
    return &sorts[0];
}

static int add(struct surveyor *v, const char *code, const struct revision *r, const char *file,
               int line, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));

static int add(struct surveyor *v, const char *code, const struct revision *r, const char *file,
               int line, const char *remedy, const char *fmt, ...)
{
    struct survey_item *more = realloc(v->s->items, (v->s->count + 1) * sizeof(*more)), *i;
    const struct sort *sort = sort_of(code);
    char text[1024];
    va_list ap;

    if (more == NULL)
        return err_oom(v->err);
    v->s->items = more;
    i = &more[v->s->count++];
    memset(i, 0, sizeof(*i));
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    i->code = sort->code;
    i->title = sort->title;
    i->severity = sort->severity;
    i->unread = strcmp(code, "needs-python") == 0 || strcmp(code, "unreadable-file") == 0;
    i->line = line;
    if (strings_dup(&i->revision, r != NULL ? r->id : NULL, v->err) != 0 ||
        strings_dup(&i->file, file != NULL ? file : r != NULL ? r->file : NULL, v->err) != 0 ||
        strings_dup(&i->message, text, v->err) != 0 ||
        strings_dup(&i->remedy, remedy, v->err) != 0)
        return -1;
    return 0;
}

/* "FILE line 12: text" of an error message: the line, and *TEXT behind it. */
static int line_of(const char *message, const char *file, const char **text)
{
    size_t n = file != NULL ? strlen(file) : 0;
    char *end;
    long line;

    *text = message;
    if (n == 0 || strncmp(message, file, n) != 0 || strncmp(message + n, " line ", 6) != 0)
        return 0;
    line = strtol(message + n + 6, &end, 10);
    if (strncmp(end, ": ", 2) == 0)
        *text = end + 2;
    return (int)line;
}

static int add_problems(struct surveyor *v, const struct history *h)
{
    for (size_t i = 0; i < h->nproblems; i++) {
        const struct history_problem *p = &h->problems[i];
        const char *text = p->message != NULL ? p->message : "out of memory";
        int line = p->line > 0 ? p->line : line_of(text, p->file, &text);

        if (add(v, p->code, NULL, p->file, line, p->hint, "%s", text) != 0)
            return -1;
    }
    return 0;
}

static int add_heads(struct surveyor *v, const struct history *h)
{
    struct buf b = {0};
    int rc = -1;

    for (size_t i = 0; i < h->nheads; i++) {
        const struct history_node *n = &h->nodes[h->heads[i]];

        if (strings_add(&v->s->heads, n->revision->id, v->err) != 0 ||
            buf_addf(&b, v->err, "%s%s", i > 0 ? ", " : "", n->revision->id) != 0)
            goto out;
    }
    for (size_t i = 0; i < h->nbases; i++) {
        if (strings_add(&v->s->bases, history_id(h, h->bases[i]), v->err) != 0)
            goto out;
    }
    rc = 0;
    if (h->nheads > 1)
        rc = add(v, "multiple-heads", NULL, h->nodes[h->heads[0]].revision->file, 0,
                 "alembic merge heads, or name the branch in every command",
                 "%zu heads: %s; `alembic upgrade head` refuses", h->nheads, b.data);
out:
    buf_free(&b);
    return rc;
}

static int look_at(struct surveyor *v, const struct revision *r)
{
    const struct revision_function *up = &r->upgrade, *down = &r->downgrade;
    struct buf why = {0};
    const char *text;
    int irreversible = revision_irreversible(r, &why, v->err), line, rc = -1;

    if (irreversible < 0)
        goto out;
    line = down->body == BODY_RAISES ? down->raise_line : down->line;
    text = down->body == BODY_RAISES  ? "downgrade() raises: there is no way back"
           : down->body == BODY_EMPTY ? "downgrade() does nothing: what upgrade() made stays behind"
                                      : "there is no downgrade()";
    if (irreversible &&
        add(v, "irreversible", r, NULL, line,
            "write the downgrade, or take a backup that --to-backup can go back to", "%s", text) != 0)
        goto out;
    if ((up->body == BODY_MISSING || up->body == BODY_RAISES) &&
        add(v, "no-upgrade", r, NULL, up->raise_line > 0 ? up->raise_line : up->line, NULL, "%s",
            up->body == BODY_MISSING ? "there is no upgrade()" : "upgrade() raises") != 0)
        goto out;
    if (down->unnamed_line > 0 &&
        add(v, "unnamed-constraint", r, NULL, down->unnamed_line,
            "give the constraint a name where upgrade() makes it, and name it here",
            "downgrade() drops a constraint without a name: Alembic fails on it") != 0)
        goto out;
    if (up->unnamed_line > 0 &&
        add(v, "unnamed-constraint", r, NULL, up->unnamed_line, "name the constraint",
            "upgrade() drops a constraint without a name: Alembic fails on it") != 0)
        goto out;
    if (down->bind != NULL &&
        add(v, "online-only", r, NULL, down->bind_line,
            "mig-rollback runs it through the alembic command, with weaker guarantees",
            "downgrade() uses a live connection (%s): its SQL may not be known before it runs",
            down->bind) != 0)
        goto out;
    if ((down->input_line > 0 || up->input_line > 0) &&
        add(v, "asks-at-terminal", r, NULL, down->input_line > 0 ? down->input_line : up->input_line,
            "take the answer from the environment", "%s() calls input(): in a pipeline there is nobody",
            down->input_line > 0 ? "downgrade" : "upgrade") != 0)
        goto out;
    if (down->print_line > 0 && down->body == BODY_CODE &&
        add(v, "prints", r, NULL, down->print_line, "use logging, which goes to standard error",
            "downgrade() prints to standard output, where `alembic --sql` writes its SQL") != 0)
        goto out;
    if ((down->tab_line > 0 || up->tab_line > 0) &&
        add(v, "tab", r, NULL, down->tab_line > 0 ? down->tab_line : up->tab_line, "write spaces, or chr(9) in SQL where the tab matters",
            "a tab inside a string: `alembic --sql` turns it into four spaces") != 0)
        goto out;
    rc = 0;
out:
    buf_free(&why);
    return rc;
}

/* Revision files below DIR that Alembic does not look at. */
static int find_unreachable(struct surveyor *v, const char *dir, int depth)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int rc = -1;

    if (d == NULL)
        return 0;
    while ((e = readdir(d)) != NULL) {
        size_t n = strlen(e->d_name);
        struct buf path = {0}, text = {0};
        struct err ignored = {0};
        struct stat st;
        int ok = 0;

        if (e->d_name[0] == '.' || strcmp(e->d_name, "__pycache__") == 0)
            continue;
        if (buf_addf(&path, v->err, "%s/%s", dir, e->d_name) != 0)
            goto out;
        if (lstat(path.data, &st) == 0 && S_ISDIR(st.st_mode) && depth < MAX_DEPTH)
            ok = find_unreachable(v, path.data, depth + 1);
        else if (depth > 0 && n > 3 && strcmp(e->d_name + n - 3, ".py") == 0 && S_ISREG(st.st_mode) &&
                 buf_read_file(&text, path.data, (size_t)1 << 20, &ignored) == 0 &&
                 text.data != NULL && strstr(text.data, "down_revision") != NULL)
            ok = add(v, "unreachable-file", NULL, path.data, 0,
                     "recursive_version_locations = true, or name its folder in version_locations",
                     "looks like a revision, but Alembic does not read this folder");
        buf_free(&path);
        buf_free(&text);
        if (ok != 0)
            goto out;
    }
    rc = 0;
out:
    (void)closedir(d);
    return rc;
}

static int add_rows(struct surveyor *v, const struct plan_request *r, const struct history *h,
                    struct conn *c)
{
    struct version_name name = {0};
    struct symbol_nodes nodes = {0};
    unsigned char *mark = NULL;
    int rc = -1;

    if (version_find(c, r->version_table, &name, v->err) != 0)
        return -1;
    v->s->rows = name.table != NULL ? version_rows(c, &name, v->err) : calloc(1, sizeof(char *));
    mark = calloc(h->count + 1, 1);
    if (v->s->rows == NULL || mark == NULL) {
        (void)err_oom(v->err);
        goto out;
    }
    for (char **row = v->s->rows; *row != NULL; row++) {
        struct err why = {0};

        if (symbol_revisions(h, *row, &nodes, &why) != 0 &&
            add(v, "unknown-row", NULL, NULL, 0,
                "run this from the checkout (or image) that knows the revision",
                "the database is at revision %s, which no file has", *row) != 0)
            goto out;
    }
    for (size_t i = 0; i < nodes.count; i++) {
        memset(mark, 0, h->count);
        if (history_reach(h, &nodes.items[i], 1, EDGE_PARENTS, mark, v->err) != 0)
            goto out;
        for (size_t k = 0; k < nodes.count; k++) {
            if (k != i && mark[nodes.items[k]] &&
                add(v, "redundant-row", h->nodes[nodes.items[k]].revision, NULL, 0,
                    "Alembic accepts it going down, and refuses to upgrade",
                    "the version table has %s and %s, which stands on it",
                    history_id(h, nodes.items[k]), history_id(h, nodes.items[i])) != 0)
                goto out;
        }
    }
    memset(mark, 0, h->count);
    if (history_reach(h, nodes.items, nodes.count, EDGE_PARENTS, mark, v->err) != 0)
        goto out;
    for (size_t i = 0; i < h->count; i++)
        v->s->pending += !mark[i] && !h->nodes[i].shadowed;
    rc = 0;
out:
    version_name_free(&name);
    symbol_nodes_free(&nodes);
    free(mark);
    return rc;
}

static int by_severity(const void *a, const void *b)
{
    const struct survey_item *x = a, *y = b;
    int c = (int)y->severity - (int)x->severity;

    if (c == 0)
        c = strcmp(x->file != NULL ? x->file : "", y->file != NULL ? y->file : "");
    return c != 0 ? c : x->line - y->line;
}

struct survey *survey_make(const struct plan_request *r, struct conn *c, struct err *err)
{
    struct surveyor v = {calloc(1, sizeof(struct survey)), err};
    struct project *p = NULL;
    struct history *h = NULL;
    int ok = 0;

    if (v.s == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    p = project_read(r, err);
    if (p == NULL)
        goto out;
    h = scan_load(p->versions, p->recursive, p->missing_ok, err);
    if (h == NULL)
        goto out;
    v.s->revisions = h->count;
    if (add_problems(&v, h) != 0 || add_heads(&v, h) != 0)
        goto out;
    if (h->count == 0 && h->nproblems == 0 &&
        add(&v, "empty-history", NULL, p->versions[0], 0, NULL, "there are no revision files") != 0)
        goto out;
    for (size_t i = 0; i < h->count; i++) {
        if (look_at(&v, h->nodes[i].revision) != 0)
            goto out;
    }
    for (char **dir = p->versions; *dir != NULL; dir++) {
        struct stat st;

        if (stat(*dir, &st) != 0) {
            if (add(&v, "missing-folder", NULL, *dir, 0, NULL,
                    "named in version_locations, but not there; Alembic skips it") != 0)
                goto out;
        } else if (!p->recursive && p->versions[1] == NULL && find_unreachable(&v, *dir, 0) != 0) {
            goto out;
        }
    }
    if (c != NULL && h->count > 0 && history_check(h, &(struct err){0}) == 0 &&
        add_rows(&v, r, h, c) != 0)
        goto out;
    if (v.s->count > 1)
        qsort(v.s->items, v.s->count, sizeof(*v.s->items), by_severity);
    ok = 1;
out:
    project_free(p);
    history_free(h);
    if (!ok) {
        survey_free(v.s);
        return NULL;
    }
    return v.s;
}

static void item_free(struct survey_item *i)
{
    free(i->revision);
    free(i->file);
    free(i->message);
    free(i->remedy);
}

/* "..., m/versions/x.py line 12: ...": the line. */
static int line_in(const char *why, const char *file)
{
    const char *s = strstr(why, file);

    return s != NULL && strncmp(s + strlen(file), " line ", 6) == 0 ? atoi(s + strlen(file) + 6) : 0;
}

int survey_render(struct survey *s, const struct plan_request *r, struct err *err)
{
    struct surveyor v = {s, err};
    struct plan_request q = *r;
    struct buf heads = {0};
    struct plan *p = NULL;
    size_t kept = 0;
    int rc = -1;

    for (char **h = s->heads; h != NULL && *h != NULL; h++) {
        if (buf_addf(&heads, err, "%s%s", heads.len > 0 ? "," : "", *h) != 0)
            goto out;
    }
    q.direction = PLAN_DOWN;
    q.revision = "base";
    q.current = heads.data != NULL ? heads.data : "";
    q.current_from = NULL;
    q.no_sql = 0;
    if ((p = plan_make(&q, NULL, err)) == NULL)
        goto out;
    /* The source had a suspicion; now it is known. */
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->items[i].code, "online-only") == 0)
            item_free(&s->items[i]);
        else
            s->items[kept++] = s->items[i];
    }
    s->count = kept;
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *step = &p->steps[i];
        struct revision as = {.id = step->revision, .file = step->file};

        if (step->online_only &&
            add(&v, "online-only", &as, NULL, line_in(step->online_why, step->file),
                "mig-rollback runs it through the alembic command, with weaker guarantees",
                "alembic cannot render downgrade(): %s", step->online_why) != 0)
            goto out;
    }
    if (s->count > 1)
        qsort(s->items, s->count, sizeof(*s->items), by_severity);
    s->rendered = 1;
    rc = 0;
out:
    plan_free(p);
    buf_free(&heads);
    return rc;
}

void survey_free(struct survey *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        item_free(&s->items[i]);
    free(s->items);
    strings_free(s->heads);
    strings_free(s->bases);
    rows_free(s->rows);
    free(s);
}
