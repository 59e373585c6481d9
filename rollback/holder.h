/*
 * holder: who had locked what the plan needed to read.
 */
#ifndef MIG_ROLLBACK_HOLDER_H
#define MIG_ROLLBACK_HOLDER_H

struct err;
struct guard;

/* Is ERR a lock that did not come in time? */
int holder_is_lock(const struct err *err);
/* If ERR is a lock that did not come in time while G was examined: say on what, who is in the way, and what
 * to do.  Anything else stays as it is. */
void holder_name(const struct guard *g, struct err *err);

#endif
