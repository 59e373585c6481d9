#include "script/statement.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "script/lexer.h"
#include "script/parse.h"
#include "script/tag.h"

struct reader {
    struct script *script;
    struct parse_item *items; /* one per statement */
    size_t cap, ccap;
    /* The line counter moves forward only. */
    size_t seen, line_start;
    int line;
};

static void forward(struct reader *r, size_t offset)
{
    const char *text = r->script->text, *p;

    while (r->seen < offset && (p = memchr(text + r->seen, '\n', offset - r->seen)) != NULL) {
        r->seen = (size_t)(p - text) + 1;
        r->line_start = r->seen;
        r->line++;
    }
    r->seen = offset;
}

/* Characters, as an editor counts columns; a continuation byte of UTF-8 is none. */
static int characters(const char *text, size_t from, size_t to)
{
    int n = 0;

    for (; from < to; from++)
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): callers stay within the text */
        if (((unsigned char)text[from] & 0xc0) != 0x80)
            n++;
    return n;
}

void script_position(const struct script *s, size_t offset, int *line, int *column)
{
    struct script borrowed = {.text = s->text};
    struct reader r = {.script = &borrowed, .line = 1};

    forward(&r, offset > s->len ? s->len : offset);
    *line = r.line;
    *column = characters(s->text, r.line_start, r.seen) + 1;
}

static int fail_at(const struct script *s, size_t offset, struct err *err, const char *why)
{
    int line, column;

    script_position(s, offset, &line, &column);
    return err_set(err, ERR_FAILED, "%s:%d:%d: %s", s->file, line, column, why);
}

/* Statement [start, end) of the text is done. */
static int add_statement(struct reader *r, size_t start, size_t end, struct err *err)
{
    struct script *s = r->script;
    struct statement *st;

    if (s->count == r->cap) {
        size_t want = r->cap == 0 ? 64 : r->cap * 2;
        struct statement *grown = realloc(s->statements, want * sizeof(*grown));

        if (grown == NULL)
            return err_oom(err);
        s->statements = grown;
        r->cap = want;
    }
    st = &s->statements[s->count];
    memset(st, 0, sizeof(*st));
    if ((st->text = malloc(end - start + 1)) == NULL)
        return err_oom(err);
    memcpy(st->text, s->text + start, end - start);
    st->text[end - start] = '\0';
    forward(r, start);
    st->index = (int)s->count + 1;
    st->file = s->file;
    st->line = r->line;
    st->column = characters(s->text, r->line_start, start) + 1;
    st->offset = start;
    st->len = end - start;
    s->count++;
    return 0;
}

static int add_comment(struct reader *r, size_t start, size_t end, int open, struct err *err)
{
    struct script *s = r->script;
    struct script_comment *c;

    if (s->ncomments == r->ccap) {
        size_t want = r->ccap == 0 ? 64 : r->ccap * 2;
        struct script_comment *grown = realloc(s->comments, want * sizeof(*grown));

        if (grown == NULL)
            return err_oom(err);
        s->comments = grown;
        r->ccap = want;
    }
    c = &s->comments[s->ncomments++];
    c->offset = start;
    c->len = end - start;
    c->line = 0;
    c->after = (int)s->count + open;
    return 0;
}

static int word_is(const char *text, const struct lexer_token *t, const char *word)
{
    size_t len = strlen(word);

    return t->keyword != 0 && t->end - t->start == len &&
           strncasecmp(text + t->start, word, len) == 0;
}

/* Cut TEXT[base, end), which holds no COPY data, at the semicolons outside of parentheses and of
 * BEGIN ATOMIC bodies, by the lexer's tokens.  The bytes at END are those of a longer text. */
