/*
 * waited: whom a statement of ours waits for, seen from another session while it waits.
 *
 * When the server has given the lock up (55P03) or broken a deadlock (40P01) it does not say who was in the way, and
 * our own locks, by which that could be found, are gone.
 */
#ifndef MIG_ROLLBACK_WAITED_H
#define MIG_ROLLBACK_WAITED_H

#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

struct conn;

struct waited {
    struct conn *c, *watch;
    struct buf text; /* who it was when it was last seen */
    int told;        /* aloud, as they are now */
    int aloud;
};

/* From now on what C runs is looked at, from WATCH, which has nothing else to do meanwhile.  TIMEOUT_MS: how long C waits
 * for a lock (0: for ever).  ALOUD: who it waits for is told as it goes. */
void waited_begin(struct waited *w, struct conn *c, struct conn *watch, int64_t timeout_ms, int aloud);
/* If ERR is a lock that did not come or a deadlock: who was in the way, and what to do.  Freed. */
void waited_end(struct waited *w, struct err *err);

#endif
