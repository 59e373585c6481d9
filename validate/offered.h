/*
 * offered: what stands in the way of the rows that an INSERT offers: keys that are there, keys that are
 * not, NULL, CHECK.  Counted at once, and told only where it makes the statement fail.
 */
#ifndef MIG_VALIDATE_OFFERED_H
#define MIG_VALIDATE_OFFERED_H

struct conn;
struct effect;
struct inquiry;

/* E: an INSERT before anything that changes the schema.  C: a migration session in a read-only transaction. */
void offered_check(struct inquiry *q, struct conn *c, const struct effect *e);

#endif