static int cut(struct reader *r, size_t base, size_t end, struct err *err)
{
    struct script *s = r->script;
    struct lexer tokens = {NULL, 0, 0};
    char *text = s->text + base;
    char saved = s->text[end];
    size_t i, start = 0, last = 0;
    int open = 0, depth = 0, atomic = 0, scanned = 0, rc = -1;

    s->text[end] = '\0';
    if ((scanned = lexer_read(text, &tokens, err)) < 0)
        goto out;
    for (i = 0; i < tokens.count; i++) {
        const struct lexer_token *t = &tokens.items[i];
        const char *p = text + t->start;
        size_t len = t->end - t->start;

        if (len > 1 && ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'))) {
            if (add_comment(r, base + t->start, base + t->end, open, err) < 0)
                goto out;
            continue;
        }
        if (len == 1 && *p == '\\' && !open) {
            char name[40] = "\\";

            for (size_t k = 1; k < sizeof(name) - 1 && p[k] != '\0' && strchr(" \t\r\n;", p[k]) == NULL; k++)
                name[k] = p[k];
            (void)fail_at(s, base + t->start, err, "psql's command is not SQL");
            (void)snprintf(err->message + strlen(err->message), sizeof(err->message) - strlen(err->message),
                           ": %s", name);
            err_hint(err, "only psql runs it: take the line out of what mig is given");
            goto out;
        }
        if (len == 1 && *p == ';' && depth == 0 && atomic == 0) {
            if (open && add_statement(r, base + start, base + last, err) < 0)
                goto out;
            open = 0;
            continue;
        }
        if (!open) {
            open = 1;
            start = t->start;
            depth = 0;
            atomic = 0;
        }
        last = t->end;
        if (len == 1 && *p == '(')
            depth++;
        else if (len == 1 && *p == ')')
            depth -= depth > 0;
        else if (t->keyword == 0)
            continue;
        else if (atomic > 0 && word_is(text, t, "case"))
            atomic++;
        else if (atomic > 0 && word_is(text, t, "end"))
            atomic--;
        else if (atomic == 0 && word_is(text, t, "atomic") && i > 0 &&
                 word_is(text, &tokens.items[i - 1], "begin"))
            atomic = 1;
    }
    if (open && add_statement(r, base + start, base + last, err) < 0)
        goto out;
    rc = 0;
out:
    s->text[end] = saved;
    if (rc < 0 && scanned < 0) {
        char why[256];
        /* The scanner quotes what it stopped at, which may be a value. */
        const char *near = strstr(err->message, " at or near ");
        size_t n = near != NULL ? (size_t)(near - err->message) : strlen(err->message);

        if (n >= sizeof(why))
            n = sizeof(why) - 1;
        memcpy(why, err->message, n);
        why[n] = '\0';
        err_clear(err);
        (void)fail_at(s, base + tokens.at, err, why);
    }
    lexer_free(&tokens);
    return rc;
}

/* ---- COPY ... FROM STDIN: the data stands between the statement and a line "\." ---- */

/* The next line that is "\.", from AT on; *NEXT is behind it.  Or LEN. */
static size_t find_terminator(const char *text, size_t len, size_t at, size_t *next)
{
    while (at < len) {
        const char *p = memchr(text + at, '\n', len - at);
        size_t end = p == NULL ? len : (size_t)(p - text);
        size_t cr = end > at && text[end - 1] == '\r';

        if (end - at - cr == 2 && text[at] == '\\' && text[at + 1] == '.') {
            *next = p == NULL ? len : end + 1;
            return at;
        }
        at = p == NULL ? len : end + 1;
    }
    *next = len;
    return len;
}

static int is_copy_in(const json_t *tree)
{
    const json_t *copy = json_object_get(tree, "CopyStmt");

    return copy != NULL && json_is_true(json_object_get(copy, "is_from")) &&
           json_object_get(copy, "filename") == NULL &&
           !json_is_true(json_object_get(copy, "is_program"));
}

static int reads_stdin(const char *text, struct err *err)
{
    struct parse_item item = {.text = text, .len = strlen(text)};
    int yes = 0;

    if (parse_all(&item, 1, err) < 0)
        yes = -1;
    else
        yes = is_copy_in(item.tree);
    json_decref(item.tree);
    free(item.problem);
    return yes;
}

