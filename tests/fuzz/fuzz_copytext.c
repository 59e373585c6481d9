/* NDJSON from anywhere becomes COPY text or an error; what becomes text comes back as the same rows. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "pg/copytext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = {0}, json = {0}, again = {0};
    uint64_t rows = 0, rows_json = 0, rows_again = 0;
    struct err err = {0};
    struct copytext_shape shape = {0};

    if (size < 1)
        return 0;
    shape.columns = data[0] % 5u;
    data++;
    size--;
    if (copytext_from_json(&text, &shape, (const char *)data, size, &rows, &err) == 0) {
        struct err none = {0};

        /* Our own text reads back: once through JSON it is the same text, as many rows. */
        int rc = copytext_to_json(&json, &shape, text.data != NULL ? text.data : "", text.len, &rows_json, &none);
        assert(rc == 0 && rows_json == rows);
        rc = copytext_from_json(&again, &shape, json.data != NULL ? json.data : "", json.len, &rows_again, &none);
        assert(rc == 0 && rows_again == rows && again.len == text.len);
        assert(text.len == 0 || memcmp(again.data, text.data, text.len) == 0);
    }
    buf_free(&text);
    buf_free(&json);
    buf_free(&again);
    memset(&err, 0, sizeof(err));
    rows = 0;
    /* What a server would send, or would not: an answer or an error, never a crash. */
    if (copytext_to_json(&json, &shape, (const char *)data, size, &rows, &err) != 0)
        assert(err.kind != ERR_NONE);
    buf_free(&json);
    return 0;
}
