/* strings: NULL-terminated arrays of owned strings; NULL is an empty one. */
#ifndef MIG_CORE_STRINGS_H
#define MIG_CORE_STRINGS_H

#include <stddef.h>

#include "core/err.h"

/* Append a copy of TEXT. */
int strings_add(char ***list, const char *text, struct err *err) MIG_MUST_CHECK;
int strings_addf(char ***list, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) MIG_MUST_CHECK;
size_t strings_count(char *const *list);
/* The index of TEXT, or -1. */
int strings_find(char *const *list, const char *text);
void strings_free(char **list);

/* strdup that reports; a NULL TEXT gives NULL and no error. */
int strings_dup(char **out, const char *text, struct err *err) MIG_MUST_CHECK;
/* *OUT is owned, and not freed before. */
int strings_format(char **out, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) MIG_MUST_CHECK;

#endif
