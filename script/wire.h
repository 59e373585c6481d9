/* wire: protobuf's wire format, as far as walking a message and writing one again goes. */
#ifndef MIG_SCRIPT_WIRE_H
#define MIG_SCRIPT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct buf;

/* What is left of a message. */
struct wire {
    const unsigned char *p, *end;
};

struct wire_field {
    uint32_t number;
    int type;
    const unsigned char *start;          /* of the tag */
    const unsigned char *value;          /* of the payload */
    size_t len;                          /* of the payload (type 2) */
    uint64_t varint;
    const unsigned char *end;
};

/* 1: a field; 0: the end; -1: not protobuf. */
int wire_next(struct wire *w, struct wire_field *f);
int wire_add_varint(struct buf *b, uint64_t v, struct err *err) MIG_MUST_CHECK;

#endif
