/*
 * report: where results go and in which form.
 *
 * `--format F` writes form F to standard output, `--format F=FILE` to a file
 * that appears whole or not at all ($GITHUB_STEP_SUMMARY, fifos and devices are
 * appended to).  One run may write several reports.
 */
#ifndef MIG_CORE_REPORT_H
#define MIG_CORE_REPORT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "core/err.h"

struct cli_list;

struct report_output {
    int format; /* index into the names that the caller knows */
    FILE *out;
    char *path; /* NULL: standard output */
    char *temporary;
};

struct report {
    struct report_output *outputs;
    size_t count;
};

/* FORMATS as given (none: NAMES[0] on standard output); NAMES is NULL-terminated.  ERR_USAGE for a
 * form that is not among them, two on standard output, or a file that cannot be written: open the
 * report before the work. */
int report_open(struct report *r, const struct cli_list *formats, const char *const *names,
                struct err *err) MIG_MUST_CHECK;
/* Flush, fsync, rename.  Closes whatever happens. */
int report_close(struct report *r, struct err *err) MIG_MUST_CHECK;
/* Without report_close: temporary files are removed.  Harmless after it. */
void report_discard(struct report *r);
/* Is form FORMAT written anywhere / to standard output? */
int report_wants(const struct report *r, int format);

/* Indented, with a newline; members in the order they were set. */
int report_json(FILE *out, const json_t *value, struct err *err) MIG_MUST_CHECK;

/* For people.  "48 213", "1.2 GB", "2 min 5 s"; each in the caller's array, which is returned. */
const char *report_count(uint64_t n, char text[32]);
/* "1 row", "48 213 rows": N of NOUN, which takes an s. */
const char *report_things(uint64_t n, const char *noun, char text[64]);
const char *report_bytes(uint64_t n, char text[32]);
const char *report_duration(int64_t ms, char text[32]);
/* TEXT from a database or a file in ROOM, cut to SIZE, with its control characters shown: a name must
 * not begin a line of its own, nor talk to the terminal.  ROOM is returned. */
const char *report_plain(const char *text, char *room, size_t size);
/* The same, written to OUT, whole. */
void report_put_plain(FILE *out, const char *text);

#endif
