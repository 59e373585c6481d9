/* password: asked at the terminal, never at standard input. */
#ifndef MIG_PG_PASSWORD_H
#define MIG_PG_PASSWORD_H

#include "core/err.h"

/* Owned; the caller wipes it.  ERR_FAILED where there is no terminal. */
char *password_ask(const char *title, struct err *err) MIG_MUST_CHECK;

#endif
