/*
 * question: one query about some of a graph's items.
 *
 *     question_open; for each item: question_about, and its elements (pg/array.h)
 *     into P; question_ask; while (question_next) ...; question_close
 *
 * The first column of an answer counts the items from 1, in the order of
 * question_about.  Without an element nothing is asked, and there is no answer.
 */
#ifndef MIG_SCRIPT_QUESTION_H
#define MIG_SCRIPT_QUESTION_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

struct graph;
struct item;
struct result;

#define QUESTION_PARAMS 5

struct question {
    struct graph *g;
    size_t *numbers; /* of the items asked about */
    size_t n;
    struct buf p[QUESTION_PARAMS]; /* parameters */
    struct result *r;
    int row;
};

/* Whatever it returns, question_close is safe.  An item may be asked about once. */
int question_open(struct question *q, struct graph *g) MIG_MUST_CHECK;
void question_about(struct question *q, size_t number);
/* TEXT, or NULL, as the next element of PARAM: "=TEXT", and "" for NULL.  An array's own NULL is a text
 * where the role has array_nulls off, and the session may be the migration's. */
int question_text(struct question *q, int param, const char *text) MIG_MUST_CHECK;
/* The first ARRAYS of the PARAMS parameters are array literals, which it ends. */
int question_ask(struct question *q, const char *sql, int arrays, int params, int columns)
    MIG_MUST_CHECK;
/* 1: ROW is the next row of R; 0: there is none. */
int question_next(struct question *q);
/* The item that the row is about, or NULL.  Good until an item is added. */
struct item *question_item(const struct question *q);
uint32_t question_oid(const struct question *q, int column);
void question_close(struct question *q);

#endif
