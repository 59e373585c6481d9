/* shown: SQL as people may see it, without its values. */
#ifndef MIG_SCRIPT_SHOWN_H
#define MIG_SCRIPT_SHOWN_H

/* Literals replaced by $n, for SQL that is shown; NULL where it cannot be parsed (then show nothing
 * of it).  Owned. */
char *shown_normalize(const char *sql);

/* SQL with the same characters at the same places, but for what is inside of literals and comments: dots.
 * Also where it does not parse; NULL where the lexer cannot get through it.  Owned. */
char *shown_mask(const char *sql);

#endif
