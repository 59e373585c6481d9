/*
 * against: what a backup holds, compared with what stands in the database now.
 *
 * Table by table: equal digests say "the same"; else rows are matched by their
 * key (by the whole row where there is none) and counted.  Takes 16 bytes of
 * memory for each row of both sides of a table that differs.
 */
#ifndef MIG_BACKUP_AGAINST_H
#define MIG_BACKUP_AGAINST_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/err.h"

struct archive_reader;
struct conn;

struct against_table {
    char *schema, *name;
    char *why;       /* why it could not be compared: "the table is gone"; or NULL */
    int same;
    int keyed;
    uint64_t saved, now;               /* rows */
    uint64_t gone, added, changed;     /* since the backup; changed only where keyed */
    char *keys;      /* some of them, one a line, where asked for; or NULL */
};

struct against_result {
    struct against_table *tables;
    size_t count;
    uint64_t differing; /* tables */
};

/* One transaction, read only.  SHOW_KEYS: keys of at most so many rows of each table. */
int against_database(struct archive_reader *a, struct conn *c, int show_keys, struct against_result *r,
                     struct err *err) MIG_MUST_CHECK;
void against_result_free(struct against_result *r);
void against_print(const struct against_result *r, FILE *out);
json_t *against_json(const struct against_result *r, struct err *err) MIG_MUST_CHECK;

#endif
