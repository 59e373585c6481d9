/* rows: version rows as one line, "aaaa, bbbb", for reports and journals. */
#ifndef MIG_ROLLBACK_ROWS_H
#define MIG_ROLLBACK_ROWS_H

#include <jansson.h>

#include "core/err.h"

struct plan;

/* *OUT (owned) gets ROWS of P; no rows are "base", of a script that moves none they are not spoken of. */
int rows_join(char **out, const struct plan *p, char *const *rows, struct err *err) MIG_MUST_CHECK;
/* The same of a run in the journal, BEGIN being its first entry and WHICH "from" or "to". */
int rows_begin(char **out, const json_t *begin, const char *which, struct err *err) MIG_MUST_CHECK;
/* Did the run move no version rows, as this line says? */
int rows_none(const char *line);
/* The rows of such a line again, an array. */
json_t *rows_list(const char *line);

#endif
