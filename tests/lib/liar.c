/*
 * liar: a backup that is whole and signed, and whose manifest says something else than its rows.
 *
 *   liar KEY_FILE BACKUP OUTPUT TABLE digest|rows    the rows of BACKUP again; of TABLE another digest, or one row more
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "core/buf.h"
#include "core/row.h"

static struct err err;

static void need(int ok)
{
    if (ok)
        return;
    fprintf(stderr, "liar: %s\n", err.message);
    exit(1);
}

static struct keyring *ring(const char *path)
{
    struct keyring *k = keyring_new(&err);
    struct buf b = {0};

    need(k != NULL && buf_read_file(&b, path, 0, &err) == 0 &&
         keyring_add_text(k, b.data, b.len, path, &err) == 0);
    buf_free(&b);
    return k;
}

static void copy(struct archive_reader *from, struct archive_writer *to, uint32_t stream)
{
    struct row_source *s = archive_stream(from, stream, &err);
    struct row_batch batch;
    int more;

    need(s != NULL);
    while ((more = s->next(s, &batch, &err)) == 1)
        need(archive_put(to, stream, &batch, 0, &err) == 0);
    need(more == 0 && archive_put(to, stream, NULL, 1, &err) == 0);
    s->free(s);
}

static void lie(json_t *table, const char *what)
{
    char digest[33];

    if (strcmp(what, "rows") == 0) {
        need(json_object_set_new(table, "rows", json_integer(1 + json_integer_value(json_object_get(table, "rows")))) == 0);
        return;
    }
    (void)snprintf(digest, sizeof(digest), "%s", json_string_value(json_object_get(table, "digest")));
    digest[0] = digest[0] == '0' ? '1' : '0';
    need(json_object_set_new(table, "digest", json_string(digest)) == 0);
}

int main(int argc, char **argv)
{
    struct archive_label label = {.database = "lies"};
    struct archive_options o = {.label = &label};
    struct archive_reader *from;
    struct archive_writer *to;
    struct keyring *k;
    json_t *manifest, *tables;
    uint64_t bytes;
    int verified;

    if (argc != 6)
        return 2;
    o.keys = k = ring(argv[1]);
    o.path = argv[3];
    need((from = archive_open(argv[2], k, &err)) != NULL && (to = archive_create(&o, &err)) != NULL);
    need((manifest = json_deep_copy(archive_manifest(from))) != NULL);
    tables = json_object_get(manifest, "tables");
    for (size_t i = 0; i < json_array_size(tables); i++) {
        json_t *t = json_array_get(tables, i);
        uint32_t stream = (uint32_t)json_integer_value(json_object_get(t, "stream"));

        if (stream != 0)
            copy(from, to, stream);
        if (strcmp(json_string_value(json_object_get(t, "name")), argv[4]) == 0)
            lie(t, argv[5]);
    }
    need(archive_finish(to, manifest, &bytes, &verified, &err) == 0);
    json_decref(manifest);
    archive_writer_free(to);
    archive_reader_free(from);
    keyring_free(k);
    return 0;
}
