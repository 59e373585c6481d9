#include "migration/revision.h"

#include <stdlib.h>
#include <string.h>

#include "migration/body.h"
#include "migration/literal.h"
#include "migration/value.h"

enum field { REVISION, DOWN, LABELS, DEPENDS, FIELDS };

static const char *const field_names[FIELDS] = {"revision", "down_revision", "branch_labels",
                                                "depends_on"};

struct reader {
    const struct tokens *t;
    const struct token *k; /* the current token */
    const char *file;
    struct value values[FIELDS];
    struct revision *r;
    int imports_all; /* line of a `from x import *` behind an assignment */
    struct buf scratch;
    struct err *err;
};

static int is(const struct reader *r, const struct token *k, const char *word)
{
    return token_is(r->t, k, word);
}

static int field_of(const struct reader *r, const struct token *k)
{
    if (k->kind != TOKEN_NAME)
        return -1;
    for (int i = 0; i < FIELDS; i++) {
        if (is(r, k, field_names[i]))
            return i;
    }
    return -1;
}

static int assign(struct reader *r, int field, const struct token *k, const struct token *end,
                  int line)
{
    struct value *v = &r->values[field];

    value_clear(v);
    v->set = 1;
    v->line = line;
    return value_read(v, r->t, k, end, &r->scratch, r->err);
}

static void assign_computed(struct reader *r, int field, int line)
{
    struct value *v = &r->values[field];

    value_clear(v);
    v->set = 1;
    v->line = line;
    v->computed = 1;
}

/* Any name of ours between K and END gets a value that only Python knows. */
static void taint(struct reader *r, const struct token *k, const struct token *end)
{
    for (; k < end; k++) {
        int f = field_of(r, k);

        if (f >= 0 && !(k > r->t->items && is(r, k - 1, ".")))
            assign_computed(r, f, k->line);
        else if (is(r, k, "upgrade"))
            r->r->upgrade.body = BODY_OPAQUE;
        else if (is(r, k, "downgrade"))
            r->r->downgrade.body = BODY_OPAQUE;
    }
}

/* The targets of one assignment: K..END before an "=", VALUE..STOP behind the last one. */
static int read_target(struct reader *r, const struct token *k, const struct token *end,
                       const struct token *value, const struct token *stop)
{
    const struct token *name = k, *last = k;
    int f, simple;

    for (const struct token *m = k; m < end; m++) {
        if (is(r, m, ":"))
            break;
        last = m + 1;
    }
    while (last - name >= 2 && is(r, name, "(") && is(r, last - 1, ")")) {
        name++;
        last--;
    }
    simple = last - name == 1;
    f = simple ? field_of(r, name) : -1;
    if (f >= 0)
        return assign(r, f, value, stop, name->line);
    for (const struct token *m = name; m < last; m++) {
        /* x.revision = 1 and x[revision] = 1 bind nothing here */
        if (is(r, m, ".") || is(r, m, "["))
            return 0;
    }
    taint(r, name, last);
    return 0;
}

/* One simple statement at module level, K up to END. */
static int read_simple(struct reader *r, const struct token *k, const struct token *end)
{
    const struct token *last = NULL, *start = k;
    int depth = 0;

    if (k == end)
        return 0;
    if (is(r, k, "import") || is(r, k, "from")) {
        for (const struct token *m = k; m < end; m++) {
            /* what is bound: behind "import" without "as", or behind "as" */
            int bound = field_of(r, m) >= 0 || is(r, m, "upgrade") || is(r, m, "downgrade");

            if (is(r, m, "import") && m + 1 < end && is(r, m + 1, "*"))
                r->imports_all = m->line;
            if (bound && (m + 1 == end || is(r, m + 1, ",") || is(r, m + 1, ")")) &&
                !is(r, m - 1, "."))
                taint(r, m, m + 1);
        }
        return 0;
    }
    if (is(r, k, "del") || is(r, k, "global")) {
        taint(r, k + 1, end);
        return 0;
    }
    for (const struct token *m = k; m < end; m++) {
        if (token_opens(r->t, m))
            depth++;
        else if (token_closes(r->t, m))
            depth--;
        else if (depth == 0 && is(r, m, "lambda"))
            break; /* its defaults are no targets */
        else if (depth == 0 && is(r, m, "="))
            last = m;
        else if (is(r, m, ":=") && m > k)
            taint(r, m - 1, m);
        else if (depth == 0 && m->kind == TOKEN_OP && m->len >= 2 && m > k &&
                 r->t->text.data[m->start + m->len - 1] == '=' &&
                 strchr("=!<>:", r->t->text.data[m->start]) == NULL)
            taint(r, k, m); /* revision += ... */
    }
    if (last == NULL)
        return 0;
    depth = 0;
    for (const struct token *m = k; m <= last; m++) {
        if (token_opens(r->t, m))
            depth++;
        else if (token_closes(r->t, m))
            depth--;
        else if (depth == 0 && is(r, m, "=")) {
            if (read_target(r, start, m, last + 1, end) != 0)
                return -1;
            start = m + 1;
        }
    }
    return 0;
}

