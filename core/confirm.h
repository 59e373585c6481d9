/*
 * confirm: the operator types a name, or flags say it.
 */
#ifndef MIG_CORE_CONFIRM_H
#define MIG_CORE_CONFIRM_H

#include "core/err.h"

struct confirm_options {
    const char *name;  /* what must be typed: "ENV/DATABASE" or the database's name */
    const char *what;  /* "roll back", shown in the prompt */
    int required;      /* 0: --yes alone suffices; 1 (production, changes of data): the name too */
    int yes;           /* --yes */
    const char *given; /* --confirm NAME, or NULL */
};

/* 0: confirmed.  ERR_REFUSED: a wrong name, or no terminal and no --yes (--confirm NAME); the
 * hint says exactly what to type.  The terminal is /dev/tty, never standard input. */
int confirm_ask(const struct confirm_options *o, struct err *err) MIG_MUST_CHECK;

#endif
