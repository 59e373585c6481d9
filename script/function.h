/* function: which of PostgreSQL's own functions a script may call without anyone having to look. */
#ifndef MIG_SCRIPT_FUNCTION_H
#define MIG_SCRIPT_FUNCTION_H

/* 1: NAME in SCHEMA (NULL: by search_path) is built in, or of a well-known extension, and neither
 * stores nor destroys data. */
int function_harmless(const char *schema, const char *name);

#endif