/* Forget what was cut since COUNT and NCOMMENTS: the guess was wrong. */
static void take_back(struct reader *r, size_t count, size_t ncomments, const struct reader *saved)
{
    while (r->script->count > count)
        free(r->script->statements[--r->script->count].text);
    r->script->ncomments = ncomments;
    r->seen = saved->seen;
    r->line_start = saved->line_start;
    r->line = saved->line;
}

/* Cut [base, terminator) as SQL that ends in COPY FROM STDIN, then its data.  1: so it was. */
static int cut_copy(struct reader *r, size_t base, size_t terminator, struct err *err)
{
    struct script *s = r->script;
    size_t at, count = s->count, ncomments = s->ncomments;
    struct reader saved = *r;

    for (at = base; at + 5 <= terminator; at++) {
        struct err wrong = {0};
        struct statement *last;
        size_t p;
        int yes;

        if (strncasecmp(s->text + at, "stdin", 5) != 0)
            continue;
        for (p = at; p < terminator && s->text[p] != ';'; p++)
            ;
        if (p == terminator)
            break;
        for (p++; p < terminator && s->text[p] != '\n'; p++)
            if (strchr(" \t\r", s->text[p]) == NULL)
                break;
        if (p >= terminator || s->text[p] != '\n')
            continue;
        p++;
        if (cut(r, base, p, &wrong) < 0 || s->count == count) {
            take_back(r, count, ncomments, &saved);
            continue;
        }
        last = &s->statements[s->count - 1];
        if ((yes = reads_stdin(last->text, err)) < 0)
            return -1;
        if (yes) {
            last->copy_data = s->text + p;
            last->copy_len = terminator - p;
            return 1;
        }
        take_back(r, count, ncomments, &saved);
    }
    return 0;
}

static int cut_all(struct reader *r, struct err *err)
{
    struct script *s = r->script;
    size_t base = 0, look = 0, next, terminator;
    int yes;

    while ((terminator = find_terminator(s->text, s->len, look, &next)) < s->len) {
        if ((yes = cut_copy(r, base, terminator, err)) < 0)
            return -1;
        if (yes)
            base = next;
        look = next;
    }
    return cut(r, base, s->len, err);
}

/* ---- transactions ---- */

enum boundary { NOT_A_BOUNDARY, BOUNDARY_BEGIN, BOUNDARY_END };

static enum boundary boundary(const struct statement *st)
{
    const char *kind = json_string_value(
        json_object_get(json_object_get(st->tree, "TransactionStmt"), "kind"));

    if (kind == NULL)
        return NOT_A_BOUNDARY;
    if (strcmp(kind, "TRANS_STMT_BEGIN") == 0 || strcmp(kind, "TRANS_STMT_START") == 0)
        return BOUNDARY_BEGIN;
    if (strcmp(kind, "TRANS_STMT_COMMIT") == 0 || strcmp(kind, "TRANS_STMT_ROLLBACK") == 0 ||
        strcmp(kind, "TRANS_STMT_PREPARE") == 0)
        return BOUNDARY_END;
    return NOT_A_BOUNDARY;
}

/* WHOLE: whoever runs it opens the transaction, unless the script does so itself.  BATCH: what no
 * BEGIN opens, the server does, for as long as the message lasts; a single statement stands alone. */
