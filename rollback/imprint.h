/*
 * imprint: has anybody written in the catalog about a plan's objects, or about what hangs on them, since it was read?
 *
 * What a run reads while readers still go on must hold when they are kept out: a view may be made on a table
 * that is only locked against writes, a right be given at any time.  An imprint is one line that such a
 * write changes.  The second is taken on another session while the change itself runs: it sees
 * what others have committed, and nothing of the change.
 */
#ifndef MIG_ROLLBACK_IMPRINT_H
#define MIG_ROLLBACK_IMPRINT_H

#include "core/err.h"

struct closure;
struct conn;
struct imprint;

/* Before the catalog is read.  C and CLOSURE are borrowed until imprint_free. */
struct imprint *imprint_take(struct conn *c, const struct closure *closure, struct err *err) MIG_MUST_CHECK;
/* With the last lock there: again, in a thread; nobody else may use C until imprint_same. */
int imprint_again(struct imprint *p, struct err *err) MIG_MUST_CHECK;
/* Waits for it.  *SAME is 0 where somebody wrote.  Harmless to ask twice, and where imprint_again was never called. */
int imprint_same(struct imprint *p, int *same, struct err *err) MIG_MUST_CHECK;
/* Waits too; NULL is harmless. */
void imprint_free(struct imprint *p);

#endif
