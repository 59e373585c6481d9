/*
 * closure: what a script's effects reach on this database.
 *
 * Names are resolved on the server (the migration's search_path), CASCADE and
 * foreign keys are followed through pg_depend and pg_constraint, partitions down
 * to their leaves.  What backup saves, what validate counts and what rollback
 * locks is this one list.
 */
#ifndef MIG_SCRIPT_CLOSURE_H
#define MIG_SCRIPT_CLOSURE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct conn;
struct effect;
struct effects;

/* What happens to a table's stored data; more than one may be true. */
#define CLOSURE_DROPPED 1u    /* the table goes, with all its rows */
#define CLOSURE_COLUMNS 2u    /* COLUMNS go or change their type */
#define CLOSURE_EMPTIED 4u    /* TRUNCATE, DELETE without WHERE */
#define CLOSURE_ROWS 8u       /* some rows are deleted or updated (also by ON DELETE CASCADE) */
#define CLOSURE_INSERTED 16u  /* rows are added */
#define CLOSURE_ALTERED 32u   /* structure alone: no stored value is lost */
#define CLOSURE_PARTNER 64u   /* only locked: a foreign-key partner, a parent */
#define CLOSURE_VERSION 128u  /* Alembic's version table: changed, but never at risk */

/* Why a column is in the list. */
#define CLOSURE_COLUMN_DROPPED 1u
#define CLOSURE_COLUMN_RETYPED 2u
#define CLOSURE_COLUMN_UPDATED 4u

struct closure_column {
    char *name;
    unsigned why;
    const struct statement *statement; /* the one at fault; borrowed from the script */
    char *using_sql; /* RETYPED: the USING expression, or NULL */
    char *new_type;  /* RETYPED */
};

struct closure_table {
    uint32_t oid;
    char *schema, *name;
    char kind;        /* relkind */
    unsigned fate;    /* CLOSURE_* */
    char *because;    /* "CASCADE from type user_role", or NULL: named in the script */
    const struct statement *statement; /* the first that touches it */
    char *lock;       /* the strongest mode that the script takes: "AccessExclusiveLock" */
    struct closure_column *columns;
    size_t ncolumns;
};

struct closure_sequence {
    uint32_t oid;
    char *schema, *name;
};

/* What an effect's names were found to be. */
struct closure_link {
    const struct effect *effect; /* borrowed */
    uint32_t classid, oid;       /* pg_class, pg_type, pg_constraint, ...; 0: not found */
    char kind;                   /* relkind, typtype, contype */
    int partner;                 /* it is the effect's other relation */
};

/* What goes whole with what an effect drops: indexes, constraints, sequences, views, ... */
struct closure_fall {
    const struct effect *effect; /* borrowed */
    uint32_t classid, oid;
};

/* One effect on one relation: the whole story behind closure_table's summary. */
struct closure_reach {
    const struct effect *effect; /* borrowed */
    uint32_t oid;
    char *schema, *name;
    char kind;        /* relkind */
    unsigned fate;    /* CLOSURE_*, of this effect alone; 0: only locked */
    char *column;     /* or NULL */
    unsigned why;     /* CLOSURE_COLUMN_*, with COLUMN */
    const char *mode; /* the lock; static */
    char *because;    /* NULL: named in the script */
};

struct closure {
    struct closure_table *tables; /* sorted by schema, name; leaves and parents each in their own right */
    size_t ntables;
    struct closure_sequence *sequences; /* dropped, or owned by dropped or emptied tables */
    size_t nsequences;
    size_t opaque;  /* statements whose reach nobody can know (closure_opaque) */
    char **readers; /* functions that the script calls and that the server says are not volatile; NULL-terminated, or NULL */
    char **missing; /* named in the script but not on the server (and not IF EXISTS) */
    size_t nmissing;
    struct closure_link *links;
    size_t nlinks;
    struct closure_fall *falls;
    size_t nfalls;
    struct closure_reach *reaches;
    size_t nreaches;
};

/* EFFECTS: one per script, in order (effects_find_all). */
struct closure *closure_find(struct conn *c, struct effects *const *effects, size_t n,
                             struct err *err) MIG_MUST_CHECK;
void closure_free(struct closure *c);
/* Can nobody know what E reaches?  A call of what the server says is not volatile only reads. */
int closure_opaque(const struct closure *c, const struct effect *e);
/* The relation that E names, or its partner, on this server; 0: none, or the script's own. */
uint32_t closure_relation(const struct closure *c, const struct effect *e);
uint32_t closure_partner(const struct closure *c, const struct effect *e);
const struct closure_table *closure_table_of(const struct closure *c, uint32_t oid);
/* Why COLUMN of T is in its list, CLOSURE_COLUMN_*; 0: it is not. */
unsigned closure_column_why(const struct closure_table *t, const char *column);
/* Is R about a partition beside the one that comes or goes (the default, or one below), which E only locks, or
 * (*SCANS) reads? */
int closure_bystander(const struct closure_reach *r, int *scans);
/* Tables whose stored values are lost or changed: what a backup must hold. */
int closure_table_at_risk(const struct closure_table *t);

#endif
