/* fuzz_journal: the lines of a run's journal.  What passes for evidence was written whole by a writer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal_record r = {.entries = json_array()};
    struct err err = {0};
    size_t i, lines = 0;
    const json_t *entry;

    if (r.entries == NULL)
        return 0;
    if (journal_record_parse(&r, (const char *)data, size, &err) != 0)
        abort();
    for (size_t at = 0; at < size; at++)
        lines += data[at] == '\n';
    if (json_array_size(r.entries) > lines || (size > 0 && data[size - 1] != '\n' && !r.cut))
        abort();
    json_array_foreach(r.entries, i, entry) {
        const char *step = json_string_value(json_object_get(entry, "step"));

        if (step == NULL || strcmp(step, "cut") == 0 || journal_last(&r, step) == NULL)
            abort();
    }
    json_decref(r.entries);
    return 0;
}
