/*
 * hazard: what can be wrong with a statement, in one table.
 *
 * docs/hazards.md is generated from it (mig-validate hazards), and the tests run
 * every TRIPS and every NEIGHBOUR.
 */
#ifndef MIG_VALIDATE_HAZARD_H
#define MIG_VALIDATE_HAZARD_H

#include <stddef.h>

#include "validate/judge.h"

#define HAZARD_LOSS 1u    /* stored data is destroyed or altered: measured */
#define HAZARD_DATA 2u    /* fails, depending on the data: measured */
#define HAZARD_STYLE 4u   /* off unless --style */
#define HAZARD_OPAQUE 8u  /* cannot be judged: the verdict is unknown */
#define HAZARD_SIZE 16u   /* harmless on a small table */

struct hazard {
    const char *code;     /* stable: "drop-column" */
    const char *group;    /* "data-loss", "lossy-cast", "locks", "data-dependent", "compatibility",
                           * "transactions", "timeouts", "opaque", "style" */
    const char *title;
    enum severity severity; /* unmeasured */
    unsigned flags;
    const char *versions; /* "all", "11 and older", ... */
    const char *why;
    const char *remedy;
    const char *trips;    /* SQL that has it */
    const char *neighbour; /* close, and must not have it */
};

extern const struct hazard hazard_table[];
extern const size_t hazard_count;

/* By code; '_' and '-' and case are the same.  NULL: no such code. */
const struct hazard *hazard_find(const char *code);

#endif
