/*
 * symbol: what a REV on the command line means, exactly as Alembic reads it.
 *
 * Ids, unique prefixes, branch labels, base, head, heads, label@..., relative
 * steps.  A node is an index into the history; SYMBOL_BASE means below all of
 * them.  Errors are ERR_USAGE.
 */
#ifndef MIG_MIGRATION_SYMBOL_H
#define MIG_MIGRATION_SYMBOL_H

#include <stddef.h>

#include "core/err.h"

struct history;

#define SYMBOL_BASE (-1)

struct symbol_nodes {
    int *items;
    size_t count;
};
void symbol_nodes_free(struct symbol_nodes *n);
int symbol_nodes_add(struct symbol_nodes *n, int node, struct err *err) MIG_MUST_CHECK;

/* All revisions that REV names, absolute (Alembic's get_revisions).  Appended to OUT; `base` adds
 * nothing. */
int symbol_revisions(const struct history *h, const char *rev, struct symbol_nodes *out,
                     struct err *err) MIG_MUST_CHECK;
/* Of version rows, in their order. */
int symbol_rows(const struct history *h, char *const *rows, struct symbol_nodes *out,
                struct err *err) MIG_MUST_CHECK;
/* The only one that REV names, or SYMBOL_BASE (get_revision). */
int symbol_one(const struct history *h, const char *rev, int *node, struct err *err) MIG_MUST_CHECK;
/* Of TARGETS, those on one line of down_revisions with what AGAINST names (filter_for_lineage). */
int symbol_lineage(const struct history *h, const struct symbol_nodes *targets, const char *against,
                   struct symbol_nodes *out, struct err *err) MIG_MUST_CHECK;
/* The node that has NODE's id: one that a later file shadows gives way. */
int symbol_current(const struct history *h, int node);
/* 1: REV is relative ("-1", "label@+2", "ae10-3"). */
int symbol_is_relative(const char *rev);

struct symbol_down {
    char *branch;  /* the label that restricts the downgrade, or NULL; owned */
    int node;      /* or SYMBOL_BASE */
};
/* The target of a downgrade from ROWS, in the order in which the database gave them. */
int symbol_down(const struct history *h, char *const *rows, const char *rev, struct symbol_down *out,
                struct err *err) MIG_MUST_CHECK;
/* The targets of an upgrade. */
int symbol_up(const struct history *h, char *const *rows, const char *rev, struct symbol_nodes *out,
              struct err *err) MIG_MUST_CHECK;
/* What a branch label, id or prefix stands for. */
int symbol_branch(const struct history *h, const char *label, int *node, struct err *err)
    MIG_MUST_CHECK;

#endif
