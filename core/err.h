/*
 * err: one failure, told to a person and to a program.
 *
 * A struct err holds fixed arrays, so that running out of memory can be
 * reported too.  The first cause wins: setting an err that is already set
 * changes nothing; context is added in front with err_prefix.  Functions
 * that can fail return -1 or NULL with *ERR set, and take ERR last.
 */
#ifndef MIG_CORE_ERR_H
#define MIG_CORE_ERR_H

/* What went wrong, as the exit code tells it (docs/exit-codes.md). */
enum err_kind {
    ERR_NONE = 0,
    ERR_FINDING,     /* 1: unsafe, no-go */
    ERR_USAGE,       /* 2: usage or configuration */
    ERR_FAILED,      /* 3: could not do it, or could not check it */
    ERR_REFUSED,     /* 4: refused by a guard, nothing changed */
    ERR_BACKUP,      /* 5: a backup is damaged, not authentic, or not readable with this key */
    ERR_UNKNOWN,     /* 6: outcome unknown: the server was lost in COMMIT */
    ERR_UNFINISHED,  /* 7: changed but unfinished, or a check after the change failed */
    ERR_INTERRUPTED, /* 128 + signo, after clean-up */
};

struct err {
    enum err_kind kind;
    int signo;           /* ERR_INTERRUPTED: SIGINT, SIGTERM or SIGHUP */
    char sqlstate[6];    /* "" where the server did not speak */
    char message[1024];  /* what happened, to which object, why; no full stop, no newline */
    char detail[2048];   /* "" or more of it; the server's DETAIL */
    char hint[1024];     /* "" or what to do next */
};

/* Both return -1 always, so that `return err_set(...)` reads well. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* As err_set, and appends ": strerror(errno)". */
int err_set_errno(struct err *err, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Out of memory, ERR_FAILED.  Returns -1. */
int err_oom(struct err *err);

/* Set detail or hint if it is still empty. */
void err_detail(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "prefix: message".  Returns -1. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct err *err);

/* The process's exit code for ERR: 0 for ERR_NONE (DESIGN.md, section 6). */
int err_exit_code(const struct err *err);
/* "usage", "refused", ...: the word for reports and the log. */
const char *err_kind_name(enum err_kind kind);

#define MIG_MUST_CHECK __attribute__((warn_unused_result))

#endif
