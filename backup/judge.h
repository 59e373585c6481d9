/*
 * judge: what a staged restore would do to a table, and whether it may.
 */
#ifndef MIG_BACKUP_JUDGE_H
#define MIG_BACKUP_JUDGE_H

#include "core/err.h"

struct conn;
struct stage;
struct target_list;

/* Counts what would happen and refuses what must not.  What was altered to make way goes to *BACK, as
 * the statements that undo it. */
int judge_stage(struct conn *c, const struct target_list *l, struct stage *s, char ***back, struct err *err)
    MIG_MUST_CHECK;

#endif
