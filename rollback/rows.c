#include "rollback/rows.h"

#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"

static const char none[] = "(a script)", base[] = "base";

static int add(struct buf *b, const char *row, struct err *err)
{
    return buf_addf(b, err, "%s%s", b->len > 0 ? ", " : "", row);
}

static int finish(char **out, struct buf *b, int scripted, struct err *err)
{
    if (b->len == 0)
        return strings_dup(out, scripted ? none : base, err);
    *out = b->data;
    return 0;
}

int rows_join(char **out, const struct plan *p, char *const *rows, struct err *err)
{
    struct buf b = {0};

    for (size_t i = 0; rows != NULL && rows[i] != NULL; i++)
        if (add(&b, rows[i], err) != 0) {
            buf_free(&b);
            return -1;
        }
    return finish(out, &b, p->version_table == NULL, err);
}

int rows_begin(char **out, const json_t *begin, const char *which, struct err *err)
{
    const json_t *rows = json_object_get(begin, which), *v;
    struct buf b = {0};
    size_t i;

    json_array_foreach(rows, i, v)
        if (json_is_string(v) && add(&b, json_string_value(v), err) != 0) {
            buf_free(&b);
            return -1;
        }
    return finish(out, &b, json_object_get(begin, "version_table") == NULL &&
                      json_array_size(json_object_get(begin, "from")) + json_array_size(json_object_get(begin, "to")) == 0,
                  err);
}

int rows_none(const char *line)
{
    return strcmp(line, none) == 0;
}

json_t *rows_list(const char *line)
{
    json_t *a = json_array();

    if (line == NULL || rows_none(line) || strcmp(line, base) == 0)
        return a;
    for (const char *at = line; *at != '\0';) {
        size_t n = strcspn(at, ",");

        (void)json_array_append_new(a, json_stringn(at, n));
        at += n + strspn(at + n, ", ");
    }
    return a;
}
