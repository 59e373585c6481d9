/*
 * locks: which relations each statement locks, how strongly, and whether the
 * table is rewritten or scanned under it.
 */
#ifndef MIG_VALIDATE_LOCKS_H
#define MIG_VALIDATE_LOCKS_H

struct inquiry;
struct effects;

/* Fill the judgement's lock rows; with a database, by its catalog. */
void locks_predict(struct inquiry *q, struct effects *const *steps);

#endif
