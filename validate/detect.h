/* detect: effects become findings; what can be counted gets a probe. */
#ifndef MIG_VALIDATE_DETECT_H
#define MIG_VALIDATE_DETECT_H

struct effect;
struct effects;
struct inquiry;

/* Everything, over every step's effects in order (entries are NULL for a step without a script). */
void detect(struct inquiry *q, struct effects *const *steps);

/* Its parts: one effect at a time, ... */
void detect_loss(struct inquiry *q, const struct effect *e);
void detect_rows(struct inquiry *q, const struct effect *e);
void detect_cast(struct inquiry *q, const struct effect *e);
void detect_data(struct inquiry *q, const struct effect *e);
void detect_lock(struct inquiry *q, const struct effect *e);
void detect_app(struct inquiry *q, const struct effect *e);
void detect_sequence(struct inquiry *q, const struct effect *e);
void detect_rule(struct inquiry *q, const struct effect *e);
void detect_style(struct inquiry *q, const struct effect *e);
/* Triggers, rules and views that writes set off, over all steps. */
void detect_fires(struct inquiry *q);
/* ... and what only shows in the whole of a step. */
void detect_script(struct inquiry *q, const struct effects *effects);

#endif
