/*
 * token: Python's lexical analysis, for reading a migration without running it.
 *
 * Logical lines, implicit and explicit line joining, every form of string,
 * comments, the encoding declaration, the byte order mark.  No grammar: what
 * the tokens mean is revision's business.
 */
#ifndef MIG_MIGRATION_TOKEN_H
#define MIG_MIGRATION_TOKEN_H

#include <stddef.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"

enum token_kind {
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_OP,      /* one operator or delimiter; "->", ":=", "==" and the like are one token */
    TOKEN_NEWLINE, /* ends a logical line */
    TOKEN_END,
};

#define TOKEN_RAW 1u
#define TOKEN_BYTES 2u
#define TOKEN_FORMAT 4u /* f-string: computed */
#define TOKEN_FIRST 8u  /* first of its logical line: COLUMN is the indentation */

struct token {
    enum token_kind kind;
    unsigned flags;
    int line, column; /* line from 1; column from 0, tabs to multiples of eight */
    size_t start, len; /* in the text; of a string, with prefix and quotes */
    unsigned char quotes, prefix; /* of a string: 1 or 3; length of the prefix */
};

struct tokens {
    struct token *items; /* the last is TOKEN_END */
    size_t count, cap;
    struct buf text;     /* UTF-8, after decoding; '\r' kept */
};

/* Read TEXT into T, replacing what was there (so that one T serves many files); ERR_FAILED with FILE
 * and line for what is not Python.  A zeroed struct is empty. */
int tokens_read(struct tokens *t, const char *text, size_t len, const char *file, struct err *err)
    MIG_MUST_CHECK;
void tokens_free(struct tokens *t);

/* K is the name or operator S.  Asked of every token, many times: most differ in the first character. */
static inline int token_is(const struct tokens *t, const struct token *k, const char *s)
{
    const char *text = t->text.data + k->start;

    return k->len > 0 && text[0] == s[0] && (k->kind == TOKEN_NAME || k->kind == TOKEN_OP) &&
           strncmp(text, s, k->len) == 0 && s[k->len] == '\0';
}
/* ( [ {, and ) ] }. */
int token_opens(const struct tokens *t, const struct token *k);
int token_closes(const struct tokens *t, const struct token *k);
/* The end of a logical line, and where K's is. */
int token_ends(const struct token *k);
const struct token *token_line_end(const struct token *k);

#endif
