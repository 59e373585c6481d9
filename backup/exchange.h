/*
 * exchange: rows that are to exchange numbers which only one of them may have.
 */
#ifndef MIG_BACKUP_EXCHANGE_H
#define MIG_BACKUP_EXCHANGE_H

#include "core/err.h"

struct conn;
struct stage;

/* Before the rows of S's table that differ get their saved values by UPDATE: where one is to get a number that another row
 * has still, they get numbers that nobody has first.  Integers alone; rows that may be deleted and inserted anew
 * (stage.anew) need it not. */
int exchange_park(struct conn *c, const struct stage *s, struct err *err) MIG_MUST_CHECK;

#endif
