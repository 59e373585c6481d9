/*
 * statement: a migration script, cut into statements that keep their place.
 */
#ifndef MIG_SCRIPT_STATEMENT_H
#define MIG_SCRIPT_STATEMENT_H

#include <jansson.h>
#include <stddef.h>

#include "core/err.h"

struct statement {
    int index;          /* from 1, within the script */
    const char *file;   /* borrowed from the script */
    int line, column;   /* from 1, of its first token */
    size_t offset, len; /* in the script's text */
    char *text;         /* exact, without the semicolon */
    const char *copy_data; /* COPY FROM STDIN: the rows up to \., borrowed; NULL otherwise */
    size_t copy_len;
    json_t *tree;       /* the parse tree's Node object ({"AlterTableStmt": {...}}), NULL if unknown */
    size_t unknown_at;  /* before which character of TEXT (from 1) the parser stopped; 0: not known */
    char *unknown;      /* why it could not be parsed, or NULL: "unknown", never "safe" */
    int segment;        /* from 0: statements of one segment share a transaction */
    int in_transaction; /* other statements of its segment can commit or fall with it */
    int alone;          /* cannot run inside a transaction block (CONCURRENTLY, VACUUM, ...) */
    char *tag;          /* the command tag that the server will answer ("ALTER TABLE"), NULL if not known */
};

/* A comment, between or inside statements, with its dashes or stars. */
struct script_comment {
    size_t offset, len;
    int line;
    int after; /* the last statement that begins before it, by index; 0: none */
};

struct script {
    char *file;
    char *text;
    size_t len;
    struct statement *statements;
    size_t count;
    struct script_comment *comments;
    size_t ncomments;
    int segments;       /* 1 for an ordinary script */
    int balanced;       /* every BEGIN has its COMMIT */
};

/* How transactions are read. */
enum script_mode {
    SCRIPT_WHOLE,   /* one transaction around all (BEGIN/COMMIT in it cut segments) */
    SCRIPT_AUTO,    /* autocommit between BEGIN and COMMIT, as psql -f */
    SCRIPT_BATCH,   /* all in one message: the server makes a transaction of several statements */
};

/* TEXT is copied; FILE names it in messages.  A statement that does not parse is in the result with
 * UNKNOWN set; -1/NULL only for what makes the whole script unusable (psql meta-commands, a NUL byte,
 * an unclosed quote): ERR_FAILED with file and line. */
struct script *script_read(const char *text, size_t len, const char *file, enum script_mode mode,
                           struct err *err) MIG_MUST_CHECK;
void script_free(struct script *s);
/* Read its transactions anew: the statements' segments, and whether they are balanced. */
void script_transactions(struct script *s, enum script_mode mode);

/* The text of a message's position: line and column, from 1, in characters, of byte OFFSET. */
void script_position(const struct script *s, size_t offset, int *line, int *column);

#endif
