#include "backup/line.h"

#include <string.h>

const char *line_value_end(const char *p, const char *end)
{
    if (end - p >= 4 && memcmp(p, "null", 4) == 0)
        return p + 4;
    if (p == end || *p != '"')
        return NULL;
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p < end ? p + 1 : NULL;
}

int line_split(const char *p, const char *end, const char **starts, size_t n)
{
    if (end - p < 2 || *p != '[' || end[-1] != ']')
        return -1;
    if (n == 0) {
        starts[0] = p + 1;
        return end - p == 2 ? 0 : -1;
    }
    p++;
    for (size_t i = 0; i < n; i++) {
        const char *e = line_value_end(p, end - 1);

        if (e == NULL || *e != (i + 1 < n ? ',' : ']'))
            return -1;
        starts[i] = p;
        p = e + 1;
    }
    starts[n] = p;
    return p == end ? 0 : -1;
}
