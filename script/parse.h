/*
 * parse: PostgreSQL's own parser, isolated.
 *
 * With lexer, shown (normalised text) and deparse the only includer of pg_query.h.
 * Everything that the grammar recurses in runs on threads with a 512 MiB stack; more than 1 MiB of
 * text is not parsed.
 * The tree is libpg_query's JSON, read with jansson; positions in it are bytes
 * of the parsed text.
 */
#ifndef MIG_SCRIPT_PARSE_H
#define MIG_SCRIPT_PARSE_H

#include <jansson.h>
#include <stddef.h>

#include "core/err.h"

#define PARSE_MAX (1024u * 1024u)

/* One statement to be parsed. */
struct parse_item {
    const char *text; /* NUL-terminated, borrowed */
    size_t len;
    json_t *tree;     /* result: the Node object ({"AlterTableStmt": {...}}), owned; or NULL */
    char *problem;    /* result: why not; owned */
    size_t at;        /* result: with PROBLEM, before which character (from 1) the parser stopped; 0: not known */
};

/* Parse them all, on as many threads as pay.  -1 only for what is no fault of the text. */
int parse_all(struct parse_item *items, size_t n, struct err *err) MIG_MUST_CHECK;

/* CREATE FUNCTION ... LANGUAGE plpgsql, as libpg_query's tree of it: statements whose expressions are
 * SQL in {"PLpgSQL_expr": {"query": ...}}.  NULL: it cannot be read.  Owned. */
json_t *parse_plpgsql(const char *create);

#endif
