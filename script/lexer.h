/* lexer: PostgreSQL's own lexer.  Cheap, and not recursive. */
#ifndef MIG_SCRIPT_LEXER_H
#define MIG_SCRIPT_LEXER_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* One lexical token, comments among them, as bytes [start, end) of the text. */
struct lexer_token {
    uint32_t start, end;
    int keyword; /* 0: not a keyword */
};

struct lexer {
    struct lexer_token *items;
    size_t count;
    size_t at; /* on failure: the byte that the lexer could not get past */
};

/* ERR_FAILED (an unclosed quote or comment) sets AT. */
int lexer_read(const char *text, struct lexer *tokens, struct err *err) MIG_MUST_CHECK;
void lexer_free(struct lexer *tokens);

#endif
