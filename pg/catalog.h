/*
 * catalog: what the server says of its relations.
 *
 * Everything here is read in the caller's transaction, by queries in
 * pg/sql/.  Names are as stored, unquoted, in UTF-8.
 */
#ifndef MIG_PG_CATALOG_H
#define MIG_PG_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct conn;

struct catalog_column {
    char *name;
    int attnum;
    char *type;      /* format_type() */
    char *carried;   /* the type whose binary form the values have: a domain's base, "enum"; or NULL */
    char *collation; /* qualified, or NULL for the type's default */
    char *expression; /* the default's or generated column's text, or NULL */
    char *missing;   /* attmissingval's text, or NULL */
    char identity;   /* 'a', 'd', or 0 */
    char generated;  /* 's', or 0 */
    int not_null;
    int text;        /* stored as character data of the database's encoding */
};

struct catalog_key {
    char *name;      /* the index's */
    char **columns;
    size_t ncolumns;
    int primary;     /* else: unique, not null on every column, valid, not partial */
};

struct catalog_table {
    uint32_t oid;
    char *schema, *name;
    char kind;        /* pg_class.relkind: r p m f v S */
    char persistence; /* p u t */
    char *owner;
    uint32_t parent;  /* the partitioned parent, or 0 */
    int has_children; /* inheritance: ONLY matters */
    char *extension;  /* the owning extension's name, or NULL */
    int64_t pages;    /* pg_relation_size / 8192, now */
    double rows;      /* reltuples, -1: never analysed */
    int64_t bytes;    /* pg_total_relation_size */
    int row_security;
    struct catalog_column *columns; /* live ones, by attnum */
    size_t ncolumns;
    struct catalog_key *keys;       /* the primary one first */
    size_t nkeys;
};

/* By OID.  ERR_FAILED naming the OID if it is gone. */
struct catalog_table *catalog_table_get(struct conn *c, uint32_t oid, struct err *err)
    MIG_MUST_CHECK;
/* As catalog_table_get for many at once, in O(1) round trips; result has N entries, NULL where the
 * relation is gone.  Free with catalog_tables_free. */
struct catalog_table **catalog_tables_get(struct conn *c, const uint32_t *oids, size_t n,
                                          struct err *err) MIG_MUST_CHECK;
void catalog_table_free(struct catalog_table *t);
void catalog_tables_free(struct catalog_table **t, size_t n);

/* The OID of schema.name, or of NAME on SEARCH_PATH (a comma list, as the server prints it) where
 * SCHEMA is NULL; *OID = 0 where there is none. */
int catalog_find(struct conn *c, const char *schema, const char *name, const char *search_path,
                 uint32_t *oid, struct err *err) MIG_MUST_CHECK;
/* psql's patterns (\d): wildcards, case folding, quotes, schema.name, database.schema.name.  A name
 * without a schema is looked for along the role's own search_path, whatever this session's is; *HIDDEN
 * counts those of other schemas that it fits too.  Owned array, sorted by name; KINDS is a string of
 * relkinds. */
int catalog_match(struct conn *c, const char *pattern, const char *kinds, uint32_t **oids,
                  size_t *n, size_t *hidden, struct err *err) MIG_MUST_CHECK;

#endif
