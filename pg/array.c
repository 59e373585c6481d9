#include "pg/array.h"

#include "core/buf.h"

int array_text(struct buf *b, const char *text, struct err *err)
{
    if (buf_addc(b, b->len == 0 ? '{' : ',', err) < 0)
        return -1;
    if (text == NULL)
        return buf_adds(b, "NULL", err);
    if (buf_addc(b, '"', err) < 0)
        return -1;
    for (; *text != '\0'; text++)
        if (((*text == '"' || *text == '\\') && buf_addc(b, '\\', err) < 0) ||
            buf_addc(b, *text, err) < 0)
            return -1;
    return buf_addc(b, '"', err);
}

int array_number(struct buf *b, long long number, struct err *err)
{
    return buf_addf(b, err, "%c%lld", b->len == 0 ? '{' : ',', number);
}

int array_texts(struct buf *b, char *const *texts, struct err *err)
{
    for (; texts != NULL && *texts != NULL; texts++)
        if (array_text(b, *texts, err) != 0)
            return -1;
    return 0;
}

int array_end(struct buf *b, struct err *err)
{
    return buf_adds(b, b->len == 0 ? "{}" : "}", err);
}

char *array_take(struct buf *b, struct err *err)
{
    if (array_end(b, err) == 0)
        return buf_take(b, err);
    buf_free(b);
    return NULL;
}
