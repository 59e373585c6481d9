/*
 * guard: everything that is found out before anything is touched (DESIGN.md, section 7, steps 0-3).
 *
 * All reasons to refuse are collected, so that one look shows them all; run stops at
 * them, plan shows them.
 */
#ifndef MIG_ROLLBACK_GUARD_H
#define MIG_ROLLBACK_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include "backup/selection.h"
#include "core/err.h"
#include "rollback/request.h"

struct conn;
struct ddl;
struct environment;
struct closure;
struct judgement;
struct verdict;
struct proof;

struct guard_refusal {
    char *name;    /* what --force takes, or why it takes nothing */
    char *message;
    char *hint;    /* or NULL */
    int may_force;
    int forced;
};

/* INEXACT: it goes forward and puts values back, and what differs then is said.  The numbers are in journals. */
enum guard_undo { UNDO_EXACT, UNDO_STAGED, UNDO_IMPOSSIBLE, UNDO_INEXACT };

/* One table as the plan meets it; same order as closure->tables. */
struct guard_table {
    int64_t bytes, rows; /* now; rows is an estimate, -1: not known */
    enum selection_key key; /* by which values can be put back */
};

struct guard {
    const struct rollback_request *request;
    struct conn *control;         /* our own session: identity, catalog, watching */
    struct conn *main;            /* the migration's session */
    struct environment *environment;
    char *state_dir, *key;        /* the journal's place and key */
    struct plan *plan, *reverse;  /* REVERSE NULL: no way forward is known */
    char *reverse_why;            /* why not, or NULL */
    struct closure *closure;
    struct guard_table *tables;
    struct judgement *judgement;  /* or NULL */
    struct verdict *verdict;      /* or NULL */
    struct proof *proof;          /* the catalog as it was when the plan was made */
    struct ddl *ddl;              /* the schema for the backup, being read, or NULL */
    struct guard_refusal *refusals;
    size_t nrefusals;
    enum guard_undo undo;
    char *undo_why;               /* of all but EXACT */
    uint64_t bytes;               /* at risk */
    int64_t copy_ms;              /* estimated */
    int short_copy;
    int command;                  /* a step cannot be rendered: all runs through alembic itself */
    char digest[65];              /* plan, identity and affected columns */
};

/* The control session, the environment and the state folder's key.  Both for guard_examine and for
 * commands that need no plan (status). */
struct guard *guard_open(const struct rollback_request *r, struct err *err) MIG_MUST_CHECK;
/* The plan that the request asks for; REVISION instead of the request's where not NULL. Then closure, measurement, gate, estimates.  -1 where it could not be found out. */
int guard_examine(struct guard *g, const char *revision, struct err *err) MIG_MUST_CHECK;
/* As guard_examine, for a plan (and its REVERSE, or NULL) that the journal kept; takes both.  JUDGED:
 * measure and ask the gate too. */
int guard_examine_kept(struct guard *g, struct plan *plan, struct plan *reverse, int judged,
                       struct err *err) MIG_MUST_CHECK;
/* pg_dump begins to read the schema for a backup under locks, beside whatever comes next. */
int guard_read_schema(struct guard *g, struct err *err) MIG_MUST_CHECK;
void guard_free(struct guard *g);

#endif
