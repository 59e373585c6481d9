/*
 * numeric: the server's binary form and its text.
 */
#ifndef MIG_PG_NUMERIC_H
#define MIG_PG_NUMERIC_H

#include <stddef.h>
#include <stdint.h>

/* Digits to base 10000, the first of weight 10000^weight.  Borrows the value that was read. */
struct numeric {
    const char *digits;
    int32_t ndigits, weight, scale;
    uint16_t sign;
};

/* -1: P is not the binary form of a numeric. */
int numeric_read(struct numeric *n, const char *p, size_t len);
/* The text is no longer than this. */
size_t numeric_room(const struct numeric *n);
/* The text at O.  Returns the end. */
char *numeric_put(char *o, const struct numeric *n);

/* The binary form at O of text as numeric_put() writes it; O has room for NUMERIC_PACKED bytes.  Returns
 * its length; 0: it is no such text, an infinity (which not every server takes in binary) or longer than
 * NUMERIC_TEXT (of very long numbers the server takes the text alone). */
enum { NUMERIC_TEXT = 2000, NUMERIC_PACKED = 8 + 2 * (NUMERIC_TEXT / 4 + 2) };
size_t numeric_pack(char *o, const char *p, size_t len);

#endif
