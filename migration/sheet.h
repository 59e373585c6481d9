/*
 * sheet: one call of alembic --sql, and what it gives, cut out for each
 * revision on its route.
 */
#ifndef MIG_MIGRATION_SHEET_H
#define MIG_MIGRATION_SHEET_H

#include "core/buf.h"
#include "core/err.h"
#include "migration/cut.h"
#include "migration/render.h"
#include "migration/route.h"

struct steps_request;

/* Zeroed: empty. */
struct sheet {
    struct symbol_nodes route;
    char ***rows;      /* route.count + 1 sets of version rows */
    struct cut *cuts;  /* route.count */
    struct rendering rendering;
    struct buf why;    /* not cut: SQL and graph disagree */
};

/* Where Alembic goes from the one row FROM (NULL: none) to TARGET; the rows on the way.  1: it cannot
 * (an error there, said nothing of). */
int sheet_route(const struct steps_request *r, const char *from, const char *target, struct sheet *s,
                struct err *err) MIG_MUST_CHECK;
/* Ask alembic along S's route, and cut.  1: alembic failed, or WHY. */
int sheet_render(const struct steps_request *r, const char *from, const char *target, struct sheet *s,
                 struct err *err) MIG_MUST_CHECK;
void sheet_free(struct sheet *s);

#endif
