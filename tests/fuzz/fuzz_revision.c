/* fuzz_revision: a migration file, tokenized and read, and the history that it makes with itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/history.h"
#include "migration/revision.h"
#include "migration/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read must hold together: ids are strings, lines are within the file. */
static void check(const struct revision *r, size_t lines)
{
    const struct revision_function *f[] = {&r->upgrade, &r->downgrade};

    if (r->id == NULL || r->id[0] == '\0' || r->message == NULL || strchr(r->message, '\n') != NULL)
        abort();
    if (r->id_line < 0 || (size_t)r->id_line > lines)
        abort();
    for (int i = 0; i < 2; i++) {
        if (f[i]->line < 0 || (size_t)f[i]->end_line > lines || f[i]->end_line < f[i]->line ||
            (f[i]->bind == NULL) != (f[i]->bind_line == 0))
            abort();
        if (f[i]->body == BODY_RAISES && f[i]->raise_line == 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tokens tokens;
    static char *const rows[] = {NULL};
    char *text = malloc(size + 1);
    struct err err = {0};
    struct revision *r;
    size_t lines = 2;

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n' || text[i] == '\r';
    r = revision_read(text, size, "0123abcd.py", &tokens, &err);
    if (r == NULL) {
        if (err.kind != ERR_FAILED || err.message[0] == '\0')
            abort();
    } else {
        struct revision **list = malloc(sizeof(*list));
        struct symbol_nodes up = {0};
        struct buf why = {0};
        struct history *h;

        check(r, lines);
        if (revision_irreversible(r, &why, &err) < 0 || list == NULL)
            abort();
        buf_free(&why);
        list[0] = r;
        h = history_new(list, 1, &err);
        if (h == NULL)
            abort();
        if (history_check(h, &(struct err){0}) == 0 && route_up(h, rows, "head", &up, &err) != 0)
            abort();
        symbol_nodes_free(&up);
        history_free(h);
    }
    free(text);
    return 0;
}