void script_transactions(struct script *s, enum script_mode mode)
{
    int segment = 0, open = 0, used = 0, says = 0, begun = 0;
    int always = mode == SCRIPT_BATCH && s->count > 1;
    size_t i;

    for (i = 0; i < s->count && !says; i++)
        says = boundary(&s->statements[i]) != NOT_A_BOUNDARY;
    if (mode == SCRIPT_WHOLE)
        open = !says || boundary(&s->statements[0]) != BOUNDARY_BEGIN;
    open |= always;
    s->balanced = 1;
    for (i = 0; i < s->count; i++) {
        struct statement *st = &s->statements[i];

        switch (boundary(st)) {
        case BOUNDARY_BEGIN:
            if (!open && used)
                segment++;
            /* Of BEGIN inside a transaction the server says "there is already one": no cut. */
            open = 1;
            begun = 1;
            st->segment = segment;
            st->in_transaction = 1;
            used = 1;
            break;
        case BOUNDARY_END:
            if (!open)
                s->balanced = 0;
            st->segment = segment;
            st->in_transaction = open;
            begun = json_is_true(json_object_get(json_object_get(st->tree, "TransactionStmt"),
                                                 "chain"));
            open = begun || always;
            segment++;
            used = 0;
            break;
        case NOT_A_BOUNDARY:
            if (!open && used)
                segment++;
            st->segment = segment;
            st->in_transaction = open;
            used = 1;
            break;
        }
    }
    if (always ? begun : open && says)
        s->balanced = 0;
    s->segments = s->count == 0 ? 1 : s->statements[s->count - 1].segment + 1;
}

struct script *script_read(const char *text, size_t len, const char *file, enum script_mode mode,
                           struct err *err)
{
    struct reader r = {.line = 1};
    struct script *s = calloc(1, sizeof(*s));
    struct reader lines = {.line = 1};
    const char *nul;
    size_t i;
    int rc = -1;

    if (s == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    r.script = s;
    if ((s->file = strdup(file)) == NULL || (s->text = malloc(len + 1)) == NULL) {
        (void)err_oom(err);
        goto out;
    }
    if (len > 0)
        memcpy(s->text, text, len);
    s->text[len] = '\0';
    s->len = len;
    if (len > UINT32_MAX / 2) {
        (void)err_set(err, ERR_FAILED, "%s: larger than 2 GiB", file);
        goto out;
    }
    if ((nul = memchr(s->text, '\0', len)) != NULL) {
        (void)fail_at(s, (size_t)(nul - s->text), err, "a NUL byte: this is not SQL");
        goto out;
    }
    /* A byte order mark is white space here; the offsets stay those of the file. */
    if (len >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0)
        memset(s->text, ' ', 3);
    if (cut_all(&r, err) < 0)
        goto out;

    if (s->count > 0) {
        if ((r.items = calloc(s->count, sizeof(*r.items))) == NULL) {
            (void)err_oom(err);
            goto out;
        }
        for (i = 0; i < s->count; i++) {
            r.items[i].text = s->statements[i].text;
            r.items[i].len = s->statements[i].len;
        }
        if (parse_all(r.items, s->count, err) < 0)
            goto out;
    }
    for (i = 0; i < s->count; i++) {
        struct statement *st = &s->statements[i];
        const char *tag;

        st->tree = r.items[i].tree;
        st->unknown = r.items[i].problem;
        st->unknown_at = r.items[i].at;
        r.items[i].tree = NULL;
        r.items[i].problem = NULL;
        st->alone = tag_alone(st->tree);
        tag = tag_of(st->tree);
        if (tag != NULL && (st->tag = strdup(tag)) == NULL) {
            (void)err_oom(err);
            goto out;
        }
        if (is_copy_in(st->tree) && st->copy_data == NULL) {
            (void)fail_at(s, st->offset, err, "the data of COPY FROM STDIN do not end in \\.");
            goto out;
        }
    }
    lines.script = s;
    for (i = 0; i < s->ncomments; i++) {
        forward(&lines, s->comments[i].offset);
        s->comments[i].line = lines.line;
    }
    script_transactions(s, mode);
    rc = 0;
out:
    for (i = 0; r.items != NULL && i < s->count; i++) {
        json_decref(r.items[i].tree);
        free(r.items[i].problem);
    }
    free(r.items);
    if (rc < 0) {
        script_free(s);
        return NULL;
    }
    return s;
}

void script_free(struct script *s)
{
    size_t i;

    if (s == NULL)
        return;
    for (i = 0; i < s->count; i++) {
        free(s->statements[i].text);
        free(s->statements[i].unknown);
        free(s->statements[i].tag);
        json_decref(s->statements[i].tree);
    }
    free(s->statements);
    free(s->comments);
    free(s->file);
    free(s->text);
    free(s);
}
