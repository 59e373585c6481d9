#include "core/nearest.h"

#include <stdint.h>
#include <string.h>

enum { LONGEST = 63 };

/* Edits (insert, delete, replace, swap of neighbours) from A to B. */
static size_t distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    size_t rows[3][LONGEST + 1];

    if (la > LONGEST || lb > LONGEST)
        return SIZE_MAX; /* never near */
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *row = rows[i % 3], *up = rows[(i + 2) % 3], *upup = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = up[j - 1] + (a[i - 1] != b[j - 1]);

            if (up[j] + 1 < best)
                best = up[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                upup[j - 2] + 1 < best)
                best = upup[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[la % 3][lb];
}

const char *nearest_word(const char *word, const char *const *words, size_t n)
{
    size_t best = strlen(word) / 3 + 1;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d;

        if (words[i] == NULL)
            continue;
        d = distance(word, words[i]);
        if (d < best || (d == best && found == NULL)) {
            best = d;
            found = words[i];
        }
    }
    return found;
}
