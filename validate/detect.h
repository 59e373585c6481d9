/* detect: effects become findings; what can be counted gets a probe. */
#ifndef MIG_VALIDATE_DETECT_H
#define MIG_VALIDATE_DETECT_H

struct inquiry;
struct effects;

/* Over every step's effects, in order (entries are NULL for a step without a script). */
void detect_loss(struct inquiry *q, struct effects *const *steps);
void detect_plan(struct inquiry *q, struct effects *const *steps);

#endif
