#include "core/strings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t strings_count(char *const *list)
{
    size_t n = 0;

    while (list != NULL && list[n] != NULL)
        n++;
    return n;
}

/* Takes TEXT. */
static int append(char ***list, char *text, struct err *err)
{
    size_t n = strings_count(*list);
    char **bigger;

    /* Room is doubled at each power of two, so that appending stays cheap without a counter. */
    if ((n & (n + 1)) == 0 || n == 0) {
        if ((bigger = realloc(*list, (n + 1) * 2 * sizeof(*bigger))) == NULL) {
            free(text);
            return err_oom(err);
        }
        *list = bigger;
    }
    (*list)[n] = text;
    (*list)[n + 1] = NULL;
    return 0;
}

int strings_add(char ***list, const char *text, struct err *err)
{
    char *copy = strdup(text);

    return copy == NULL ? err_oom(err) : append(list, copy, err);
}

int strings_addf(char ***list, struct err *err, const char *fmt, ...)
{
    va_list ap;
    char *text;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || (text = malloc((size_t)n + 1)) == NULL)
        return err_oom(err);
    va_start(ap, fmt);
    (void)vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return append(list, text, err);
}

int strings_find(char *const *list, const char *text)
{
    for (int i = 0; list != NULL && list[i] != NULL; i++)
        if (strcmp(list[i], text) == 0)
            return i;
    return -1;
}

void strings_free(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

int strings_dup(char **out, const char *text, struct err *err)
{
    *out = NULL;
    if (text != NULL && (*out = strdup(text)) == NULL)
        return err_oom(err);
    return 0;
}

int strings_format(char **out, struct err *err, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || (*out = malloc((size_t)n + 1)) == NULL)
        return err_oom(err);
    va_start(ap, fmt);
    (void)vsnprintf(*out, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return 0;
}
