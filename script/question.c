#include "script/question.h"

#include <stdlib.h>
#include <string.h>

#include "pg/array.h"
#include "pg/query.h"
#include "script/graph.h"

int question_open(struct question *q, struct graph *g)
{
    memset(q, 0, sizeof(*q));
    q->g = g;
    q->row = -1;
    if ((q->numbers = calloc(g->nitems + 1, sizeof(*q->numbers))) == NULL)
        return err_oom(g->err);
    return 0;
}

void question_about(struct question *q, size_t number)
{
    q->numbers[q->n++] = number;
}

int question_text(struct question *q, int param, const char *text)
{
    struct buf b = {0};
    int rc = 0;

    if (text != NULL)
        rc = buf_addf(&b, q->g->err, "=%s", text);
    if (rc == 0)
        rc = array_text(&q->p[param], text == NULL ? "" : b.data, q->g->err);
    buf_free(&b);
    return rc;
}

int question_ask(struct question *q, const char *sql, int arrays, int params, int columns)
{
    const char *texts[QUESTION_PARAMS] = {NULL};
    struct query query = {.sql = sql, .params = texts, .nparams = params, .columns = columns};
    int i;

    if (q->p[0].len == 0)
        return 0;
    for (i = 0; i < arrays; i++)
        if (array_end(&q->p[i], q->g->err) < 0)
            return -1;
    for (i = 0; i < params; i++)
        texts[i] = q->p[i].data;
    if ((q->r = query_run(q->g->c, &query, q->g->err)) == NULL)
        return err_prefix(q->g->err, "cannot follow what the script reaches");
    return 0;
}

int question_next(struct question *q)
{
    return q->r != NULL && ++q->row < result_rows(q->r);
}

struct item *question_item(const struct question *q)
{
    size_t number = (size_t)result_int(q->r, q->row, 0) - 1;

    return number < q->n ? &q->g->items[q->numbers[number]] : NULL;
}

uint32_t question_oid(const struct question *q, int column)
{
    return (uint32_t)result_int(q->r, q->row, column);
}

void question_close(struct question *q)
{
    size_t i;

    for (i = 0; i < QUESTION_PARAMS; i++)
        buf_free(&q->p[i]);
    free(q->numbers);
    result_free(q->r);
}
