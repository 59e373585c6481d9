#include "backup/cat.h"

#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/line.h"
#include "backup/manifest.h"
#include "core/buf.h"
#include "core/interrupt.h"

static int matches(const struct manifest_table *t, const char *name)
{
    size_t n = strlen(t->schema);

    return strcmp(t->name, name) == 0 ||
           (strncmp(name, t->schema, n) == 0 && name[n] == '.' && strcmp(name + n + 1, t->name) == 0);
}

static const struct manifest_table *choose(const struct manifest *m, const char *name, struct err *err)
{
    const struct manifest_table *found = NULL;
    struct buf list = {0};

    for (size_t i = 0; i < m->ntables; i++) {
        const struct manifest_table *t = &m->tables[i];

        if (list.len < 600)
            (void)!buf_addf(&list, err, "%s%s.%s", i > 0 ? ", " : "", t->schema, t->name);
        if (name != NULL ? !matches(t, name) : t->stream == 0)
            continue;
        if (found != NULL && name != NULL)
            err_set(err, ERR_USAGE, "\"%s\" is not clear: \"%s.%s\" and \"%s.%s\" are both in the backup", name,
                    found->schema, found->name, t->schema, t->name);
        else if (found != NULL)
            err_set(err, ERR_USAGE, "the backup holds more than one table: say which with -t");
        found = t;
    }
    if (found == NULL && name != NULL)
        err_set(err, ERR_USAGE, "the backup holds no table \"%s\"", name);
    else if (found == NULL)
        err_set(err, ERR_USAGE, "the backup holds no table");
    else if (found->stream == 0)
        err_set(err, ERR_USAGE, "%s.%s has no rows of its own: its partitions are in the backup", found->schema,
                found->name);
    if (err->kind != ERR_NONE && list.len > 0)
        err_hint(err, "in the backup: %s", list.data);
    buf_free(&list);
    return err->kind == ERR_NONE ? found : NULL;
}

static int add_utf8(struct buf *b, unsigned long c, struct err *err)
{
    char u[4];
    size_t n = 0;

    if (c < 0x80) {
        u[n++] = (char)c;
    } else if (c < 0x800) {
        u[n++] = (char)(0xc0 | c >> 6);
        u[n++] = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        u[n++] = (char)(0xe0 | c >> 12);
        u[n++] = (char)(0x80 | (c >> 6 & 63));
        u[n++] = (char)(0x80 | (c & 63));
    } else {
        u[n++] = (char)(0xf0 | c >> 18);
        u[n++] = (char)(0x80 | (c >> 12 & 63));
        u[n++] = (char)(0x80 | (c >> 6 & 63));
        u[n++] = (char)(0x80 | (c & 63));
    }
    return buf_add(b, u, n, err);
}

static int hex4(const char *p, const char *end, unsigned long *c)
{
    char digits[5] = {0}, *stop;

    if (end - p < 4)
        return -1;
    memcpy(digits, p, 4);
    *c = strtoul(digits, &stop, 16);
    return stop == digits + 4 ? 0 : -1;
}

/* The JSON string [P, END), without its quotes, as a CSV field. */
static int add_csv(struct buf *b, const char *p, const char *end, struct err *err)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    if (buf_addc(b, '"', err) != 0)
        return -1;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t n = (size_t)((slash != NULL ? slash : end) - p);
        unsigned long c, low;
        const char *known;

        if (buf_add(b, p, n, err) != 0)
            return -1;
        p += n;
        if (slash == NULL)
            break;
        if (end - p >= 2 && p[1] == 'u' && hex4(p + 2, end, &c) == 0) {
            p += 6;
            if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
                hex4(p + 2, end, &low) == 0) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                p += 6;
            }
            if (add_utf8(b, c, err) != 0)
                return -1;
        } else if (end - p >= 2 && (known = strchr(from, p[1])) != NULL) {
            c = (unsigned char)to[known - from];
            p += 2;
            if ((c == '"' && buf_addc(b, '"', err) != 0) || buf_addc(b, (char)c, err) != 0)
                return -1;
        } else {
            return err_set(err, ERR_BACKUP, "a row is not JSON");
        }
        /* A quote is always written with a backslash in JSON, so none is left to double. */
    }
    return buf_addc(b, '"', err);
}

