/*
 * version: the version table, on the server and in rendered SQL.
 */
#ifndef MIG_MIGRATION_VERSION_H
#define MIG_MIGRATION_VERSION_H

#include "core/buf.h"
#include "core/err.h"
#include "migration/route.h"

struct conn;
struct statement;

struct version_name {
    char *schema; /* or NULL: by search_path */
    char *table;  /* or NULL: not known */
};
void version_name_free(struct version_name *n);
int version_name_copy(const struct version_name *from, struct version_name *to, struct err *err)
    MIG_MUST_CHECK;
/* "[schema.]name". */
int version_name_read(const char *text, struct version_name *n, struct err *err) MIG_MUST_CHECK;

/* The version table on the server: the one that FLAG names, else the only one that looks like it, in
 * any schema.  *NAME stays empty where there is none.  ERR_USAGE, naming --version-table, where FLAG
 * is not there, or there are several. */
int version_find(struct conn *c, const char *flag, struct version_name *name, struct err *err)
    MIG_MUST_CHECK;
/* Its rows, in the order in which the server gives them; owned, NULL-terminated. */
char **version_rows(struct conn *c, const struct version_name *name, struct err *err)
    MIG_MUST_CHECK;

/* Another tool's: *NAME and *IS (owned) as the server has what TABLE and COLUMN name, quoted as in psql.
 * ERR_USAGE where it has none. */
int version_locate(struct conn *c, const char *table, const char *column, struct version_name *name, char **is,
                   struct err *err) MIG_MUST_CHECK;

enum version_kind {
    VERSION_NOT,    /* another table's */
    VERSION_OP,     /* one row of it: see the op */
    VERSION_CREATE, /* CREATE TABLE */
    VERSION_DROP,   /* DROP TABLE */
    VERSION_ODD,    /* on the table, but not what Alembic writes */
};
/* What S does to the version table NAME (TABLE NULL: any table with Alembic's statements).  The op's
 * strings are borrowed from the tree, as is *SCHEMA and *TABLE, the relation as S writes it. */
enum version_kind version_statement(const struct statement *s, const struct version_name *name,
                                    struct route_op *op, const char **schema, const char **table);
/* The statement of OP, with semicolon and newlines, as Alembic writes it. */
int version_write(struct buf *b, const char *schema, const char *table, const struct route_op *op,
                  struct err *err) MIG_MUST_CHECK;

#endif
