/*
 * mirror: is the way back the mirror of the way there?
 *
 * Both are played through, one after the other, on a list of the objects that they name; what then
 * differs from the start is a finding at the downgrade.
 */
#ifndef MIG_VALIDATE_MIRROR_H
#define MIG_VALIDATE_MIRROR_H

struct effects;
struct inquiry;

/* STEPS: the plan's effects.  A step without an upgrade, or that has nothing, is left out; one whose upgrade
 * cannot be rendered is said to be. */
void mirror_detect(struct inquiry *q, struct effects *const *steps);

#endif
