/*
 * selection: which tables, which of their columns, which of their rows.
 */
#ifndef MIG_BACKUP_SELECTION_H
#define MIG_BACKUP_SELECTION_H

#include <stddef.h>
#include <stdint.h>

#include "backup/manifest.h"
#include "core/err.h"

struct catalog_key;
struct catalog_table;
struct closure_table;
struct conn;
struct snapshot_options;

struct selection {
    struct manifest_table *tables; /* sorted by schema, name; streams given; owned until taken */
    int64_t *pages;                /* of each, for the order of work */
    size_t n;
    uint32_t *oids;                /* of the tables */
    uint32_t *locks;               /* relations that a reader must lock; LOCK_NAMES: "schema"."name" of each */
    char **lock_names;
    uint32_t *sequences;           /* asked for by themselves */
    size_t nsequences;
    char **notes;
    char **domains;                /* for loss scope: see loss.h */
    int indirect;                  /* the same */
};

/* Only locks and lock_names, by a query that waits for nobody. */
int selection_names(struct conn *c, const struct snapshot_options *o, struct selection *s,
                    struct err *err) MIG_MUST_CHECK;
/* All of it, in C's transaction: tables that are not locked may make it wait.  ASCII: the database has no encoding; STANDBY: unlogged
 * tables cannot be read. */
int selection_make(struct conn *c, const struct snapshot_options *o, int ascii, int standby,
                   struct selection *s, struct err *err) MIG_MUST_CHECK;
void selection_free(struct selection *s);

/* What becomes of the key by which rows are found again. */
enum selection_key {
    SELECTION_KEY_STAYS,
    SELECTION_KEY_RETYPED, /* rows whose value survives the casts are found */
    SELECTION_KEY_UPDATED, /* a changed row is another row */
    SELECTION_KEY_DROPPED, /* no row is found */
    SELECTION_KEY_NONE
};

/* The best key of T whose columns are all stored, and what FATE, or NULL, makes of it: one that stays before
 * one that goes, the primary key first.  NULL: there is none. */
const struct catalog_key *selection_key(const struct catalog_table *t, const struct closure_table *fate,
                                        enum selection_key *becomes);

/* OIDS and, below partitioned tables, all of their partitions; owned. */
int selection_expand(struct conn *c, const uint32_t *oids, size_t n, uint32_t **all, size_t *nall,
                     struct err *err) MIG_MUST_CHECK;
/* "{1,2,3}" for an oid[] parameter; owned. */
char *selection_array(const uint32_t *oids, size_t n, struct err *err) MIG_MUST_CHECK;

#endif
