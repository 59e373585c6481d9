/*
 * golden: make the files of tests/golden anew (a released format's are never remade).
 *
 *   golden DIR    keys, passphrase, backups, receipt and what their tables hold
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/manifest.h"
#include "core/buf.h"
#include "core/outfile.h"
#include "core/secret.h"

static struct err err;
static const char *dir;

static void need(int ok)
{
    if (ok)
        return;
    fprintf(stderr, "golden: %s\n", err.message);
    exit(1);
}

static const char *in_dir(const char *name)
{
    static char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void write_text(const char *name, const char *text)
{
    need(outfile_write_whole(in_dir(name), text, strlen(text), &err) == 0);
}

static void make_key(const char *name, int sign_only, const char *phrase, struct key_public *pub)
{
    struct key *k = key_generate(sign_only, &err);
    struct secret *p = phrase != NULL ? secret_copy(phrase, strlen(phrase), &err) : NULL;
    struct key_cost cost = {1, 8192};
    struct secret *text;
    char file[64], public[KEY_PUBLIC_TEXT + 1];

    need(k != NULL && (text = key_text(k, p, &cost, &err)) != NULL);
    (void)snprintf(file, sizeof(file), "%s.key", name);
    secret_bytes(text)[secret_len(text) - 1] = '\n';
    need(outfile_write_whole(in_dir(file), secret_view(text), secret_len(text), &err) == 0);
    *pub = *key_public(k);
    key_public_text(pub, public);
    strcat(public, "\n");
    (void)snprintf(file, sizeof(file), "%s.pub", name);
    write_text(file, public);
    secret_free(text);
    secret_free(p);
    key_free(k);
}

static struct keyring *ring(const char *key_file)
{
    struct keyring *k = keyring_new(&err);
    struct buf b = {0};
    struct key *key;

    need(k != NULL && buf_read_file(&b, in_dir(key_file), 0, &err) == 0 &&
         (key = key_parse(b.data, b.len, key_file, NULL, NULL, &err)) != NULL &&
         keyring_add_key(k, key, &err) == 0);
    buf_free(&b);
    return k;
}

static char name_columns[][8] = {"id", "v", "w"};
static char text_type[] = "text", bytea_type[] = "text", public_schema[] = "public";

/* A table of NCOLUMNS columns whose rows are TEXT, put in pieces of PIECE rows (0: at once). */
static void add_table(struct archive_writer *w, struct manifest *m, char *name, size_t ncolumns,
                      const char *text, size_t piece, int base64)
{
    struct manifest_table *t = &m->tables[m->ntables++];
    struct row_digest digest = {0};
    struct row_batch all = {.data = text, .len = strlen(text)};
    char expected[64];

    for (const char *p = text; *p != '\0'; p++)
        all.rows += *p == '\n';
    t->stream = (uint32_t)m->ntables;
    t->oid = 16384 + t->stream;
    t->schema = public_schema;
    t->name = name;
    t->kind = 'r';
    t->persistence = 'p';
    t->complete = 1;
    t->ncolumns = ncolumns;
    t->columns = calloc(ncolumns + 1, sizeof(*t->columns));
    for (size_t i = 0; i < ncolumns; i++) {
        t->columns[i].name = name_columns[i];
        t->columns[i].type = base64 ? bytea_type : text_type;
        t->columns[i].base64 = base64 && i == 1;
    }
    row_digest_add(&digest, &all);
    t->rows = all.rows;
    t->bytes = all.len;
    row_digest_hex(&digest, t->digest);
    while (piece > 0 && all.rows > piece) {
        struct row_batch b = {.data = all.data, .rows = piece};

        for (size_t i = 0; i < piece; i++)
            b.len = (size_t)(strchr(b.data + b.len, '\n') + 1 - b.data);
        need(archive_put(w, t->stream, &b, 0, &err) == 0);
        all.data += b.len;
        all.len -= b.len;
        all.rows -= piece;
    }
    need(archive_put(w, t->stream, &all, 1, &err) == 0);
    (void)snprintf(expected, sizeof(expected), "expected/%s.ndjson", name);
    if (strlen(text) < 1 << 20)
        write_text(expected, text);
}

static void finish(struct archive_writer *w, struct manifest *m, const char *receipt)
{
    json_t *j = manifest_json(m, &err);
    uint64_t bytes;
    int verified;

    need(j != NULL && archive_finish(w, j, &bytes, &verified, &err) == 0 && verified);
    if (receipt != NULL)
        need(archive_receipt(w, in_dir(receipt), &err) == 0);
    json_decref(j);
    archive_writer_free(w);
    for (size_t i = 0; i < m->ntables; i++)
        free(m->tables[i].columns);
}

