/*
 * parse: PostgreSQL's own parser, isolated.
 *
 * The only includer of pg_query.h.  Text is split first (COPY data cut at \.),
 * each statement is parsed on a thread with a 512 MiB stack, more than 1 MiB of
 * text is not parsed.  The tree is libpg_query's JSON, read with jansson.
 */
#ifndef MIG_SCRIPT_PARSE_H
#define MIG_SCRIPT_PARSE_H

#include <jansson.h>
#include <stddef.h>

#include "core/err.h"

/* Literals replaced by $n, for SQL that is shown; NULL where it cannot be parsed (then show nothing
 * of it).  Owned. */
char *parse_normalize(const char *sql);

#endif
