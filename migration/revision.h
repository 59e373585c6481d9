/*
 * revision: one migration file, read without running it.
 *
 * The four identifiers are module-level assignments of literals; whatever is
 * computed is an error that says "needs Python" with file and line, never a
 * guess.  The last assignment wins, as it would.
 */
#ifndef MIG_MIGRATION_REVISION_H
#define MIG_MIGRATION_REVISION_H

#include <stddef.h>

#include "core/err.h"
#include "migration/token.h"

enum revision_body {
    BODY_MISSING, /* no such function */
    BODY_EMPTY,   /* pass, a docstring, nothing that does anything */
    BODY_RAISES,  /* raises on every path */
    BODY_CODE,
    BODY_OPAQUE,  /* imported, assigned or defined under a condition */
};

/* What was seen in upgrade() or downgrade(); a line is 0 where it was not. */
struct revision_function {
    enum revision_body body;
    int line, end_line;   /* of the def, and of the body's last token */
    int raise_line;
    int bind_line;        /* the first use of a live connection... */
    const char *bind;     /* ...and what it was (static): "get_bind" */
    int autocommit_line;  /* autocommit_block, CONCURRENTLY */
    int print_line;
    int input_line;
    int unnamed_line;     /* drop_constraint(None, ...) */
    int tab_line;         /* a string other than a docstring, in it or at module level, holds a tab */
};

struct revision {
    char *id, *file;
    char *message;      /* the docstring's first line, or "" */
    char *create_date;  /* the docstring's "Create Date:", or NULL */
    char **down, **labels, **depends; /* as written; NULL-terminated, never NULL */
    int id_line;        /* 0: the id comes from the file's name */
    struct revision_function upgrade, downgrade;
};

/* TOKENS is scratch memory, kept by the caller from file to file.  ERR_FAILED naming file and line. */
struct revision *revision_read(const char *text, size_t len, const char *file,
                               struct tokens *tokens, struct err *err) MIG_MUST_CHECK;
void revision_free(struct revision *r);

/* Going down over R brings nothing back: downgrade() raises, is missing, or is empty while upgrade()
 * is not.  The reason is appended to WHY. */
int revision_irreversible(const struct revision *r, struct buf *why, struct err *err)
    MIG_MUST_CHECK;

#endif