static struct archive_writer *create(const char *file, const struct keyring *k)
{
    static const char *const from[] = {"4f2a91c7d0e3", NULL}, *const to[] = {"19b8e6a4c2d1", NULL};
    struct archive_label label = {.name = "before the release", .purpose = "pre-deploy", .database = "shop",
                                  .system_id = "7412345678901234567", .database_oid = 16384,
                                  .environment = "staging", .reason = "golden file",
                                  .created = "2026-11-20T10:30:00Z", .from = from, .to = to};
    struct archive_options o = {.keys = k, .path = in_dir(file), .label = &label};
    struct archive_writer *w = archive_create(&o, &err);

    need(w != NULL);
    return w;
}

static const char values[] =
    "[\"1\",\"plain\",null]\n"
    "[\"2\",\"\",\"\"]\n"
    "[\"3\",null,null]\n"
    "[\"4\",\"back\\\\slash \\\"quote\\\" tab\\t nl\\n cr\\r\",\"\\u0001\\u001f\\u007f\"]\n"
    "[\"5\",\"\xc3\xa4\xc3\xb6\xc3\xbc \xe2\x82\xac \xf0\x9f\x90\x98\",\"12345678901234567890.123456789012345678901234567890\"]\n"
    "[\"6\",\"NaN\",\"-Infinity\"]\n"
    "[\"7\",\"0044-03-15 BC\",\"{\\\"a\\\": 1, \\\"a\\\":  2}\"]\n"
    "[\"8\",\"{NULL,\\\"\\\",\\\"NULL\\\"}\",\"\\\\xdeadbeef\"]\n"
    "[\"9\",\"\\\\N\",\"\\\\.\"]\n";

int main(int argc, char **argv)
{
    static char t_values[] = "values", t_empty[] = "empty", t_nothing[] = "no_columns", t_bytes[] = "not_utf8",
                t_long[] = "long_row";
    static struct manifest_table tables[8];
    static char tool[] = "mig-backup 0.1.0", created[] = "2026-11-20T10:30:00Z", system_id[] = "7412345678901234567",
                database[] = "shop", encoding[] = "UTF8", c[] = "C", role[] = "app", scope[] = "tables",
                no_ddl[] = "pg_dump was not found";
    struct manifest m = {.tool = tool, .created = created, .server_version = 150020, .system_id = system_id,
                         .database = database, .database_oid = 16384, .encoding = encoding, .collate = c,
                         .ctype = c, .role = role, .os_user = role, .scope = scope, .no_ddl = no_ddl,
                         .tables = tables};
    struct key_public alice, bob, ci, locked;
    struct keyring *k;
    struct archive_writer *w;
    char text[KEY_PUBLIC_TEXT];
    struct buf row = {0};

    if (argc != 2)
        return 2;
    dir = argv[1];
    make_key("alice", 0, NULL, &alice);
    make_key("bob", 0, NULL, &bob);
    make_key("ci", 1, NULL, &ci);
    make_key("locked", 0, "correct horse", &locked);
    write_text("passphrase", "correct horse\n");

    /* Everything that rows can be, one key. */
    k = ring("alice.key");
    w = create("v1.mig", k);
    add_table(w, &m, t_values, 3, values, 2, 0);
    add_table(w, &m, t_empty, 2, "", 0, 0);
    add_table(w, &m, t_nothing, 0, "[]\n[]\n[]\n", 0, 0);
    add_table(w, &m, t_bytes, 2, "[\"1\",\"/wAB\"]\n[\"2\",null]\n", 0, 1);
    finish(w, &m, "v1.receipt");
    keyring_free(k);

    /* Written by a machine that cannot read it; two keys and a passphrase can. */
    m.ntables = 0;
    k = ring("ci.key");
    key_public_text(&bob, text);
    need(keyring_add_recipient(k, text, &err) == 0);
    key_public_text(&locked, text);
    need(keyring_add_recipient(k, text, &err) == 0);
    (void)snprintf(text, sizeof(text), "passphrase:%s", in_dir("passphrase"));
    need(keyring_add_recipient(k, text, &err) == 0);
    w = create("v1-recipients.mig", k);
    {
        static char t_small[] = "small";

        add_table(w, &m, t_small, 1, "[\"one\"]\n[\"two\"]\n", 0, 0);
    }
    finish(w, &m, NULL);
    keyring_free(k);

    /* A row that goes on in further frames. */
    m.ntables = 0;
    k = ring("alice.key");
    w = create("v1-long-row.mig", k);
    need(buf_adds(&row, "[\"1\",\"", &err) == 0);
    for (int i = 0; i < 9 << 20; i++)
        need(buf_addc(&row, "long row "[i % 9], &err) == 0);
    need(buf_adds(&row, "\"]\n[\"2\",\"short\"]\n", &err) == 0);
    add_table(w, &m, t_long, 2, row.data, 0, 0);
    finish(w, &m, NULL);
    keyring_free(k);
    buf_free(&row);
    return 0;
}
