/*
 * process: a child process, bounded and without a shell.
 *
 * Standard input is /dev/null (or a given buffer), output goes to memory,
 * nothing touches a disk.  Every descriptor but 0-2 is closed and variables
 * that hold our secrets (MIG_KEY, ...) are removed from the child's environment.
 */
#ifndef MIG_CORE_PROCESS_H
#define MIG_CORE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

struct process_options {
    const char *const *argv;  /* NULL-terminated; argv[0] is searched on PATH */
    const char *const *env;   /* "NAME=value" to add, NULL-terminated, or NULL */
    const char *dir;          /* working directory, or NULL */
    const struct buf *input;  /* for standard input, or NULL */
    int64_t timeout_ms;       /* 0: 10 minutes.  Past it: SIGTERM, then SIGKILL, to the whole group */
    size_t max_output;        /* 0: 256 MiB; more is an error */
    int pass_stderr;          /* the child's standard error goes to ours */
    const _Atomic int *stop;  /* not 0, from whatever thread: the group is killed; or NULL */
};

struct process_result {
    struct buf out, err;
    int status; /* the exit code, or 128 + signal */
};

/* 0: the child ran (look at status).  -1: it could not be started (127 is told apart: not found),
 * took too long, printed too much, was stopped, or we were interrupted.  Free with process_result_free. */
int process_run(const struct process_options *o, struct process_result *r, struct err *err)
    MIG_MUST_CHECK;
void process_result_free(struct process_result *r);

/* Split COMMAND as a POSIX shell splits words (quotes and backslashes; no expansion).  Owned,
 * NULL-terminated; free with process_words_free. */
char **process_words(const char *command, struct err *err) MIG_MUST_CHECK;
void process_words_free(char **words);
/* Append WORD as a POSIX shell reads it back: in single quotes where it needs them.  For BARE's
 * characters ("" or more) it does not. */
int process_quote(struct buf *b, const char *word, const char *bare, struct err *err) MIG_MUST_CHECK;

#endif
