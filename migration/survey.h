/*
 * survey: all that is wrong with a history, by file and line.
 *
 * From the revision files alone; with a connection also whether the version
 * rows fit them.
 */
#ifndef MIG_MIGRATION_SURVEY_H
#define MIG_MIGRATION_SURVEY_H

#include <stddef.h>

#include "core/err.h"

struct conn;
struct plan_request;

enum survey_severity { SURVEY_INFO, SURVEY_LOW, SURVEY_MEDIUM, SURVEY_HIGH, SURVEY_CRITICAL };

struct survey_item {
    const char *code, *title;    /* static */
    enum survey_severity severity;
    int unread;                  /* nobody can tell without Python: the verdict is "unknown" */
    char *revision;              /* or NULL */
    char *file;                  /* or NULL */
    int line;                    /* or 0 */
    char *message, *remedy;      /* REMEDY or NULL */
};

struct survey {
    struct survey_item *items;   /* by severity, then file and line */
    size_t count;
    size_t revisions;
    char **heads, **bases;       /* NULL-terminated */
    char **rows;                 /* of the version table; NULL without a connection */
    int rendered;                /* alembic rendered the downgrades: else "online-only" is from the source */
    size_t pending;              /* revisions between the rows and the heads */
};

/* -1: there is no project to look at (no alembic.ini, no versions folder). */
struct survey *survey_make(const struct plan_request *r, struct conn *c, struct err *err)
    MIG_MUST_CHECK;
/* Ask alembic for the SQL of every downgrade: what does not render is "online-only", and what the source made
 * suspect but does render is not.  -1: alembic cannot be run here, or the history cannot be planned. */
int survey_render(struct survey *s, const struct plan_request *r, struct err *err) MIG_MUST_CHECK;
void survey_free(struct survey *s);

#endif
