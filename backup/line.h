/* line: one NDJSON row taken apart (docs/FORMAT.md, "Rows"). */
#ifndef MIG_BACKUP_LINE_H
#define MIG_BACKUP_LINE_H

#include <stddef.h>

/* The end of the value that begins at P, a JSON string or null; NULL if it is neither. */
const char *line_value_end(const char *p, const char *end);
/* Where the N values of the row [P, END) stand: STARTS gets N + 1 places, value I being
 * [STARTS[I], STARTS[I + 1] - 1).  -1 unless it is a row of N values. */
int line_split(const char *p, const char *end, const char **starts, size_t n);

#endif
