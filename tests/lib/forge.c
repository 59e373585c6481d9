/*
 * forge: a signed backup that holds whatever it is told, to see what a restore makes of it.
 *
 *   forge KEY FILE TABLE TYPE... <ROWS    public.TABLE with columns c1, c2, ... of these types
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/manifest.h"
#include "core/buf.h"

static struct err err;

static void need(int ok)
{
    if (ok)
        return;
    fprintf(stderr, "forge: %s\n", err.message);
    exit(1);
}

int main(int argc, char **argv)
{
    static char text[] = "forged", created[] = "2026-11-20T10:30:00Z", encoding[] = "UTF8", scope[] = "tables",
                public_schema[] = "public", names[64][24];
    struct manifest_table t = {.stream = 1, .oid = 16384, .schema = public_schema, .kind = 'r', .persistence = 'p', .complete = 1};
    struct manifest m = {.tool = text, .created = created, .server_version = 150000, .system_id = text, .database = text,
                         .database_oid = 16384, .encoding = encoding, .collate = text, .ctype = text, .role = text,
                         .os_user = text, .scope = scope, .no_ddl = text, .tables = &t, .ntables = 1};
    struct archive_label label = {.name = "forged", .purpose = "manual", .database = "forged"};
    struct keyring *k = keyring_new(&err);
    struct row_digest digest = {0};
    struct row_batch all = {0};
    struct buf key_text = {0}, rows = {0};
    struct archive_writer *w;
    struct key *key;
    json_t *j;
    uint64_t bytes;
    int verified;

    if (argc < 5 || argc > 60)
        return 2;
    need(k != NULL && buf_read_file(&key_text, argv[1], 0, &err) == 0 && buf_read_file(&rows, "-", 0, &err) == 0 &&
         (key = key_parse(key_text.data, key_text.len, argv[1], NULL, NULL, &err)) != NULL && keyring_add_key(k, key, &err) == 0);
    t.name = argv[3];
    t.ncolumns = (size_t)argc - 4;
    need((t.columns = calloc(t.ncolumns + 1, sizeof(*t.columns))) != NULL);
    for (size_t i = 0; i < t.ncolumns; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "c%zu", i + 1);
        t.columns[i].name = names[i];
        t.columns[i].type = argv[4 + i];
    }
    all.data = rows.data;
    all.len = rows.len;
    for (size_t i = 0; i < rows.len; i++)
        all.rows += rows.data[i] == '\n';
    row_digest_add(&digest, &all);
    t.rows = all.rows;
    t.bytes = all.len;
    row_digest_hex(&digest, t.digest);
    w = archive_create(&(struct archive_options){.keys = k, .path = argv[2], .label = &label}, &err);
    need(w != NULL && archive_put(w, 1, &all, 1, &err) == 0 && (j = manifest_json(&m, &err)) != NULL &&
         archive_finish(w, j, &bytes, &verified, &err) == 0);
    json_decref(j);
    archive_writer_free(w);
    keyring_free(k);
    free(t.columns);
    buf_free(&key_text);
    buf_free(&rows);
    return 0;
}
