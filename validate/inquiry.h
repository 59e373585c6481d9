/*
 * inquiry: one judgement in the making.
 *
 * The detectors raise findings; a finding that can be measured carries a probe;
 * measure runs the probes and settles the findings.
 */
#ifndef MIG_VALIDATE_INQUIRY_H
#define MIG_VALIDATE_INQUIRY_H

#include <stdint.h>

#include "core/buf.h"
#include "validate/judge.h"

struct catalog_table;
struct facts;
struct closure;
struct effect;
struct effects;
struct hazard;
struct taken;

enum probe_kind {
    PROBE_NONE,
    PROBE_LOSS,      /* SQL answers: rows of the table, rows lost, values lost, bytes lost */
    PROBE_VIOLATION, /* SQL answers: rows of the table, rows at fault */
};

/* What a finding asks of the database; at the finding's own index. */
struct probe {
    enum probe_kind kind;
    char *sql;
    char *otherwise;       /* SQL to ask where the first does not fit the types (42xxx), or NULL */
    char *undo;            /* UPDATE: does a new value stand for two old ones, or in another row? */
    char *subject;         /* "DROP COLUMN public.users.phone" */
    char *what;            /* VIOLATION: "rows hold NULL" */
    double rows;           /* the estimate, where the budget ends: -1 not known */
    double fraction;       /* of the rows that are concerned, -1: not known */
    int64_t bytes;
    int values_per_row;
    const char *bound;     /* static: why SQL counts more than what goes, or NULL */
    int shaken;            /* an earlier statement writes to the same table: never exact */
    int recreated;         /* generated: what goes is computed again */
    int cast;              /* an error of the data (22xxx) says that the statement would fail */
    int quotes;            /* SQL holds the script's own expressions, and so its literals */
    int later;             /* VIOLATION: the statement itself succeeds; what comes after it fails */
    int certain;           /* VIOLATION: any such row makes the statement fail */
};

/* What earlier statements of the plan did, as "oid" or "oid.column". */
struct past {
    char **written; /* tables whose rows they change */
    char **writing; /* and the present statement does */
    char **dropped; /* columns that they drop: not lost a second time */
    char **tables;  /* tables, views, indexes that they drop */
    char **constraints; /* "table.name" that they drop */
    char **retyped; /* columns whose type they change, by each of their names */
    char **replaced; /* columns that they drop or rename, by the names that may mean others since */
    char **computed; /* ... and of them, those that USING computes: a NULL may be none any more */
    char **labels; /* of enums, that they add or rename to */
};

#define LOOSENED_TRIGGER 1u
#define LOOSENED_ROUTINE 2u
#define LOOSENED_DEFAULT 4u
#define LOOSENED_OTHER 8u
#define LOOSENED_ANY 16u /* something fell by CASCADE */

struct inquiry {
    const struct plan *plan;
    struct conn *conn;     /* NULL: offline */
    const struct judge_options *o;
    struct effects *const *steps; /* per step; NULL entries */
    uint64_t kinds;        /* of effects that STEPS holds, a bit each */
    int version;           /* the server's; offline the newest known */
    struct judgement *out;
    struct probe *probes;
    size_t cap;
    struct closure *closure;
    struct catalog_table **tables; /* of the closure, in its order */
    struct facts *facts;   /* NULL: offline */
    struct taken *taken;   /* NULL: offline */
    struct past past;
    size_t step;           /* the one being looked at */
    int opaque_before;     /* an opaque statement came before: names may have changed */
    char *version_age;     /* SQL: the age of the version row, or NULL where it means nothing */
    int quotes;            /* the SQL being built holds the script's own expressions */
    int told_timeout;      /* no-lock-timeout was raised */
    unsigned loosened;     /* LOOSENED_*: kinds of dependents that the script has dropped before */
    int retyped;           /* a column changed its type before */
    const struct effect *within; /* the DO whose statements are being looked at: they may run, or not */
    int failed;            /* out of memory; ERR says so */
    struct err *err;
};

/* A finding of hazard CODE at E's (WITHIN's) statement (E may be NULL: the step as a whole).  OBJECT NULL: E's.
 * MESSAGE is printf's.  Returns its index, or -1 (FAILED is set). */
long inquiry_raise(struct inquiry *q, const char *code, const struct effect *e, const char *object,
                   const char *message, ...) __attribute__((format(printf, 5, 6)));
/* The statement fails as the database is now, and nothing can be in doubt about it. */
void inquiry_would_fail(struct inquiry *q, const struct effect *e, const char *object, const char *why);
struct finding *inquiry_finding(struct inquiry *q, long index);
struct probe *inquiry_probe(struct inquiry *q, long index);

/* The server's table that E names, or NULL (offline, own, not there). */
const struct catalog_table *inquiry_table(const struct inquiry *q, const struct effect *e);
const struct catalog_table *inquiry_table_by_oid(const struct inquiry *q, uint32_t oid);

/* "public.users.phone" of E for messages: the server's qualified name where it is known.  Owned. */
char *inquiry_object(struct inquiry *q, const struct effect *e);

/* Could the column that ADDED brings hold what DROPPED takes?  Offline: any could. */
int inquiry_same_type(struct inquiry *q, const struct effect *dropped, const struct effect *added);

void inquiry_oom(struct inquiry *q);

int inquiry_past(const struct inquiry *q, char **list, uint32_t oid, const char *column);
void inquiry_remember(struct inquiry *q, char ***list, uint32_t oid, const char *column);

#endif
