/*
 * literal: the value of one string literal of Python's, escapes decoded.
 */
#ifndef MIG_MIGRATION_LITERAL_H
#define MIG_MIGRATION_LITERAL_H

#include "core/err.h"

struct buf;
struct token;
struct tokens;

/* The value of K, a TOKEN_STRING of T, appended to OUT.  1: it cannot be told without Python (bytes,
 * f-string, \N{...}, a lone surrogate); OUT may hold a part of it then. */
int literal_read(const struct tokens *t, const struct token *k, struct buf *out, struct err *err)
    MIG_MUST_CHECK;

#endif
