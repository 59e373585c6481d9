/*
 * snapshot: the affected tables, as one moment saw them, into one file.
 */
#ifndef MIG_BACKUP_SNAPSHOT_H
#define MIG_BACKUP_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct conn;
struct keyring;
struct closure;
struct effects;

enum snapshot_scope { SNAPSHOT_TABLES, SNAPSHOT_LOSS };

struct snapshot_options {
    const struct keyring *keys;
    /* What to save: exactly one of the two. */
    const struct closure *closure; /* tables at risk, and their sequences */
    const uint32_t *oids;          /* or these relations */
    size_t noids;
    const char *const *filters;    /* with OIDS: of each, SQL over the table called t, or NULL */
    const uint32_t *exclude;
    size_t nexclude;
    enum snapshot_scope scope;
    /* SNAPSHOT_LOSS: what going forward again would run (plan_effects of plan_reverse), which says
     * what an added column is filled with.  None: nothing is assumed, every row is saved. */
    struct effects *const *forward;
    size_t nforward;
    int forward_known;             /* FORWARD is all of it, and can be rendered */
    /* Where to. */
    const char *dir;               /* the shelf; NULL with FILE */
    const char *file;              /* or this path; "-" is standard output */
    const char *purpose;           /* "pre-deploy", "rollback": part of the file's name */
    const char *name, *reason, *environment, *command;
    const char *const *from, *const *to; /* version rows before and after, NULL-terminated, or NULL */
    /* How. */
    int jobs;                      /* workers; 0: 2 */
    int held;                      /* the leader's transaction is the caller's and already holds the
                                      locks; it is left open.  Otherwise one is begun and ended */
    int alone;                     /* copy on the leader's connection only (the short copy) */
    int no_ddl, require_ddl;
    const char *ddl, *ddl_why;     /* HELD: the DDL as ddl_ahead brought it, or NULL and why there is none; pg_dump is
                                      not asked, for it would wait for the caller's own locks */
    int64_t lock_timeout_ms;
    const char *receipt;           /* --receipt FILE, or NULL */
    void (*tick)(void *arg, uint64_t rows, uint64_t bytes, uint64_t total_bytes); /* or NULL */
    void *tick_arg;
};

struct snapshot_table {
    char *schema, *name;
    uint64_t rows, bytes;    /* of NDJSON */
    char digest[33];
    int complete;            /* every row and every stored column */
    char **columns, **types;
    size_t ncolumns;
    char *filter;            /* SQL, or NULL: all rows */
};

struct snapshot_result {
    char *file;              /* absolute */
    char archive_id[65];
    char *created;           /* 2026-11-20T10:30:00Z */
    char *signer;            /* mig-pub-... */
    uint64_t file_bytes;
    int verified;            /* read back: hash and tag of every frame */
    struct snapshot_table *tables;
    size_t ntables;
    char **notes;            /* "materialized view x: contents not saved", ... */
    size_t nnotes;
    char *no_ddl;            /* why the DDL that belongs to it is not in it, or NULL */
};

/* On failure nothing is left under the final name, and the temporary file is removed. */
int snapshot_create(struct conn *leader, const struct snapshot_options *o,
                    struct snapshot_result *r, struct err *err) MIG_MUST_CHECK;
void snapshot_result_free(struct snapshot_result *r);

#endif