/* Rows of BATCH as objects or CSV, appended to OUT. */
static int convert(const struct manifest_table *t, const struct row_batch *batch, enum cat_form form,
                   char *const *names, struct buf *out, struct err *err)
{
    const char *p = batch->data, *end = batch->data + batch->len;

    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t column = 0;

        if (stop == NULL || *p++ != '[' || (form == CAT_OBJECTS && buf_addc(out, '{', err) != 0))
            goto bad;
        while (*p != ']') {
            const char *e = line_value_end(p, stop);

            if (e == NULL || column == t->ncolumns)
                goto bad;
            if (column > 0 && buf_addc(out, ',', err) != 0)
                return -1;
            if (form == CAT_OBJECTS) {
                if (buf_addf(out, err, "%s:", names[column]) != 0 ||
                    buf_add(out, p, (size_t)(e - p), err) != 0)
                    return -1;
            } else if (*p == '"' && add_csv(out, p + 1, e - 1, err) != 0) {
                return -1;
            }
            column++;
            p = *e == ',' ? e + 1 : e;
            if (*e != ',' && *e != ']')
                goto bad;
        }
        if (column != t->ncolumns || p + 1 != stop ||
            buf_adds(out, form == CAT_OBJECTS ? "}\n" : "\r\n", err) != 0)
            goto bad;
        p = stop + 1;
    }
    return 0;
bad:
    if (err->kind == ERR_NONE)
        err_set(err, ERR_BACKUP, "a row of %s.%s is not one of %zu columns", t->schema, t->name, t->ncolumns);
    return -1;
}

/* Column names as JSON strings, and the header of a CSV file. */
static char **quote_names(const struct manifest_table *t, struct buf *header, struct err *err)
{
    char **names = calloc(t->ncolumns + 1, sizeof(*names));

    for (size_t i = 0; names != NULL && i < t->ncolumns; i++) {
        json_t *s = json_string(t->columns[i].name);

        names[i] = s != NULL ? json_dumps(s, JSON_ENCODE_ANY) : NULL;
        json_decref(s);
        if (names[i] == NULL || (i > 0 && buf_addc(header, ',', err) != 0) ||
            add_csv(header, names[i] + 1, names[i] + strlen(names[i]) - 1, err) != 0) {
            err_oom(err);
            return names;
        }
    }
    if (names == NULL || buf_adds(header, "\r\n", err) != 0)
        err_oom(err);
    return names;
}

int cat_table(struct archive_reader *a, const char *table, enum cat_form form, FILE *out,
              struct err *err)
{
    struct manifest *m = manifest_read(archive_manifest(a), err);
    const struct manifest_table *t = NULL;
    struct row_source *s = NULL;
    struct row_batch batch;
    struct buf text = {0};
    char **names = NULL;
    int rc = -1, more;

    if (m == NULL || (t = choose(m, table, err)) == NULL ||
        (s = archive_stream(a, t->stream, err)) == NULL)
        goto out;
    names = quote_names(t, &text, err);
    if (err->kind != ERR_NONE || (form == CAT_CSV && fwrite(text.data, 1, text.len, out) != text.len))
        goto out;
    while ((more = s->next(s, &batch, err)) == 1) {
        if (form == CAT_ROWS) {
            if (fwrite(batch.data, 1, batch.len, out) != batch.len)
                goto out;
        } else {
            buf_reset(&text);
            if (convert(t, &batch, form, names, &text, err) != 0 ||
                fwrite(text.data, 1, text.len, out) != text.len)
                goto out;
        }
        if (interrupt_check(err) != 0)
            goto out;
    }
    rc = more;
out:
    if (rc != 0 && err->kind == ERR_NONE)
        err_set_errno(err, ERR_FAILED, "cannot write the rows");
    for (size_t i = 0; names != NULL && i < t->ncolumns; i++)
        free(names[i]);
    free(names);
    if (s != NULL)
        s->free(s);
    buf_wipe(&text);
    manifest_free(m);
    return rc;
}
