/*
 * parse: PostgreSQL's own parser, isolated.
 *
 * The only includer of pg_query.h.  Everything that the grammar recurses in runs
 * on threads with a 512 MiB stack; more than 1 MiB of text is not parsed.
 * The tree is libpg_query's JSON, read with jansson; positions in it are bytes
 * of the parsed text.
 */
#ifndef MIG_SCRIPT_PARSE_H
#define MIG_SCRIPT_PARSE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define PARSE_MAX (1024u * 1024u)

/* One lexical token, comments among them, as bytes [start, end) of the text. */
struct parse_token {
    uint32_t start, end;
    int keyword; /* 0: not a keyword */
};

struct parse_tokens {
    struct parse_token *items;
    size_t count;
    size_t at; /* on failure: the byte that the lexer could not get past */
};

/* Only the lexer: cheap, not recursive.  ERR_FAILED (an unclosed quote or comment) sets AT. */
int parse_scan(const char *text, struct parse_tokens *tokens, struct err *err) MIG_MUST_CHECK;
void parse_tokens_free(struct parse_tokens *tokens);

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

/* Literals replaced by $n, for SQL that is shown; NULL where it cannot be parsed (then show nothing
 * of it).  Owned. */
char *parse_normalize(const char *sql);

/* SQL with the same characters at the same places, but for what is inside of literals and comments: dots.
 * Also where it does not parse; NULL where the lexer cannot get through it.  Owned. */
char *parse_mask(const char *sql);

/*
 * The deparser.  SQL is one statement's text, TREE its tree as parse_all gave it, NODE a part of
 * it, by identity.  NULL where the deparser (or the pairing of the two trees) cannot: the caller
 * then does without, it never guesses.  Owned.
 */
/* NODE, an expression, as SQL. */
char *parse_deparse_expression(const char *sql, const json_t *tree, const json_t *node);
/* NODE, the object of a TypeName, as SQL: "numeric(10, 2)". */
char *parse_deparse_type(const char *sql, const json_t *tree, const json_t *node);
/* NODE, an item of a FROM list, as SQL: "a AS x JOIN b USING (id)". */
char *parse_deparse_from(const char *sql, const json_t *tree, const json_t *node);
/* NODE, a whole query, as SQL. */
char *parse_deparse_query(const char *sql, const json_t *tree, const json_t *node);
/* NODE, a CommonTableExpr, as SQL: "x AS (SELECT ...)". */
char *parse_deparse_cte(const char *sql, const json_t *tree, const json_t *node);
/* The whole statement without NODE, which must be an element of a list. */
char *parse_deparse_without(const char *sql, const json_t *tree, const json_t *node);

#endif
