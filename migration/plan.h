/*
 * plan: which revisions would run, in what order, with what SQL, and the
 * version table's rows before and after each.
 */
#ifndef MIG_MIGRATION_PLAN_H
#define MIG_MIGRATION_PLAN_H

#include <stddef.h>

#include "core/err.h"
#include "migration/plain.h"

struct cli_common;
struct config;
struct conn;
struct script;
struct effects;

enum plan_direction {
    PLAN_DOWN,
    PLAN_UP,
    PLAN_TO,     /* up or down, whichever leads there */
    PLAN_SQL,    /* files of any other tool */
};

/* Borrowed until plan_make returns.  Zeroed: alembic.ini here, the database's rows. */
struct plan_request {
    enum plan_direction direction;
    const char *revision;              /* anything that Alembic takes */
    const char *const *sql_files;      /* PLAN_SQL; "-" is standard input */
    size_t nsql_files;
    const char *const *undo_files;     /* PLAN_SQL: the scripts that go forward again, in their order; none:
                                          found by the tools' naming (plain_forward) */
    size_t nundo_files;
    const char *version_column;        /* PLAN_SQL: the column of VERSION_TABLE whose values are checked */
    const char *const *version_before; /* PLAN_SQL: its values before the files; none: no version rows */
    size_t nversion_before;
    const char *const *version_after;  /* and after them; none: as before */
    size_t nversion_after;
    const char *tool;                  /* PLAN_SQL: who runs the files (plain_tools); NULL: mig-rollback */
    const char *alembic_config, *alembic_name, *alembic_command, *versions, *version_table;
    const char *current;               /* "REV,..." instead of the database's rows, or NULL */
    const char *current_from;          /* DIR: the heads of another checkout, or NULL */
    int both;                          /* plan_reverse will be asked for: render both ways at the same time */
    int no_sql;                        /* from the revision files alone: no database, no Python */
};

struct plan_step {
    char *revision;     /* an id; for PLAN_SQL the file's name */
    char *file;
    char *message;      /* the docstring's first line, or "" */
    char **before, **after; /* version rows, sorted, NULL-terminated */
    struct script *script;  /* NULL with no_sql, for an online-only step, and for one that raises */
    struct effects *effects; /* NULL with script */
    int online_only;    /* cannot be rendered: runs through the alembic command */
    char *online_why;   /* "reads the database in Python (get_bind), 0042_x.py line 31" */
    int irreversible;   /* empty, pass-only or raising */
    char *irreversible_why;
    char *warning;      /* "a tab inside a string ...", or NULL */
    struct script *forward;     /* the way there of which this is the way back, where it is known */
    struct effects *forward_effects; /* NULL with forward */
    char *forward_why;  /* the way there is known, but its SQL is not: why.  Or NULL */
    struct plain_manner manner; /* PLAN_SQL: how the file is run */
    int begins;         /* Alembic itself begins a transaction for it, behind the step before (transaction_per_migration) */
    int autocommit;     /* the file's line that leaves the transaction (autocommit_block, CONCURRENTLY), or 0 */
};

struct plan {
    enum plan_direction direction; /* PLAN_TO is resolved to DOWN or UP */
    char **from, **to;             /* version rows before and after, sorted, NULL-terminated */
    struct plan_step *steps;
    size_t nsteps;
    char *version_schema, *version_table; /* NULL for files without version rows */
    char *version_column;          /* of files' version rows; NULL: Alembic's */
    struct plan_back *back;        /* with BOTH: what plan_reverse will give */
    char digest[65];               /* of SQL bytes, from, to; server identity is mixed in by rollback */
};

/* What R leaves open of where and how Alembic is: the common flags, then mig.json's "alembic" (CONFIG may be
 * NULL).  C and CONFIG outlive R. */
void plan_request_settle(struct plan_request *r, const struct cli_common *c, const struct config *config);
/* C may be NULL with current/current_from (rendering then needs Python but no database).
 * ERR_USAGE: no alembic.ini, no such revision, ambiguous.  ERR_FAILED: rendering failed, files that
 * need Python, unknown rows ("the database is ahead of these files").  */
struct plan *plan_make(const struct plan_request *r, struct conn *c, struct err *err) MIG_MUST_CHECK;
void plan_free(struct plan *p);

/* With BOTH it is ready, and given once.  The way back: the upgrade from P's target rows to P's starting rows (undo), rendered. */
struct plan *plan_reverse(const struct plan *p, const struct plan_request *r, struct conn *c,
                          struct err *err) MIG_MUST_CHECK;

/* The upgrades that P's downgrades take back, into its steps' FORWARD; of files those that plain_forward
 * finds. */
int plan_forward(struct plan *p, const struct plan_request *r, struct conn *c, struct err *err) MIG_MUST_CHECK;

/* The steps' scripts and effects as arrays, for effects_find_all and closure_find; borrowed from P,
 * the arrays owned by the caller.  *N is the number of steps that have a script. */
struct effects **plan_effects(const struct plan *p, size_t *n, struct err *err) MIG_MUST_CHECK;

/* sqlalchemy.url of the configuration that R names, or NULL where there is none; owned. */
char *plan_database_url(const struct plan_request *r, struct err *err) MIG_MUST_CHECK;

#endif