/* A statement's line in a block that is not a function's: what it binds, only Python knows. */
static void read_nested(struct reader *r, const struct token *k, const struct token *end)
{
    static const char *const headers[] = {"if", "elif", "else", "try", "except", "finally", "for",
                                          "while", "with"};

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (!is(r, k, headers[i]))
            continue;
        for (const struct token *m = k + 1; m < end; m++) {
            if (is(r, m, "as") || is(r, m, "for"))
                taint(r, m + 1, m + 2 < end ? m + 2 : end);
            if (is(r, m, ":="))
                taint(r, m - 1, m);
        }
        if (is(r, k, "for") && k + 1 < end)
            taint(r, k + 1, k + 2);
        /* a suite on the same line */
        for (const struct token *m = k + 1; m < end; m++) {
            if (is(r, m, "=") && m > k + 1 && (is(r, m - 2, ":") || is(r, m - 2, ";")))
                taint(r, m - 1, m);
        }
        return;
    }
    if (is(r, k, "def") || is(r, k, "class") || is(r, k, "async")) {
        for (const struct token *m = k; m < end && m < k + 3; m++)
            taint(r, m, m + 1);
        return;
    }
    if (is(r, k, "import") || is(r, k, "from")) {
        (void)read_simple(r, k, end);
        return;
    }
    for (const struct token *m = k; m < end; m++) {
        if (is(r, m, "=") && m > k) {
            const struct token *n = m - 1;

            /* a plain or annotated name at the start of the statement */
            if (field_of(r, k) >= 0)
                taint(r, k, k + 1);
            else if (field_of(r, n) >= 0 && (n == k || is(r, n - 1, ";") || is(r, n - 1, ",") ||
                                             is(r, n - 1, "=")))
                taint(r, n, m);
            if (is(r, k, "upgrade") || is(r, k, "downgrade"))
                taint(r, k, k + 1);
            break;
        }
    }
}

/* Behind the block whose header line starts at K. */
static const struct token *skip_block(const struct token *k)
{
    int indent = k->column;

    do
        k = token_line_end(k) + (token_line_end(k)->kind == TOKEN_NEWLINE);
    while (k->kind != TOKEN_END && k->column > indent);
    return k;
}

static int read_docstring(struct reader *r, const struct token *k)
{
    struct revision *rev = r->r;
    const char *s, *end, *date;

    buf_reset(&r->scratch);
    for (; k->kind == TOKEN_STRING; k++) {
        int rc = literal_read(r->t, k, &r->scratch, r->err);

        if (rc < 0)
            return -1;
        if (rc > 0)
            return 0;
    }
    s = r->scratch.data != NULL ? r->scratch.data : "";
    while (*s == ' ' || (*s >= '\t' && *s <= '\r'))
        s++;
    end = s + strcspn(s, "\n");
    while (end > s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    rev->message = strndup(s, (size_t)(end - s));
    if (rev->message == NULL)
        return err_oom(r->err);
    date = strstr(s, "Create Date:");
    if (date != NULL) {
        date += strlen("Create Date:");
        while (*date == ' ')
            date++;
        rev->create_date = strndup(date, strcspn(date, "\n"));
        if (rev->create_date == NULL)
            return err_oom(r->err);
    }
    return 0;
}

static int is_header(const struct reader *r, const struct token *k)
{
    static const char *const words[] = {"if", "elif", "else", "try", "except", "finally", "for",
                                        "while", "with", "match", "async"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is(r, k, words[i]))
            return !(is(r, k, "match") && k[1].kind == TOKEN_OP);
    }
    return 0;
}

