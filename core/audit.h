/*
 * audit: the operation log, one JSON object a line, each chained to the one before.
 *
 * A line's last member is "hash": BLAKE2b-256 (hex) of the line before's hash followed by this
 * line's bytes up to and including the comma before "hash".  Lines are appended under a file lock
 * and fsynced.  Whoever edits, drops or reorders a line breaks the chain; whoever cuts the end is
 * caught by the head that results print.  A last line that a crash cut short is closed off and told.
 */
#ifndef MIG_CORE_AUDIT_H
#define MIG_CORE_AUDIT_H

#include <jansson.h>
#include <stdint.h>

#include "core/err.h"

struct audit;

/* Open (and make) the log at PATH, ERR_USAGE when it cannot be written; OPERATION is "backup create".
 * ARGV is masked and recorded, with time, OS user, CI actor and REASON (may be NULL). */
struct audit *audit_begin(const char *path, const char *operation, int argc, char *const *argv,
                          const char *reason, struct err *err) MIG_MUST_CHECK;
/* Add a member to the line.  Takes VALUE (NULL: nothing is added).  No row value, password or key. */
void audit_add(struct audit *a, const char *key, json_t *value);
/* Write the line, into the log that stands at PATH now (it may have been rotated since): ERR as it ended ("result": "ok" when its kind is ERR_NONE), or the word RESULT
 * where not NULL. HEAD gets the new chain's head.  The caller's *ERR is not changed; -1 and *WHY when
 * the line could not be written. */
int audit_end(struct audit *a, const struct err *err, const char *result, char head[65],
              struct err *why) MIG_MUST_CHECK;
/* Nothing is written if audit_end was not called. */
void audit_free(struct audit *a);

struct audit_report {
    uint64_t lines;
    char head[65];
    int cut; /* the last line is incomplete (a crash) */
};

/* ERR_FINDING naming the first line at fault.  HEAD: what a result printed once; ERR_FINDING unless
 * it is in the chain.  NULL: not asked. */
int audit_verify(const char *path, const char *head, struct audit_report *r, struct err *err)
    MIG_MUST_CHECK;

/* The last line in the log at PATH that is about OPERATION and has KEY begin with PREFIX (which
 * JSON writes as it is); NULL where there is none, or no log.  Nothing in it is authentic: check what is made of it. */
json_t *audit_last(const char *path, const char *operation, const char *key, const char *prefix);

/* The words of a command line, joined and quoted, with passwords and keys replaced by "***".  Owned. */
char *audit_mask(int argc, char *const *argv, struct err *err) MIG_MUST_CHECK;

#endif
