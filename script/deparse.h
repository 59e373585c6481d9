/*
 * deparse: a part of a parsed statement as SQL again.
 *
 * SQL is one statement's text, TREE its tree as parse_all gave it, NODE a part of
 * it, by identity.  NULL where the deparser (or the pairing of the two trees) cannot: the caller
 * then does without, it never guesses.  Owned.
 */
#ifndef MIG_SCRIPT_DEPARSE_H
#define MIG_SCRIPT_DEPARSE_H

#include <jansson.h>

/* NODE, an expression, as SQL. */
char *deparse_expression(const char *sql, const json_t *tree, const json_t *node);
/* NODE, the object of a TypeName, as SQL: "numeric(10, 2)". */
char *deparse_type(const char *sql, const json_t *tree, const json_t *node);
/* NODE, an item of a FROM list, as SQL: "a AS x JOIN b USING (id)". */
char *deparse_from(const char *sql, const json_t *tree, const json_t *node);
/* NODE, a whole query, as SQL. */
char *deparse_query(const char *sql, const json_t *tree, const json_t *node);
/* NODE, a CommonTableExpr, as SQL: "x AS (SELECT ...)". */
char *deparse_cte(const char *sql, const json_t *tree, const json_t *node);
/* The whole statement without NODE, which must be an element of a list. */
char *deparse_without(const char *sql, const json_t *tree, const json_t *node);

#endif
