/*
 * journal: what a run is about to do, written and fsynced before it does it.
 *
 * One file per run, STATE/runs/KEY/RUN.jsonl, where KEY is the system identifier
 * and the database's OID: a clone at another address keeps its runs apart, one
 * database keeps them together whatever it is called.  Each entry is a JSON
 * object on a line of its own with "time", "step" and, last, "sum", a checksum of the line.  While the writer lives it
 * holds a lock on the file, so that a reader can tell a running one from a dead one.
 */
#ifndef MIG_CORE_JOURNAL_H
#define MIG_CORE_JOURNAL_H

#include <jansson.h>
#include <stddef.h>

#include "core/err.h"

struct journal;

/* A new run, named by the time and six digits; the folder is made and fsynced.  ERR_USAGE where it
 * cannot be written. */
struct journal *journal_create(const char *state_dir, const char *key, struct err *err)
    MIG_MUST_CHECK;
/* To append to an old run (resume, undo).  ERR_REFUSED while its writer lives. */
struct journal *journal_open(const char *state_dir, const char *key, const char *run,
                             struct err *err) MIG_MUST_CHECK;
const char *journal_run(const struct journal *j);
const char *journal_path(const struct journal *j);
/* Append ENTRY (taken; NULL: an empty one) as step STEP, and fsync. */
int journal_write(struct journal *j, const char *step, json_t *entry, struct err *err)
    MIG_MUST_CHECK;
/* The same without the fsync, which the next journal_write does: for a step that changes nothing about what an
 * earlier entry says. */
int journal_note(struct journal *j, const char *step, json_t *entry, struct err *err)
    MIG_MUST_CHECK;
/* NULL is harmless.  The file stays. */
void journal_free(struct journal *j);

struct journal_record {
    char *run;
    json_t *entries; /* an array of objects */
    int cut;         /* the last line was not whole: the writer died in it, before that step */
    int damaged;     /* it holds what no writer wrote, whole or in part: what it says is no evidence */
    int alive;       /* the writer still runs */
};

/* RUN: a name, a unique prefix, or NULL for the newest.  ERR_USAGE where there is none: the message
 * says that nothing is known, never that nothing happened. */
struct journal_record *journal_read(const char *state_dir, const char *key, const char *run,
                                    struct err *err) MIG_MUST_CHECK;
/* The same of TEXT, after the entries that R (zero but for them) has; no checksum, no evidence. */
int journal_record_parse(struct journal_record *r, const char *text, size_t len, struct err *err) MIG_MUST_CHECK;
void journal_record_free(struct journal_record *r);
/* The last entry of step STEP, or NULL.  Borrowed. */
const json_t *journal_last(const struct journal_record *r, const char *step);

/* Names of all runs, newest first.  An absent folder is an empty list. */
int journal_list(const char *state_dir, const char *key, char ***runs, size_t *n, struct err *err)
    MIG_MUST_CHECK;
void journal_list_free(char **runs, size_t n);

#endif
