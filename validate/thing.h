/*
 * thing: the objects that a script names, and what becomes of them.
 *
 * Not a catalog: what no statement names is not here.  An object that a statement drops or renames, and
 * that no statement made, was there before.
 */
#ifndef MIG_VALIDATE_THING_H
#define MIG_VALIDATE_THING_H

#include <stddef.h>

#include "core/err.h"

struct effect;

enum thing_kind {
    THING_TABLE,
    THING_VIEW,       /* or a materialized one */
    THING_COLUMN,
    THING_INDEX,
    THING_CONSTRAINT,
    THING_TYPE,
    THING_SEQUENCE,
    THING_FUNCTION,
    THING_TRIGGER,
    THING_POLICY,
    THING_SCHEMA,
    THING_EXTENSION,
    THING_STATE,      /* of a column that was there: its type, NOT NULL, default (the name) */
    THING_VALUE,      /* values added to an enum (the name) */
};

enum pass { PASS_NONE, PASS_UP, PASS_DOWN };

struct thing {
    enum thing_kind kind;
    char *schema, *name;  /* now; SCHEMA NULL: by search_path */
    char *table;          /* whose part it is, now (a partition: its parent's), or NULL */
    char *column;         /* STATE: of which column */
    char *start_schema, *start_name, *start_table; /* before the first statement */
    char **columns;       /* of an index or constraint */
    char **refs;          /* other relations or functions that it needs */
    int made, gone;       /* by which pass; 0: it was there, it is there */
    int maybe;            /* IF NOT EXISTS, OR REPLACE: it may have been there */
    int named;            /* 0: the server chose the name, and it was guessed */
    const struct effect *by; /* that made it, or dropped it where nothing made it; borrowed */
};

struct things {
    struct thing *items;
    size_t count;
};

/* An effect at work on the list. */
struct play {
    struct things *l;
    const struct effect *e;
    enum pass pass;
    struct err *err;
    int failed;
};

void things_free(struct things *l);

/* The one that is there, or NULL. */
struct thing *things_find(struct play *p, enum thing_kind kind, const char *schema, const char *table,
                          const char *name);
/* Good until the next one. */
struct thing *things_append(struct play *p, enum thing_kind kind, const char *schema, const char *table,
                            const char *name);
/* MAYBE: the one that is known, if any. */
struct thing *things_make(struct play *p, enum thing_kind kind, const char *schema, const char *table,
                          const char *name, int maybe);
int things_drop(struct play *p, enum thing_kind kind, const char *schema, const char *table, const char *name)
    MIG_MUST_CHECK;
/* What stands on TABLE goes with it; with CASCADE, what needs it too. */
void things_drop_parts(struct play *p, const char *table, const char *column, int cascade);
/* Is SCHEMA.NAME a table that a statement made?  Then its parts are its own affair. */
int things_made(struct play *p, const char *schema, const char *name);

int thing_rename(char **to, const char *text, struct err *err) MIG_MUST_CHECK;
const char *thing_kind(enum thing_kind kind); /* "the table" without the article: "table" */
int thing_same(const char *a, const char *b);
/* "schema.table.name", now and at the start.  Owned. */
char *thing_object(const struct thing *t, struct err *err);
char *thing_start(const struct thing *t, struct err *err);

#endif
