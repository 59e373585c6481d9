/* SQL from anybody: cut, parsed, its effects found; an answer or an error, never a crash. */
#include <stdint.h>
#include <stdlib.h>

#include "script/effect.h"
#include "script/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0}, second = {0};
    struct script *s = script_read((const char *)data, size, "x.sql", size % 2 ? SCRIPT_WHOLE : SCRIPT_AUTO, &err);
    struct effects *e;

    if (s == NULL) {
        if (err.kind == ERR_NONE)
            abort();
        return 0;
    }
    if ((e = effects_find(s, "alembic_version", &second)) == NULL && second.kind == ERR_NONE)
        abort();
    /* What was not understood must be told: "unknown", never nothing. */
    for (size_t i = 0; e != NULL && i < s->count; i++)
        if (s->statements[i].tree == NULL && s->statements[i].unknown == NULL)
            abort();
    effects_free(e);
    script_free(s);
    return 0;
}
