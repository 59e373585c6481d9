/*
 * facts: what the catalog says of the tables at hand, read in a few round trips.
 *
 * Everything answers "not known" (0, NULL, -1) for what was not asked about,
 * and all of it is not known offline.
 */
#ifndef MIG_VALIDATE_FACTS_H
#define MIG_VALIDATE_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct closure;
struct conn;
struct effect;
struct effects;
struct facts;

struct facts_column {
    uint32_t type;       /* below any domain */
    int typmod;
    int checked;         /* a domain on the way has a constraint */
    int not_null, generated, identity, has_default;
    double null_frac;    /* -1: never analysed */
    const char *text;    /* format_type() */
};

struct facts_type {
    uint32_t oid, base;
    int checked;
    char kind;           /* typtype of BASE */
};

struct facts_constraint {
    uint32_t table, partner;      /* PARTNER: of a foreign key */
    uint32_t index;               /* behind it; of a foreign key: the partner's */
    const char *name, *expression; /* EXPRESSION: of a CHECK */
    const char *columns, *partner_columns; /* one a line */
    const char *schema, *relation, *partner_schema, *partner_relation;
    char type, on_delete, on_update;
    int valid;
    int inherited; /* a partition has it of its parent */
    int deferrable;
};

struct facts_index {
    uint32_t table, oid;
    const char *schema, *name, *columns; /* one a line */
    int unique, valid, primary, special; /* SPECIAL: partial or on expressions */
    char kind;             /* relkind: 'i', or 'I' of a partitioned table */
    uint32_t whole;        /* the partitioned index that it is part of, or 0 */
    const char *stands_on; /* keys, INCLUDE, expressions and predicate: one column a line */
};

/* STEPS gives the types and functions that are asked about. */
struct facts *facts_read(struct conn *c, const struct closure *closure,
                         struct effects *const *steps, size_t n, struct err *err) MIG_MUST_CHECK;
void facts_free(struct facts *f);

int facts_column(const struct facts *f, uint32_t table, const char *name, struct facts_column *out);
/* The type that E (ADD COLUMN, ALTER TYPE) names. */
int facts_type(const struct facts *f, const struct effect *e, struct facts_type *out);
/* Does no byte change from SOURCE to TARGET? */
int facts_binary(const struct facts *f, uint32_t source, uint32_t target);
/* 'i', 's', 'v'; 0: not known. */
char facts_volatility(const struct facts *f, const char *function);
const char *facts_setting(const struct facts *f, const char *name);
/* I-th; 0 past the end. */
int facts_constraint(const struct facts *f, size_t i, struct facts_constraint *out);
int facts_index(const struct facts *f, size_t i, struct facts_index *out);
/* Is COLUMN one of the lines of COLUMNS? */
int facts_names(const char *columns, const char *column);

#endif
