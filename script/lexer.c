#include "script/lexer.h"

#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

#include "script/wire.h"

int lexer_read(const char *text, struct lexer *tokens, struct err *err)
{
    PgQueryScanResult scanned = pg_query_scan(text);
    struct wire w, inner;
    struct wire_field f, g;
    size_t cap = 0;
    int rc = -1, more;

    memset(tokens, 0, sizeof(*tokens));
    if (scanned.error != NULL) {
        if (scanned.error->cursorpos > 0)
            tokens->at = (size_t)scanned.error->cursorpos - 1;
        (void)err_set(err, ERR_FAILED, "%s", scanned.error->message);
        goto out;
    }
    w.p = (const unsigned char *)scanned.pbuf.data;
    w.end = w.p + scanned.pbuf.len;
    while ((more = wire_next(&w, &f)) > 0) {
        struct lexer_token t = {0, 0, 0};

        if (f.number != 2 || f.type != 2)
            continue;
        inner.p = f.value;
        inner.end = f.value + f.len;
        while ((more = wire_next(&inner, &g)) > 0) {
            if (g.number == 1)
                t.start = (uint32_t)g.varint;
            else if (g.number == 2)
                t.end = (uint32_t)g.varint;
            else if (g.number == 5)
                t.keyword = (int)g.varint;
        }
        if (more < 0)
            break;
        if (tokens->count == cap) {
            size_t want = cap == 0 ? 1024 : cap * 2;
            struct lexer_token *grown = realloc(tokens->items, want * sizeof(*grown));

            if (grown == NULL) {
                (void)err_oom(err);
                goto out;
            }
            tokens->items = grown;
            cap = want;
        }
        tokens->items[tokens->count++] = t;
    }
    if (more < 0) {
        (void)err_set(err, ERR_FAILED, "the SQL scanner's answer cannot be read");
        goto out;
    }
    rc = 0;
out:
    pg_query_free_scan_result(scanned);
    if (rc < 0) {
        size_t at = tokens->at;

        lexer_free(tokens);
        tokens->at = at;
    }
    return rc;
}

void lexer_free(struct lexer *tokens)
{
    free(tokens->items);
    memset(tokens, 0, sizeof(*tokens));
}
