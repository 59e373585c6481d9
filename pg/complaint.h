/*
 * complaint: what the server complains of, as an error that may be shown.
 *
 * Values of rows that stand in a message or its detail are masked.
 */
#ifndef MIG_PG_COMPLAINT_H
#define MIG_PG_COMPLAINT_H

#include <libpq-fe.h>
#include <stddef.h>

#include "core/err.h"

/* Fill *ERR from R: message, SQLSTATE, DETAIL, HINT.  Returns -1. */
int complaint_of(const PGresult *r, struct err *err);
/* TEXT, libpq's own words, in one line: cut where SIZE ends. */
void complaint_line(char *line, size_t size, const char *text);

#endif
