#include "script/wire.h"

#include <string.h>

#include "core/buf.h"

static int varint(struct wire *w, uint64_t *out)
{
    uint64_t v = 0;
    unsigned shift = 0;

    while (w->p < w->end && shift < 64) {
        unsigned char c = *w->p++;

        v |= (uint64_t)(c & 0x7f) << shift;
        if ((c & 0x80) == 0) {
            *out = v;
            return 0;
        }
        shift += 7;
    }
    return -1;
}

int wire_next(struct wire *w, struct wire_field *f)
{
    uint64_t tag;

    if (w->p >= w->end)
        return 0;
    memset(f, 0, sizeof(*f));
    f->start = w->p;
    if (varint(w, &tag) < 0)
        return -1;
    f->number = (uint32_t)(tag >> 3);
    f->type = (int)(tag & 7);
    f->value = w->p;
    switch (f->type) {
    case 0:
        if (varint(w, &f->varint) < 0)
            return -1;
        break;
    case 1:
        if (w->end - w->p < 8)
            return -1;
        w->p += 8;
        break;
    case 2:
        if (varint(w, &f->varint) < 0 || f->varint > (uint64_t)(w->end - w->p))
            return -1;
        f->value = w->p;
        f->len = (size_t)f->varint;
        w->p += f->len;
        break;
    case 5:
        if (w->end - w->p < 4)
            return -1;
        w->p += 4;
        break;
    default:
        return -1;
    }
    f->end = w->p;
    return 1;
}

int wire_add_varint(struct buf *b, uint64_t v, struct err *err)
{
    while (v >= 0x80) {
        if (buf_addc(b, (char)(unsigned char)(v | 0x80), err) < 0)
            return -1;
        v >>= 7;
    }
    return buf_addc(b, (char)(unsigned char)v, err);
}
