/* detect: effects become findings; what can be counted gets a probe. */
#ifndef MIG_VALIDATE_DETECT_H
#define MIG_VALIDATE_DETECT_H

struct catalog_table;
struct effect;
struct effects;
struct inquiry;
struct pick;

/* Everything, over every step's effects in order (entries are NULL for a step without a script). */
void detect(struct inquiry *q, struct effects *const *steps);

/* Its parts: one effect at a time, ... */
/* What is opaque, and what may happen in a DO block.  0: the server says that it only reads. */
int detect_block(struct inquiry *q, const struct effect *e);
void detect_loss(struct inquiry *q, const struct effect *e);
void detect_rows(struct inquiry *q, const struct effect *e);
void detect_merge(struct inquiry *q, const struct effect *e);
void detect_cast(struct inquiry *q, const struct effect *e);
void detect_object(struct inquiry *q, const struct effect *e);
void detect_data(struct inquiry *q, const struct effect *e);
void detect_lock(struct inquiry *q, const struct effect *e);
void detect_app(struct inquiry *q, const struct effect *e);
void detect_sequence(struct inquiry *q, const struct effect *e);
void detect_rule(struct inquiry *q, const struct effect *e);
void detect_style(struct inquiry *q, const struct effect *e);
/* What ON DELETE carries on from rows FROM (" FROM t WHERE ...") of T that go by E; DEPTH 0. */
void detect_carried(struct inquiry *q, const struct effect *e, const struct catalog_table *t,
                    const struct pick *pick, const char *from, int depth);
/* Routines whose text names what goes, over all steps. */
void detect_body(struct inquiry *q);
/* Triggers, rules and views that writes set off, over all steps. */
void detect_fires(struct inquiry *q);
/* ... and what only shows in the whole of a step. */
void detect_script(struct inquiry *q, const struct effects *effects);

#endif
