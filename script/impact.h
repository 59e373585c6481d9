/* impact: what an effect does to the relation that it names, before anything is followed. */
#ifndef MIG_SCRIPT_IMPACT_H
#define MIG_SCRIPT_IMPACT_H

struct effect;

/* CLOSURE_*. */
unsigned impact_of(const struct effect *e);
/* CLOSURE_COLUMN_*; 0: E is about no stored column. */
unsigned impact_of_column(const struct effect *e);
/* The column as the server knows it, or NULL.  Borrowed from E. */
const char *impact_column_name(const struct effect *e);
/* The lock on the effect's other relation.  Static. */
const char *impact_partner_lock(const struct effect *e, int version);

#endif
