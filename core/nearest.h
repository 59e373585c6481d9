/* nearest: the known word that a misspelt one most likely meant. */
#ifndef MIG_CORE_NEAREST_H
#define MIG_CORE_NEAREST_H

#include <stddef.h>

/* One of WORDS (N of them; NULL entries are skipped), or NULL where none is close enough to be
 * worth suggesting.  O(N * length^2). */
const char *nearest_word(const char *word, const char *const *words, size_t n);

#endif
