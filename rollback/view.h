/* view: a plan and an outcome, for people and as JSON. */
#ifndef MIG_ROLLBACK_VIEW_H
#define MIG_ROLLBACK_VIEW_H

#include <jansson.h>
#include <stdio.h>

#include "core/err.h"

struct guard;

void view_plan(const struct guard *g, FILE *out);
/* A plan that the journal kept: WHAT ("Undo of run ...") is done with it; VALUES: the backup that values come from,
 * or NULL. */
void view_kept(const struct guard *g, const char *what, const char *values, FILE *out);
/* "mig-rollback/1".  Owned. */
json_t *view_plan_json(const struct guard *g, struct err *err) MIG_MUST_CHECK;

enum outcome { OUTCOME_COMMITTED, OUTCOME_ROLLED_BACK, OUTCOME_NOT_STARTED, OUTCOME_PARTIAL, OUTCOME_UNKNOWN };

/* How a run ended.  Strings owned; free with outcome_free. */
struct outcome_report {
    char *run;
    enum outcome outcome;
    int running;      /* the writer still lives */
    char *kind;       /* "rollback", "undo" */
    char *from, *to;  /* joined version rows */
    char *begun;      /* when, of a run that is looked up, or NULL */
    char *command;    /* what was typed, secrets masked, or NULL */
    char *backup;     /* file, or NULL */
    char *next;       /* the command to type, or NULL */
    char *why;        /* of what was not committed, or NULL */
    char **notes;     /* NULL-terminated, or NULL */
    json_t *tables;   /* undo: what was put back, or NULL */
    json_t *meanwhile; /* undo: what others wrote since the rollback, or NULL */
};

const char *outcome_name(enum outcome o);
void view_outcome(const struct outcome_report *r, FILE *out);
json_t *view_outcome_json(const struct outcome_report *r, struct err *err) MIG_MUST_CHECK;
void outcome_free(struct outcome_report *r);

#endif
