/*
 * manifest: what a backup says about itself (docs/FORMAT.md, "Manifest").
 *
 * One structure for both directions: a snapshot fills it, manifest_json makes
 * the JSON that stands encrypted in the file; manifest_read takes it apart
 * strictly.  Strings are owned; "or NULL" is said where it may be.
 */
#ifndef MIG_BACKUP_MANIFEST_H
#define MIG_BACKUP_MANIFEST_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct manifest_column {
    char *name;
    char *type;       /* format_type() */
    char *carried;    /* as in pg/catalog.h, or NULL; not in the file */
    char *collation;  /* qualified, or NULL: the type's default */
    char *expression; /* the default, or NULL */
    char identity;    /* 'a', 'd' or 0 */
    int not_null;
    int base64;       /* values are base64 of the bytes */
    int number;       /* pg_attribute.attnum: a column that is made again has another; 0: not known */
};

struct manifest_table {
    uint32_t stream;  /* its rows in the archive; 0: none (a partitioned parent) */
    uint32_t oid;
    char *schema, *name;
    char kind, persistence;
    char *owner;
    char *parent_schema, *parent_name; /* the partitioned parent, or NULL */
    struct manifest_column *columns;   /* as they stand in a row */
    size_t ncolumns;
    char **generated; /* columns that exist but are computed, so not saved; NULL-terminated */
    char **key;       /* of a key all of whose columns are saved, NULL-terminated; NULL: no key */
    char *filter;     /* SQL over the table called t; NULL: every row */
    int complete;     /* every row and every stored column */
    char *because;    /* why it is here, or NULL */
    uint64_t rows, bytes; /* bytes of NDJSON */
    char digest[33];
};

struct manifest_sequence {
    char *schema, *name, *type;
    char *last_value; /* decimal */
    int is_called;
    char *table_schema, *table_name, *column; /* what owns it, or NULL */
};

/* A user's type that saved columns have: compared before anything is restored. */
struct manifest_type {
    char *schema, *name;
    char kind;        /* 'e' enum, 'd' domain, 'c' composite, 'r' range */
    char **members;   /* labels; "CHECK (...)", "NOT NULL" and base type; "name type"; subtype */
};

struct manifest {
    char *tool;       /* "mig-backup 0.1.0" */
    char *created;    /* 2026-11-20T10:30:00Z */
    int server_version;
    char *system_id;  /* "" where the role may not ask */
    char *database;
    uint32_t database_oid;
    char *encoding;   /* the database's: UTF8, LATIN1, SQL_ASCII */
    char *collate, *ctype;
    char *role;       /* the database role */
    char *os_user;
    char *name, *purpose, *reason, *environment, *command; /* or NULL */
    char *scope;      /* "tables" or "loss" */
    char **from, **to; /* version rows, NULL-terminated; NULL: not known */
    struct manifest_table *tables;
    size_t ntables;
    struct manifest_sequence *sequences;
    size_t nsequences;
    struct manifest_type *types;
    size_t ntypes;
    char *ddl;        /* the schema as pg_dump writes it, or NULL */
    char *no_ddl;     /* why there is none, or NULL */
    char **notes;     /* for people; NULL-terminated */
};

/* Whether what restore must find again can be written down: ERR_FAILED naming what is not UTF-8. */
int manifest_check_names(const struct manifest *m, struct err *err) MIG_MUST_CHECK;
int manifest_is_text(const char *s);
json_t *manifest_json(const struct manifest *m, struct err *err) MIG_MUST_CHECK;
/* ERR_BACKUP naming what is missing or of a wrong type. */
struct manifest *manifest_read(const json_t *json, struct err *err) MIG_MUST_CHECK;
void manifest_free(struct manifest *m);
/* What M's tables own, not M. */
void manifest_table_clear(struct manifest_table *t);

/* NULL where there is none. */
const struct manifest_table *manifest_table_find(const struct manifest *m, const char *schema,
                                                 const char *name);
/* The column's index, or -1. */
int manifest_column_find(const struct manifest_table *t, const char *name);

#endif
