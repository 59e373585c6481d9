/* child: how a child process (pg_dump) reaches the server that a connection is at. */
#ifndef MIG_PG_CHILD_H
#define MIG_PG_CHILD_H

#include "core/err.h"

struct conn;

/* "PGHOST=...", "PGPASSWORD=...", ...: for process_options.env; NULL-terminated, wiped and freed by
 * child_environment_free.  A child needs the password that libpq was given; it goes nowhere else. */
char **child_environment(struct conn *c, struct err *err) MIG_MUST_CHECK;
void child_environment_free(char **env);

#endif
