/*
 * log: messages for people, on standard error.
 *
 * Results never go through here; they are for standard output alone.  The
 * level is one of the few globals that the house allows.  Only cmd/ prints
 * errors (log_err); lower floors may warn, inform and debug.
 */
#ifndef MIG_CORE_LOG_H
#define MIG_CORE_LOG_H

struct err;

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* PROGRAM is borrowed for the life of the process.  Quiet leaves errors. */
void log_init(const char *program, enum log_level level);
enum log_level log_level(void);
/* Colour on standard error: a terminal, and NO_COLOR unset. */
int log_colour(void);

/* "mig-backup: error: message", then detail and hint on lines of their own. */
void log_err(const struct err *err);
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "  hint: ...", shown at the level of warnings. */
void log_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
