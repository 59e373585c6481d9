/* The version table's rows: sorted, NULL-terminated arrays of ids. */
#include <stdlib.h>
#include <string.h>

#include "migration/route.h"

static int by_id(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t count(char *const *rows)
{
    size_t n = 0;

    while (rows[n] != NULL)
        n++;
    return n;
}

char **rows_copy(char *const *rows, struct err *err)
{
    size_t n = count(rows);
    char **out = calloc(n + 1, sizeof(*out));

    if (out == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = strdup(rows[i]);
        if (out[i] == NULL) {
            (void)err_oom(err);
            rows_free(out);
            return NULL;
        }
    }
    qsort(out, n, sizeof(*out), by_id);
    return out;
}

int rows_equal(char *const *a, char *const *b)
{
    for (; *a != NULL && *b != NULL; a++, b++) {
        if (strcmp(*a, *b) != 0)
            return 0;
    }
    return *a == NULL && *b == NULL;
}

void rows_free(char **rows)
{
    if (rows == NULL)
        return;
    for (size_t i = 0; rows[i] != NULL; i++)
        free(rows[i]);
    free(rows);
}

static long place(char *const *rows, const char *id)
{
    for (long i = 0; rows[i] != NULL; i++) {
        if (strcmp(rows[i], id) == 0)
            return i;
    }
    return -1;
}

int rows_apply(char ***rows, const struct route_op *op, struct err *err)
{
    size_t n = count(*rows);
    long from = op->kind != ROUTE_INSERT ? place(*rows, op->from) : -1;

    if (op->kind != ROUTE_INSERT && from < 0)
        return 1;
    if (op->kind != ROUTE_DELETE && place(*rows, op->to) >= 0)
        return 1;
    if (op->kind == ROUTE_DELETE) {
        free((*rows)[from]);
        (*rows)[from] = (*rows)[--n];
        (*rows)[n] = NULL;
    } else {
        char *added = strdup(op->to);
        char **more = op->kind == ROUTE_INSERT ? realloc(*rows, (n + 2) * sizeof(*more)) : *rows;

        if (more != NULL)
            *rows = more;
        if (more == NULL || added == NULL) {
            free(added);
            return err_oom(err);
        }
        if (op->kind == ROUTE_INSERT) {
            more[n++] = added;
            more[n] = NULL;
        } else {
            free(more[from]);
            more[from] = added;
        }
    }
    qsort(*rows, n, sizeof(**rows), by_id);
    return 0;
}
