/*
 * join: the SQL of one table's join with its staging table: what is the same row, and what of it differs.
 */
#ifndef MIG_BACKUP_JOIN_H
#define MIG_BACKUP_JOIN_H

#include "core/err.h"

struct conn;
struct stage;

/* Fills the texts of S, from its target: name, columns, values, match, differ, set, always, taken. */
int join_spell(struct conn *c, struct stage *s, struct err *err) MIG_MUST_CHECK;

#endif
