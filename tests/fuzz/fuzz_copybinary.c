/* NDJSON from anywhere becomes binary COPY data, is left to COPY text or is an error; what becomes binary
 * says the same again.  Binary from anywhere is an answer or an error. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pg/copybinary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = {
    "text", "numeric", "timestamp with time zone", "date", "bytea", "uuid", "bigint", "jsonb", "time without time zone",
    "integer", "timestamp without time zone", "boolean", "smallint", "oid", "double precision", "real",
};
enum { READABLE = 14, ALL = 16 };

static void start(struct copybinary *b, size_t first, size_t n, int reading)
{
    struct err err = {0};
    const char *chosen[4];

    for (size_t i = 0; i < n; i++)
        chosen[i] = types[(first + i) % (reading ? READABLE : ALL)];
    if (copybinary_start(b, chosen, n, reading, &err) != 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf packed = {0}, json = {0}, again = {0};
    struct err err = {0};
    struct copybinary b;
    uint64_t rows = 0, rows_json = 0, rows_again = 0;
    size_t first, n;
    int reading;

    if (size < 2)
        return 0;
    first = data[0] & 15;
    n = 1 + (data[0] >> 4 & 3);
    reading = data[0] >> 7 || first + n <= READABLE;
    data++;
    size--;
    start(&b, first, n, reading);
    if (copybinary_from_json(&b, &packed, (const char *)data, size, &rows, &err) == 0 && reading) {
        struct copybinary back, once_more;
        struct err none = {0};
        int rc = copybinary_finish(&b, &packed, &none);

        assert(rc == 0);
        start(&back, first, n, 1);
        rc = copybinary_to_json(&back, &json, packed.data, packed.len, &rows_json, &none);
        assert(rc == 0 && back.ended && rows_json == rows);
        start(&once_more, first, n, 1);
        rc = copybinary_from_json(&once_more, &again, json.data != NULL ? json.data : "", json.len, &rows_again, &none);
        assert(rc == 0 && rows_again == rows && again.len + 2 == packed.len);
        assert(memcmp(again.data, packed.data, again.len) == 0);
        copybinary_end(&back);
        copybinary_end(&once_more);
    }
    copybinary_end(&b);
    if (reading) {
        start(&b, first, n, 1);
        memset(&err, 0, sizeof(err));
        buf_reset(&json);
        b.begun = 1; /* no signature to guess */
        rows = 0;
        if (copybinary_to_json(&b, &json, (const char *)data, size, &rows, &err) != 0)
            assert(err.kind != ERR_NONE);
        copybinary_end(&b);
    }
    buf_free(&packed);
    buf_free(&json);
    buf_free(&again);
    return 0;
}