static int read_module(struct reader *r)
{
    const struct token *k = r->t->items;

    if (k->kind == TOKEN_STRING && k->column == 0) {
        const struct token *m = k;

        while (m->kind == TOKEN_STRING)
            m++;
        if ((token_ends(m) || is(r, m, ";")) && read_docstring(r, k) != 0)
            return -1;
    }
    while (k->kind != TOKEN_END) {
        const struct token *end = token_line_end(k), *def = k;

        if (is(r, k, "async") && is(r, k + 1, "def"))
            def = k + 1;
        if (is(r, def, "def")) {
            if (is(r, def + 1, "upgrade"))
                k = body_read(r->t, &r->r->upgrade, k, def);
            else if (is(r, def + 1, "downgrade"))
                k = body_read(r->t, &r->r->downgrade, k, def);
            else {
                taint(r, def + 1, def + 2);
                k = skip_block(k);
            }
        } else if (is(r, k, "class")) {
            taint(r, k + 1, k + 2);
            k = skip_block(k);
        } else if (is_header(r, k)) {
            int indent = k->column;

            do {
                end = token_line_end(k);
                if (is(r, k, "def") || is(r, k, "class") ||
                    (is(r, k, "async") && is(r, k + 1, "def"))) {
                    read_nested(r, k, end);
                    k = skip_block(k);
                    continue;
                }
                read_nested(r, k, end);
                k = end + (end->kind == TOKEN_NEWLINE);
            } while (k->kind != TOKEN_END && k->column > indent);
        } else {
            while (k < end) {
                const struct token *stop = k;
                int depth = 0;

                for (; stop < end; stop++) {
                    if (token_opens(r->t, stop))
                        depth++;
                    else if (token_closes(r->t, stop))
                        depth--;
                    else if (depth == 0 && is(r, stop, ";"))
                        break;
                }
                if (is(r, k, "upgrade") || is(r, k, "downgrade")) {
                    if (k + 1 < stop && is(r, k + 1, "="))
                        taint(r, k, k + 1);
                } else if (read_simple(r, k, stop) != 0) {
                    return -1;
                }
                k = stop + (stop < end);
            }
            k = end + (end->kind == TOKEN_NEWLINE);
        }
    }
    return 0;
}

static int is_within(const struct revision_function *f, int line)
{
    return f->line > 0 && line >= f->line && line <= f->end_line;
}

static void find_tabs(struct reader *r)
{
    struct revision_function *up = &r->r->upgrade, *down = &r->r->downgrade;

    for (const struct token *k = r->t->items; k->kind != TOKEN_END; k++) {
        const char *s = r->t->text.data + k->start;
        int tab = 0;

        if (k->kind != TOKEN_STRING)
            continue;
        /* a docstring, or any string that is a statement of its own */
        if ((k->flags & TOKEN_FIRST) && token_ends(k + 1))
            continue;
        for (size_t i = 0; i < k->len && !tab; i++) {
            tab = s[i] == '\t' || (s[i] == '\\' && !(k->flags & TOKEN_RAW) && i + 1 < k->len &&
                                  s[i + 1] == 't');
            if (s[i] == '\\')
                i++;
        }
        if (tab && up->tab_line == 0 && !is_within(down, k->line))
            up->tab_line = k->line;
        if (tab && down->tab_line == 0 && !is_within(up, k->line))
            down->tab_line = k->line;
    }
}

static int needs_python(const struct reader *r, int line, const char *name)
{
    (void)err_set(r->err, ERR_FAILED, "%s line %d: %s is computed: reading it needs Python", r->file,
                  line, name);
    err_hint(r->err, "write %s as a plain string (or a tuple of them, or None) in that file", name);
    return -1;
}

/* Alembic's tuple_rev_as_scalar: an empty string or sequence is None, one element is the element. */
static int take_list(struct reader *r, int field, char ***out)
{
    struct value *v = &r->values[field];
    size_t n = v->count;

    if (v->computed)
        return needs_python(r, v->line, field_names[field]);
    if (v->has_null && (v->count > 0 || (v->sequence && field == LABELS)))
        return err_set(r->err, ERR_FAILED, "%s line %d: %s holds a None among ids", r->file, v->line,
                       field_names[field]);
    if (!v->sequence && n == 1 && v->items[0][0] == '\0' && field != LABELS)
        n = 0;
    *out = calloc(v->count + 1, sizeof(**out));
    if (*out == NULL)
        return err_oom(r->err);
    if (n > 0) {
        memcpy(*out, v->items, n * sizeof(**out));
        free(v->items);
        v->items = NULL;
        v->count = 0;
    }
    return 0;
}

