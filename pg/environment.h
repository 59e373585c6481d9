/*
 * environment: which server, which database, in which role of the company's life.
 */
#ifndef MIG_PG_ENVIRONMENT_H
#define MIG_PG_ENVIRONMENT_H

#include <stdint.h>

#include "core/err.h"

struct conn;
struct config;

struct session_along;

struct environment {
    char *name;            /* from --env, $MIG_ENV or mig.json's hosts; NULL: none configured */
    int production;        /* mig.json says so of NAME */
    char *confirm;         /* what to type: "ENV/DATABASE", or the database's name */
    char *system_id;       /* pg_control_system(), "" where the role may not ask */
    uint32_t database_oid;
    char *database;
    int standby;           /* pg_is_in_recovery() */
    int pooled;            /* the backend at login and the one that answers are not the same */
    int contradiction;     /* the named environment and the address disagree; WHY says how */
    char *why;
};

/* NAMED: --env or NULL ($MIG_ENV is asked here).  A contradiction is reported in the struct, and is
 * a refusal. */
struct environment *environment_read(struct conn *c, const struct config *config, const char *named,
                                     struct err *err) MIG_MUST_CHECK;
/* For conn_open: what environment_read will ask. */
struct session_along *environment_along(struct err *err) MIG_MUST_CHECK;
void environment_free(struct environment *e);

#endif
