/*
 * visit: one command's stay at the shelf: the configuration, the keys, the
 * folder, the report, and the line in the log.
 */
#ifndef MIG_BACKUP_VISIT_H
#define MIG_BACKUP_VISIT_H

#include "core/err.h"

struct audit;
struct cli_common;
struct config;
struct keyring;
struct report;

/* The visitor's until its work returns. */
struct visit {
    const struct cli_common *common;
    struct config *config;
    struct keyring *keys;
    const char *dir;
    char *path;          /* of the task's file, or NULL */
    char *state;         /* the state folder; NULL where the visit is not logged */
    struct audit *audit; /* likewise */
};

/* The report is whole, and *ERR says what was found. */
enum { VISIT_FOUND = 1 };

struct visit_task {
    const char *operation;     /* as the log names it; NULL: it changes nothing and shows no rows */
    const char *const *forms;  /* of the report, NULL-terminated */
    const char *file;          /* what visit_find finds, or NULL */
    struct keyring *(*keys)(const struct cli_common *, const struct config *, struct err *); /* NULL: keyring_load */
    /* 0, VISIT_FOUND, or -1: then nothing is reported. */
    int (*work)(struct visit *v, struct report *report, void *context, struct err *err);
};

/* All of it: T's work in between.  The report opens before the work and is written after it; a log that
 * cannot be written is an error.  0, or -1 with *ERR. */
int visit_run(const struct cli_common *common, const struct visit_task *t, void *context, struct err *err)
    MIG_MUST_CHECK;
/* FILE as an argument: a path, a name, an id, or "latest" of the database that flags or variables name.
 * Owned. */
char *visit_find(const struct visit *v, const char *file, struct err *err) MIG_MUST_CHECK;

#endif
