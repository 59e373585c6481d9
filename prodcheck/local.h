/*
 * local: what is looked at from here, without a query: clock, files, disk, the application.
 */
#ifndef MIG_PRODCHECK_LOCAL_H
#define MIG_PRODCHECK_LOCAL_H

#include "prodcheck/check.h"

struct conn;
struct result;

/* The time zones that mig.json's windows name, as an array literal; owned.  "{}" without a window. */
char *local_window_zones(const struct config *config, struct err *err) MIG_MUST_CHECK;
/* ERR_USAGE: a window that cannot be read. */
int local_window_known(const struct config *config, struct err *err) MIG_MUST_CHECK;
/* R: (zone, NULL, "ID HH24:MI", ...) as the server's clock has it. */
int local_window(const struct check *k, const struct config *config, const struct result *r,
                 struct check_result *out, struct err *err) MIG_MUST_CHECK;
/* Is DAY (1: Monday) at MINUTE of the day inside of WINDOW ("Mon-Fri 09:00-16:00 Europe/Berlin")?
 * 1, 0, or -1 where WINDOW cannot be read. */
int local_window_open(const char *window, int day, int minute);

int local_flag_file(const struct check *k, const struct config *config, struct check_result *out,
                    struct err *err) MIG_MUST_CHECK;
int local_health(const struct check *k, const struct config *config, struct check_result *out,
                 struct err *err) MIG_MUST_CHECK;
/* Only where the server's data folder is on this machine; LARGEST: bytes that a rewrite needs. */
int local_disk(const struct check *k, const struct check_limits *limits, const struct conn *c,
               const char *data_directory, double largest, struct check_result *out,
               struct err *err) MIG_MUST_CHECK;

#endif
