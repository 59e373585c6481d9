/* quote: identifiers and literals, always through libpq for the session's encoding. */
#ifndef MIG_PG_QUOTE_H
#define MIG_PG_QUOTE_H

#include "core/buf.h"

struct conn;

/* Append "name" quoted; always with double quotes. */
int quote_ident(struct buf *b, const char *name, struct err *err) MIG_MUST_CHECK;
/* "schema"."name" */
int quote_name(struct buf *b, const char *schema, const char *name, struct err *err) MIG_MUST_CHECK;
/* 'text', standard-conforming, E'' where a backslash needs it. */
int quote_literal(struct buf *b, const char *text, struct err *err) MIG_MUST_CHECK;
/* schema.name as a person reads it: quoted only where it must be, `public.` kept. */
int quote_pretty(struct buf *b, const char *schema, const char *name, struct err *err)
    MIG_MUST_CHECK;
/* One name of these. */
int quote_plain(struct buf *b, const char *name, struct err *err) MIG_MUST_CHECK;

#endif
