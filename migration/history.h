/*
 * history: all revision files of a project, and the graph that they make.
 *
 * Built as Alembic's RevisionMap builds it.  What is wrong is collected, so
 * that `mig-validate history` can name all of it; a history with a fatal
 * problem answers no question (history_check).
 */
#ifndef MIG_MIGRATION_HISTORY_H
#define MIG_MIGRATION_HISTORY_H

#include <stddef.h>

#include "core/err.h"

struct revision;

struct history_node {
    struct revision *revision;
    int shadowed;            /* a later file has the same id: this one is not in the map */
    /* indexes of nodes */
    int *down, *deps;        /* down_revision; depends_on, resolved */
    int *parents;            /* down, and deps that no ancestor has: what rows are made of */
    int *next, *all_next;    /* the other way: of down; of down and deps */
    size_t ndown, ndeps, nparents, nnext, nall_next;
    size_t nnormal;          /* of PARENTS, how many come from deps alone */
    int level;               /* of the longest way down, dependencies too: below is always lower */
    const char **labels;     /* branch labels, its own and inherited; borrowed */
    size_t nlabels;
};

struct history_problem {
    const char *code;        /* static: "unreadable-file", "duplicate-revision", ... */
    int fatal;
    char *file;              /* or NULL */
    int line;                /* or 0 */
    char *message, *hint;    /* HINT or NULL */
};

struct history {
    struct history_node *nodes; /* in the order of loading; of one id only the last is not shadowed */
    size_t count;
    /* indexes */
    int *heads, *real_heads, *bases; /* "heads" of Alembic's `head`; with dependencies (`heads`) */
    size_t nheads, nreal_heads, nbases;
    int *order;              /* place of each node in Alembic's map */
    struct history_problem *problems;
    size_t nproblems;
    /* ids and branch labels */
    struct history_key {
        const char *name;
        int node;
        int label;
    } *keys;
    size_t nkeys;
    int *table;              /* hash table over KEYS */
    size_t table_size;
    int covered_rows;        /* going down, keep a row that another one covers: as Alembic before 1.13.1 */
};

/* From revisions at hand: takes each of them and the array, also on failure. */
struct history *history_new(struct revision **revisions, size_t n, struct err *err) MIG_MUST_CHECK;
void history_free(struct history *h);

/* Add what is wrong; the hint is the last one's.  What memory does not allow to be added is not: the
 * message of one that is half there is NULL, which history_check takes for a failure. */
void history_problem(struct history *h, const char *code, int fatal, const char *file, int line,
                     const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void history_problem_hint(struct history *h, const char *hint);

/* -1 and ERR_FAILED with the first fatal problem. */
int history_check(const struct history *h, struct err *err) MIG_MUST_CHECK;

/* The node of an id or branch label, exactly; -1: none. */
int history_find(const struct history *h, const char *name);
const char *history_id(const struct history *h, int node);
/* V is among the N of LIST. */
int history_holds(const int *list, size_t n, int v);

enum history_edge {
    EDGE_DOWN,     /* down_revision */
    EDGE_PARENTS,  /* and depends_on */
    EDGE_NEXT,
    EDGE_ALL_NEXT,
};
/* As history_reach along EDGE_PARENTS, without what lies below LEVEL. */
int history_reach_above(const struct history *h, const int *from, size_t n, int level,
                        unsigned char *mark, struct err *err) MIG_MUST_CHECK;
/* MARK[i] = 1 for the N nodes at FROM and all that is reached along EDGE.  MARK has COUNT entries and
 * is not cleared. */
int history_reach(const struct history *h, const int *from, size_t n, enum history_edge edge,
                  unsigned char *mark, struct err *err) MIG_MUST_CHECK;

#endif
