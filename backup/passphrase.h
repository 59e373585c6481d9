/*
 * passphrase: asked for at the terminal, or read from a file.
 */
#ifndef MIG_BACKUP_PASSPHRASE_H
#define MIG_BACKUP_PASSPHRASE_H

#include "core/err.h"

struct secret;

/* All owned.  The first line end is no part of what a file holds. */
struct secret *passphrase_from_file(const char *path, struct err *err) MIG_MUST_CHECK;
/* "PROMPT WHAT: ", without echo.  NULL without an error where there is no terminal. */
struct secret *passphrase_from_terminal(const char *prompt, const char *what, struct err *err)
    MIG_MUST_CHECK;
/* A new passphrase for `keygen --protect`: the file, or typed twice. */
struct secret *passphrase_new(const char *file, const char *what, struct err *err) MIG_MUST_CHECK;

#endif
