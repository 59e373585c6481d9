#include "migration/value.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/literal.h"
#include "migration/token.h"

struct reading {
    const struct tokens *t;
    struct buf *scratch;
    struct err *err;
};

static int is(const struct reading *r, const struct token *k, const char *word)
{
    return token_is(r->t, k, word);
}

/* Adjacent literals, concatenated.  *K moves behind them. */
static int read_string(struct reading *r, struct value *v, const struct token **k,
                       const struct token *end)
{
    char **more;

    buf_reset(r->scratch);
    for (; *k < end && (*k)->kind == TOKEN_STRING; (*k)++) {
        int rc = literal_read(r->t, *k, r->scratch, r->err);

        if (rc < 0)
            return -1;
        v->computed |= rc;
    }
    more = realloc(v->items, (v->count + 1) * sizeof(*more));
    if (more == NULL)
        return err_oom(r->err);
    v->items = more;
    more[v->count] = strndup(r->scratch->data != NULL ? r->scratch->data : "", r->scratch->len);
    if (more[v->count] == NULL)
        return err_oom(r->err);
    v->count++;
    return 0;
}

/* One None or string, perhaps in parentheses. */
static int read_item(struct reading *r, struct value *v, const struct token **k,
                     const struct token *end, int depth)
{
    if (*k < end && (*k)->kind == TOKEN_STRING)
        return read_string(r, v, k, end);
    if (*k < end && is(r, *k, "None")) {
        v->has_null = 1;
        (*k)++;
        return 0;
    }
    if (*k < end && is(r, *k, "(") && depth < 20) {
        (*k)++;
        if (read_item(r, v, k, end, depth + 1) != 0)
            return -1;
        if (*k < end && is(r, *k, ")")) {
            (*k)++;
            return 0;
        }
    }
    v->computed = 1;
    return 0;
}

int value_read(struct value *v, const struct tokens *t, const struct token *k, const struct token *end,
               struct buf *scratch, struct err *err)
{
    struct reading reading = {.t = t, .scratch = scratch, .err = err}, *r = &reading;
    const char *close = NULL;
    int commas = 0, items = 0;

    /* A pair of parentheses around all of it, with a comma in it, makes a tuple; without, nothing. */
    while (end - k >= 2 && (is(r, k, "(") || is(r, k, "["))) {
        const struct token *m = k;
        int depth = 0, comma = 0, list = is(r, k, "[");

        for (; m < end; m++) {
            if (token_opens(r->t, m))
                depth++;
            else if (token_closes(r->t, m) && --depth == 0)
                break;
            else if (depth == 1 && is(r, m, ","))
                comma = 1;
        }
        if (m + 1 != end)
            break;
        k++;
        end--;
        if (list || comma || k == end) {
            close = list ? "]" : ")";
            break;
        }
    }
    if (close != NULL)
        v->sequence = 1;
    while (k < end && !v->computed) {
        if (read_item(r, v, &k, end, 0) != 0)
            return -1;
        items++;
        if (k < end && !v->computed) {
            if (!is(r, k, ","))
                v->computed = 1;
            k++;
            commas++;
        }
    }
    if (close == NULL) {
        if (commas > 0)
            v->sequence = 1; /* revision = "a", "b" */
        if (items == 0)
            v->computed = 1;
    }
    return 0;
}

void value_clear(struct value *v)
{
    for (size_t i = 0; i < v->count; i++)
        free(v->items[i]);
    free(v->items);
    memset(v, 0, sizeof(*v));
}
