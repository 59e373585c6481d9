/*
 * column: what a column is by the time of a statement, after those of the plan that come before it.
 */
#ifndef MIG_VALIDATE_COLUMN_H
#define MIG_VALIDATE_COLUMN_H

#include <stdint.h>

struct effect;
struct facts_column;
struct inquiry;

/* Types whose modifier decides whether a value fits as it is; OIDs are fixed (pg_type.dat). */
enum {
    T_BPCHAR = 1042,
    T_VARCHAR = 1043,
    T_TIME = 1083,
    T_TIMESTAMP = 1114,
    T_TIMESTAMPTZ = 1184,
    T_INTERVAL = 1186,
    T_TIMETZ = 1266,
    T_BIT = 1560,
    T_VARBIT = 1562,
    T_NUMERIC = 1700,
};

/* The modifier of a type name (a parse tree's TypeName) of type TYPE, as the server stores it; -1: none,
 * -2: cannot tell. */
int column_typmod(uint32_t type, const void *type_name);

/* E's column in TABLE (its relation, or a child of that): the server's word, with the type and NOT NULL that
 * earlier statements give it.  0: not known. */
int column_now(const struct inquiry *q, const struct effect *e, uint32_t table, struct facts_column *out);

/* The server's name of the column that E's statement calls NAME in E's relation; NULL: the script made it. */
const char *column_on_server(const struct inquiry *q, const struct effect *e, const char *name);

/* The same of E's partner: what a foreign key references. */
const char *column_of_partner(const struct inquiry *q, const struct effect *e, const char *name);

/* The ADD COLUMN that made E's column in a table of the server's; NULL: it is older, or the table is the
 * script's own. */
const struct effect *column_added(const struct inquiry *q, const struct effect *e);

/* The same of the column NAME of E's relation. */
const struct effect *column_added_as(const struct inquiry *q, const struct effect *e, const char *name);

/* Does a valid CHECK of TABLE, the server's or the script's, say that E's column is not NULL? */
int column_proved(const struct inquiry *q, const struct effect *e, uint32_t table);

/* Does the column of ADDED (column_added) hold nothing yet when E comes: no default, and no UPDATE between? */
int column_bare(const struct inquiry *q, const struct effect *e, const struct effect *added);

/* Has an earlier UPDATE filled every NULL of E's column? */
int column_filled(const struct inquiry *q, const struct effect *e);

#endif
