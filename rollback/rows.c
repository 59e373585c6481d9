#include "rollback/rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"

static const char none[] = "(a script)", base[] = "base";

/* Rows stand side by side in a line; what would read as more than one, or as another thing, stands in quotes. */
static int add(struct buf *b, const char *row, struct err *err)
{
    int odd = row[0] == '\0' || row[0] == '"' || row[0] == ' ' || strchr(row, ',') != NULL || strcmp(row, none) == 0 || strcmp(row, base) == 0;
    json_t *text = odd ? json_string(row) : NULL;
    char *quoted = text != NULL ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
    int rc = buf_addf(b, err, "%s%s", b->len > 0 ? ", " : "", quoted != NULL ? quoted : row);

    free(quoted);
    json_decref(text);
    return rc;
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
        json_error_t end;
        json_t *row = at[0] == '"' ? json_loads(at, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &end) : NULL;

        if (row != NULL)
            n = (size_t)end.position;
        (void)json_array_append_new(a, row != NULL ? row : json_stringn(at, n));
        at += n + strspn(at + n, ", ");
    }
    return a;
}