/* Before Alembic 0.2 the id was the file's name: [a-f0-9]+.py */
static char *legacy_id(const char *file, struct err *err)
{
    const char *base = strrchr(file, '/');
    size_t n;
    char *id;

    base = base != NULL ? base + 1 : file;
    n = strspn(base, "abcdef0123456789");
    if (n == 0 || strcmp(base + n, ".py") != 0) {
        (void)err_set(err, ERR_FAILED, "%s has no revision: neither an assignment nor a name that is "
                      "one", file);
        err_hint(err, "a file that is no migration does not belong into the versions folder");
        return NULL;
    }
    id = strndup(base, n);
    if (id == NULL)
        (void)err_oom(err);
    return id;
}

static int finish(struct reader *r)
{
    struct value *v = &r->values[REVISION];
    struct revision *rev = r->r;

    if (r->imports_all > 0) {
        for (int i = 0; i < FIELDS; i++) {
            if (r->values[i].set && r->values[i].line < r->imports_all)
                return needs_python(r, r->imports_all, "what `import *` brings");
        }
    }
    if (!v->set) {
        rev->id = legacy_id(r->file, r->err);
        if (rev->id == NULL)
            return -1;
    } else {
        if (v->computed)
            return needs_python(r, v->line, "revision");
        if (v->sequence || v->count != 1 || v->items[0][0] == '\0')
            return err_set(r->err, ERR_FAILED, "%s line %d: revision is not a string", r->file,
                           v->line);
        rev->id = v->items[0];
        rev->id_line = v->line;
        v->count = 0;
    }
    if (strpbrk(rev->id, "@-+") != NULL)
        return err_set(r->err, ERR_FAILED, "%s line %d: revision '%s' holds a character that Alembic "
                       "does not allow in an id (@ - +)", r->file, rev->id_line, rev->id);
    if (!r->values[DOWN].set)
        return err_set(r->err, ERR_FAILED, "%s has no down_revision", r->file);
    if (take_list(r, DOWN, &rev->down) != 0 || take_list(r, LABELS, &rev->labels) != 0 ||
        take_list(r, DEPENDS, &rev->depends) != 0)
        return -1;
    for (size_t i = 0; rev->down[i] != NULL; i++) {
        if (strcmp(rev->down[i], rev->id) == 0)
            return err_set(r->err, ERR_FAILED, "%s line %d: revision %s is its own down_revision",
                           r->file, r->values[DOWN].line, rev->id);
    }
    for (size_t i = 0; rev->depends[i] != NULL; i++) {
        if (strcmp(rev->depends[i], rev->id) == 0)
            return err_set(r->err, ERR_FAILED, "%s line %d: revision %s depends on itself", r->file,
                           r->values[DEPENDS].line, rev->id);
    }
    if (rev->message == NULL && (rev->message = strdup("")) == NULL)
        return err_oom(r->err);
    return 0;
}

struct revision *revision_read(const char *text, size_t len, const char *file,
                               struct tokens *tokens, struct err *err)
{
    struct reader r = {0};
    int ok = 0;

    r.t = tokens;
    r.file = file;
    r.err = err;
    r.r = calloc(1, sizeof(*r.r));
    if (r.r == NULL || (r.r->file = strdup(file)) == NULL) {
        (void)err_oom(err);
        goto out;
    }
    if (tokens_read(tokens, text, len, file, err) != 0 || read_module(&r) != 0)
        goto out;
    find_tabs(&r);
    ok = finish(&r) == 0;
out:
    for (int i = 0; i < FIELDS; i++)
        value_clear(&r.values[i]);
    buf_free(&r.scratch);
    if (!ok) {
        revision_free(r.r);
        return NULL;
    }
    return r.r;
}

static void free_list(char **list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

void revision_free(struct revision *r)
{
    if (r == NULL)
        return;
    free(r->id);
    free(r->file);
    free(r->message);
    free(r->create_date);
    free_list(r->down);
    free_list(r->labels);
    free_list(r->depends);
    free(r);
}

int revision_irreversible(const struct revision *r, struct buf *why, struct err *err)
{
    const struct revision_function *f = &r->downgrade;
    int rc = 0;

    switch (f->body) {
    case BODY_MISSING:
        rc = buf_addf(why, err, "%s has no downgrade()", r->file);
        break;
    case BODY_EMPTY:
        if (r->upgrade.body == BODY_EMPTY || r->upgrade.body == BODY_MISSING)
            return 0;
        rc = buf_addf(why, err, "downgrade() is empty: %s line %d", r->file, f->line);
        break;
    case BODY_RAISES:
        rc = buf_addf(why, err, "downgrade() raises: %s line %d", r->file, f->raise_line);
        break;
    case BODY_CODE:
    case BODY_OPAQUE:
        return 0;
    }
    return rc != 0 ? -1 : 1;
}
