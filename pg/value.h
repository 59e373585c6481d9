/*
 * value: one value between the server's binary form and its text.
 *
 * For the types known here the text follows exactly from the binary form: it is what the server's
 * own output function gives (DateStyle ISO, TimeZone UTC).
 */
#ifndef MIG_PG_VALUE_H
#define MIG_PG_VALUE_H

#include <stddef.h>

#include "core/buf.h"
#include "pg/numeric.h"

/* No value of a fixed size is longer as text. */
enum { VALUE_SMALL = 64 };

enum value_kind {
    VALUE_BOOL = 1,
    VALUE_INT2,
    VALUE_INT4,
    VALUE_INT8,
    VALUE_OID,
    VALUE_UUID,
    VALUE_TEXT,
    VALUE_JSONB,
    VALUE_DATE,
    VALUE_TIME,
    VALUE_TIMESTAMP,
    VALUE_TIMESTAMPTZ,
    VALUE_NUMERIC,
    VALUE_BYTEA,
    VALUE_FLOAT4,
    VALUE_FLOAT8,
};

/* Of a type as format_type() names it under an empty search_path, or "enum"; 0: not known. */
int value_kind(const char *type);
/* Whether value_add() knows the text: of floating point numbers the server's shortest digits are not
 * ours to find, only to read. */
int value_is_readable(int kind);
/* Append the text of a binary value as the inside of a JSON string.  1: P is not of this type's
 * form; -1 without memory. */
int value_add(struct buf *out, enum value_kind kind, const char *p, size_t len, struct err *err)
    MIG_MUST_CHECK;

/* The binary form at O, which has room for VALUE_PACKED bytes, of a value whose text is P: for every kind
 * but VALUE_TEXT and VALUE_JSONB, whose bytes are the text's, and VALUE_BYTEA.  Returns its length; 0: P is not as the
 * server writes it (or a numeric that the server may take as text alone). */
enum { VALUE_PACKED = NUMERIC_PACKED };
size_t value_pack(char *o, enum value_kind kind, const char *p, size_t len);
/* The bytes at O of 2 * N hexadecimal digits, lower case.  -1: another byte is among them. */
int value_unhex(char *o, const char *p, size_t n);

#endif
