/* lock: the mode that a statement takes on the relation that an effect names. */
#ifndef MIG_SCRIPT_LOCK_H
#define MIG_SCRIPT_LOCK_H

struct effect;

/* As pg_locks spells it ("AccessExclusiveLock"), for server VERSION (150000); NULL: none.  Static. */
const char *lock_of(const struct effect *e, int version);
/* 1 (AccessShareLock) to 8 (AccessExclusiveLock); 0 for NULL. */
int lock_strength(const char *mode);
const char *lock_mode(int strength);

/* Does the planner see E's statement?  It locks the indexes of what it reads, and looks behind views. */
int lock_plans(const struct effect *e);

#endif
