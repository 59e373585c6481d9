/* The fixed parts of a backup file, decoded from anything: what is accepted encodes to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "backup/format.h"
#include "backup/label.h"
#include "backup/slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const uint8_t *data, const unsigned char *again, size_t n)
{
    assert(memcmp(data, again, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned char again[FORMAT_SLOTS_MAX];
    struct err err = {0};

    if (size < 1)
        return 0;
    uint8_t which = data[0];
    data++;
    size--;
    switch (which % 6) {
    case 0: {
        struct format_head h;

        if (size >= FORMAT_HEAD && format_head_decode(data, &h, &err) == 0) {
            format_head_encode(&h, again);
            same(data, again, FORMAT_HEAD);
            assert(format_frames_offset(&h) > format_slots_offset(&h));
        }
        break;
    }
    case 1: {
        struct format_frame f;

        if (size >= FORMAT_FRAME && format_frame_decode(data, FORMAT_CHUNK_MAX, &f, &err) == 0) {
            format_frame_encode(&f, again);
            same(data, again, FORMAT_FRAME);
            assert(f.plain_len <= FORMAT_CHUNK_MAX);
        }
        break;
    }
    case 2: {
        struct format_entry e;

        if (size >= FORMAT_ENTRY && format_entry_decode(data, FORMAT_CHUNK_MAX, &e, &err) == 0) {
            format_entry_encode(&e, again);
            same(data, again, FORMAT_ENTRY);
        }
        break;
    }
    case 3: {
        struct format_footer f;

        if (size >= FORMAT_FOOTER && format_footer_decode(data, &f, &err) == 0) {
            format_footer_encode(&f, again);
            same(data, again, FORMAT_FOOTER);
        }
        break;
    }
    case 4: {
        struct slots_pair p;

        if (size >= 2 * FORMAT_SLOTS_MIN) {
            slots_pair_decode(&p, data, FORMAT_SLOTS_MIN);
            if (p.best >= 0)
                assert(p.copy[p.best].count * (size_t)FORMAT_RECORD <= FORMAT_SLOTS_MIN);
        }
        break;
    }
    default: {
        json_t *label = label_decode((const char *)data, size, &err);

        if (label != NULL)
            json_decref(label);
    }
    }
    return 0;
}
