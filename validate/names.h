/*
 * names: does the server know the types, sequences, functions and other relations that a statement names beside
 * its own table?  Asked with to_regclass and its kin along the migration's search path.
 */
#ifndef MIG_VALIDATE_NAMES_H
#define MIG_VALIDATE_NAMES_H

struct conn;
struct inquiry;
struct statement;

/* ST comes before anything that makes or renames such things.  C: a migration session in a read-only
 * transaction.  -1: nothing more can be asked. */
int names_check(struct inquiry *q, struct conn *c, const struct statement *st);

#endif
