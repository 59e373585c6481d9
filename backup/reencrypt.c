/* reencrypt_file (rekey.h): the same rows under a new data key. */
#include <stdlib.h>
#include <string.h>

#include "backup/archive_internal.h"
#include "backup/keys.h"
#include "backup/rekey.h"
#include "core/interrupt.h"
#include "core/report.h"

static int copy_stream(struct archive_reader *a, struct archive_writer *w, uint32_t stream,
                       struct err *err)
{
    struct row_source *s = archive_stream(a, stream, err);
    struct row_batch batch;
    int more, rc = -1;

    if (s == NULL)
        return -1;
    while ((more = s->next(s, &batch, err)) == 1)
        if (archive_put(w, stream, &batch, 0, err) != 0 || interrupt_check(err) != 0)
            goto out;
    rc = more != 0 ? -1 : archive_put(w, stream, NULL, 1, err);
out:
    s->free(s);
    return rc;
}

static int copy_streams(struct archive_reader *a, struct archive_writer *w, struct err *err)
{
    uint32_t last = FORMAT_MANIFEST_STREAM;

    for (uint32_t i = 0; i < a->count; i++) {
        struct format_entry e;

        if (archive_entry(a, a->order[i], &e, err) != 0)
            return -1;
        if (e.frame.type == FORMAT_DATA && e.frame.stream != last &&
            copy_stream(a, w, e.frame.stream, err) != 0)
            return -1;
        last = e.frame.stream;
    }
    return 0;
}

/* NULL-terminated, borrowing A's label; *LIST is to be freed. */
static int strings(const json_t *label, const char *key, const char ***list, struct err *err)
{
    const json_t *array = json_object_get(label, key);

    if (array == NULL)
        return 0;
    if ((*list = calloc(json_array_size(array) + 1, sizeof(**list))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < json_array_size(array); i++)
        (*list)[i] = json_string_value(json_array_get(array, i));
    return 0;
}

static char *folder(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL ? strdup(".") : strdup(path);

    if (dir == NULL)
        err_oom(err);
    else if (slash != NULL)
        dir[slash == path ? 1 : slash - path] = '\0';
    return dir;
}

int reencrypt_file(const char *path, const char *output, const struct keyring *keys,
                   struct reencrypt_result *r, struct err *err)
{
    struct archive_label label = {0};
    struct archive_options o = {.keys = keys, .path = output, .label = &label};
    struct archive_reader *a = NULL;
    struct archive_writer *w = NULL;
    const char **from = NULL, **to = NULL;
    const json_t *l;
    char *dir = NULL;
    int verified = 0, rc = -1;

    memset(r, 0, sizeof(*r));
    if (keyring_can_write(keys, err) != 0 || (a = archive_open(path, keys, err)) == NULL ||
        (dir = folder(path, err)) == NULL)
        goto out;
    l = archive_label_json(a);
    label.name = json_string_value(json_object_get(l, "name"));
    label.purpose = json_string_value(json_object_get(l, "purpose"));
    label.database = json_string_value(json_object_get(l, "database"));
    label.system_id = json_string_value(json_object_get(l, "system_id"));
    label.environment = json_string_value(json_object_get(l, "environment"));
    label.reason = json_string_value(json_object_get(l, "reason"));
    label.created = json_string_value(json_object_get(l, "created"));
    label.database_oid = (uint32_t)json_integer_value(json_object_get(l, "database_oid"));
    if (strings(l, "from", &from, err) != 0 || strings(l, "to", &to, err) != 0)
        goto out;
    label.from = from;
    label.to = to;
    o.dir = dir;
    if ((w = archive_create(&o, err)) == NULL || copy_streams(a, w, err) != 0 ||
        archive_finish(w, archive_manifest(a), &r->file_bytes, &verified, err) != 0)
        goto out;
    if ((r->file = strdup(archive_path(w))) == NULL) {
        err_oom(err);
        goto out;
    }
    memcpy(r->archive_id, archive_id(w), sizeof(r->archive_id));
    r->rows = a->footer.rows;
    rc = 0;
out:
    archive_writer_free(w);
    archive_reader_free(a);
    free(from);
    free(to);
    free(dir);
    return rc;
}

void reencrypt_print(const char *path, const struct reencrypt_result *r, FILE *out)
{
    char rows[64], bytes[32];

    fprintf(out, "%s: %s, %s, encrypted anew and read back\n", r->file, report_things(r->rows, "row", rows),
            report_bytes(r->file_bytes, bytes));
    fprintf(out, "  %s is still there and still readable by whoever could read it: remove it when the new file is where it should be\n",
            path);
}

int reencrypt_print_json(const char *path, const struct reencrypt_result *r, FILE *out, struct err *err)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "schema", "mig-backup/1", "file", r->file, "archive_id",
                          r->archive_id, "from", path, "rows", (json_int_t)r->rows, "bytes",
                          (json_int_t)r->file_bytes);
    int rc = o == NULL ? err_oom(err) : report_json(out, o, err);

    json_decref(o);
    return rc;
}
