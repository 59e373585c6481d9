/*
 * project: where an Alembic project keeps its files.
 *
 * alembic.ini (the [alembic] section, or --alembic-name's) is read as Alembic
 * reads it.  pyproject.toml is not: Debian has no TOML library for C.
 */
#ifndef MIG_MIGRATION_PROJECT_H
#define MIG_MIGRATION_PROJECT_H

#include "core/err.h"

struct plan_request;

struct project {
    char *config;      /* the ini file; NULL: --versions alone */
    int config_given;  /* by --alembic-config or $ALEMBIC_CONFIG */
    char **versions;   /* folders, NULL-terminated */
    int recursive;
    int sourceless;    /* Alembic would run compiled files without a source too */
    int missing_ok;    /* version_locations that are not there are skipped */
    char *url;         /* sqlalchemy.url, or NULL */
};

/* ERR_USAGE for what is missing or needs Python, naming the flag that helps. */
struct project *project_read(const struct plan_request *r, struct err *err) MIG_MUST_CHECK;
/* The same for the checkout in DIR (--current-from): its alembic.ini, or its versions folder. */
struct project *project_read_dir(const struct plan_request *r, const char *dir, struct err *err)
    MIG_MUST_CHECK;
void project_free(struct project *p);

#endif
