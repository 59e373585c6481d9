#include "backup/describe.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/label.h"
#include "backup/manifest.h"
#include "core/report.h"

struct archive_reader *describe_open(const char *path, const struct keyring *keys,
                                     struct err *why_closed, struct err *err)
{
    struct archive_reader *a = archive_inspect(path, keys, err);

    if (a == NULL || keyring_can_read(keys, why_closed) != 0 ||
        archive_unlock(a, keys, why_closed) == 0 || !archive_unlocked(a))
        return a;
    /* The key fits, and yet: damage. */
    *err = *why_closed;
    archive_reader_free(a);
    return NULL;
}

static const char *label(const struct archive_reader *a, const char *key)
{
    const char *s = json_string_value(json_object_get(archive_label_json(a), key));

    return s != NULL && s[0] != '\0' ? s : NULL;
}

static void line(FILE *out, const char *key, const char *value)
{
    char room[1024];

    if (value != NULL)
        fprintf(out, "%-12s %s\n", key, report_plain(value, room, sizeof(room)));
}

static void list_line(FILE *out, const char *key, const json_t *list)
{
    char room[128];

    if (!json_is_array(list))
        return;
    fprintf(out, "%-12s", key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));

        fprintf(out, "%s %s", i > 0 ? "," : "", report_plain(one != NULL ? one : "", room, sizeof(room)));
    }
    fprintf(out, "%s\n", json_array_size(list) == 0 ? " (none)" : "");
}

/* TEXT whole, with its control characters shown: a name in a database may hold any. */
static void put(FILE *out, const char *before, const char *text, const char *after)
{
    size_t size = text != NULL ? strlen(text) * 4 + 8 : 0;
    char *room = text != NULL ? malloc(size) : NULL, small[256];

    if (text == NULL)
        text = "-";
    fprintf(out, "%s%s%s", before,
            room != NULL ? report_plain(text, room, size) : report_plain(text, small, sizeof(small)), after);
    free(room);
}

static void print_table(const struct manifest_table *t, FILE *out)
{
    char rows[32], bytes[32];

    put(out, "  ", t->schema, ".");
    put(out, "", t->name, ": ");
    fprintf(out, "%s row%s, %s%s\n", report_count(t->rows, rows), t->rows == 1 ? "" : "s",
            report_bytes(t->bytes, bytes),
            t->stream == 0 ? " (its rows are in its partitions)" : t->complete ? "" : ", not whole");
    fputs("    columns", out);
    for (size_t i = 0; i < t->ncolumns; i++) {
        put(out, i > 0 ? ", " : " ", t->columns[i].name, " ");
        put(out, "", t->columns[i].type, t->columns[i].base64 ? " (base64)" : "");
    }
    fputs(t->ncolumns == 0 ? " (none)\n" : "\n", out);
    if (t->key != NULL) {
        fputs("    key", out);
        for (size_t i = 0; t->key[i] != NULL; i++)
            put(out, i > 0 ? ", " : " ", t->key[i], "");
        fputc('\n', out);
    }
    if (t->filter != NULL)
        put(out, "    only rows where ", t->filter, "\n");
    if (t->because != NULL)
        put(out, "    saved because ", t->because, "\n");
    if (t->stream != 0)
        put(out, "    digest ", t->digest, "\n");
}

static void print_manifest(const struct manifest *m, FILE *out)
{
    put(out, "from server  ", m->database, "");
    fprintf(out, " (server %d.%d, ", m->server_version / 10000, m->server_version % 10000);
    put(out, "", m->encoding, ")\n");
    put(out, "taken by     ", m->role, ", account ");
    put(out, "", m->os_user, "\n");
    line(out, "command", m->command);
    line(out, "scope", m->scope);
    if (m->ddl != NULL)
        fprintf(out, "%-12s in the file\n", "DDL");
    else
        put(out, m->no_ddl != NULL ? "DDL          none: " : "DDL          none", m->no_ddl != NULL ? m->no_ddl : "",
            "\n");
    fprintf(out, "\n%zu table%s\n", m->ntables, m->ntables == 1 ? "" : "s");
    for (size_t i = 0; i < m->ntables; i++)
        print_table(&m->tables[i], out);
    if (m->nsequences > 0)
        fprintf(out, "\n%zu sequence%s\n", m->nsequences, m->nsequences == 1 ? "" : "s");
    for (size_t i = 0; i < m->nsequences; i++) {
        put(out, "  ", m->sequences[i].schema, ".");
        put(out, "", m->sequences[i].name, ": ");
        put(out, "", m->sequences[i].last_value, m->sequences[i].is_called ? "\n" : " (not called yet)\n");
    }
    for (size_t i = 0; m->notes != NULL && m->notes[i] != NULL; i++)
        put(out, "note: ", m->notes[i], "\n");
}

int describe_print(const struct archive_reader *a, const char *path, const struct err *why_closed,
                   FILE *out, struct err *err)
{
    const struct format_footer *f = archive_footer(a);
    time_t when = label_time(label(a, "created")), now = time(NULL);
    struct manifest *m = NULL;
    const char *problem;
    char bytes[32], age[32], who[KEY_PUBLIC_TEXT];

    if (archive_manifest(a) != NULL && (m = manifest_read(archive_manifest(a), err)) == NULL)
        return err_prefix(err, "\"%s\"", path);
    fprintf(out, "%-12s %s (%s, format version %u)\n", "file", path, report_bytes(f->file_size, bytes),
            archive_head(a)->version);
    line(out, "id", archive_reader_id(a));
    fprintf(out, "%-12s %s (%s%s)\n", "created", label(a, "created"),
            now > when   ? report_duration((int64_t)(now - when) * 1000, age)
            : now < when ? "in the future, by this machine's clock"
                         : "just now",
            now > when ? " ago" : "");
    line(out, "name", label(a, "name"));
    line(out, "purpose", label(a, "purpose"));
    line(out, "database", label(a, "database"));
    line(out, "environment", label(a, "environment"));
    list_line(out, "revision", json_object_get(archive_label_json(a), "from"));
    list_line(out, "going to", json_object_get(archive_label_json(a), "to"));
    line(out, "reason", label(a, "reason"));
    fprintf(out, "%-12s %s (%s)\n", "signed by", archive_signer(a),
            archive_signer_trusted(a) ? "trusted" : "NOT trusted here");
    for (size_t i = 0; archive_recipient(a, i, who); i++)
        line(out, i == 0 ? "readable by" : "", who);
    for (int i = 0; i < 2; i++) {
        (void)archive_slots_generation(a, i, &problem);
        if (problem != NULL)
            fprintf(out, "note: copy %c of the key slots is damaged (%s); the other is good\n", 'A' + i,
                    problem);
    }
    if (m != NULL)
        print_manifest(m, out);
    else
        fprintf(out, "\ntables are encrypted: %s\n",
                why_closed->message[0] != '\0' ? why_closed->message : "no key here");
    manifest_free(m);
    return 0;
}

static json_t *table_json(const struct manifest_table *t)
{
    json_t *columns = json_array(), *key = t->key != NULL ? json_array() : json_null();
    char name[300];

    for (size_t i = 0; i < t->ncolumns; i++)
        (void)json_array_append_new(columns,
                                    json_pack("{s:s, s:s, s:b}", "name", t->columns[i].name, "type",
                                              t->columns[i].type, "base64", t->columns[i].base64));
    for (size_t i = 0; t->key != NULL && t->key[i] != NULL; i++)
        (void)json_array_append_new(key, json_string(t->key[i]));
    (void)snprintf(name, sizeof(name), "%s.%s", t->schema, t->name);
    return json_pack("{s:s, s:I, s:I, s:o, s:s, s:o, s:s?, s:b}", "name", name, "rows",
                     (json_int_t)t->rows, "bytes", (json_int_t)t->bytes, "columns", columns, "digest",
                     t->digest, "key", key, "filter", t->filter, "complete", t->complete);
}

int describe_print_json(const struct archive_reader *a, const char *path, FILE *out, struct err *err)
{
    const json_t *l = archive_label_json(a);
    json_t *o = json_object(), *tables = json_array(), *recipients = json_array(), *from, *to;
    struct manifest *m = NULL;
    char who[KEY_PUBLIC_TEXT];
    int rc = -1;

    if (archive_manifest(a) != NULL && (m = manifest_read(archive_manifest(a), err)) == NULL) {
        err_prefix(err, "\"%s\"", path);
        goto out;
    }
    for (size_t i = 0; m != NULL && i < m->ntables; i++)
        (void)json_array_append_new(tables, table_json(&m->tables[i]));
    for (size_t i = 0; archive_recipient(a, i, who); i++)
        (void)json_array_append_new(recipients, json_string(who));
    from = json_object_get(l, "from") != NULL ? json_deep_copy(json_object_get(l, "from")) : json_array();
    to = json_object_get(l, "to") != NULL ? json_deep_copy(json_object_get(l, "to")) : json_array();
    if (json_object_set_new(o, "schema", json_string("mig-backup/1")) != 0 ||
        json_object_set_new(o, "file", json_string(path)) != 0 ||
        json_object_set_new(o, "archive_id", json_string(archive_reader_id(a))) != 0 ||
        json_object_set_new(o, "created", json_string(label(a, "created"))) != 0 ||
        json_object_set_new(o, "bytes", json_integer((json_int_t)archive_footer(a)->file_size)) != 0 ||
        json_object_set_new(o, "rows", json_integer((json_int_t)archive_footer(a)->rows)) != 0 ||
        json_object_set(o, "revision", from) != 0 || json_object_set_new(o, "from", from) != 0 ||
        json_object_set_new(o, "to", to) != 0 ||
        json_object_set_new(o, "signer", json_string(archive_signer(a))) != 0 ||
        json_object_set_new(o, "trusted", json_boolean(archive_signer_trusted(a))) != 0 ||
        json_object_set(o, "recipients", recipients) != 0 ||
        json_object_set_new(o, "label", json_deep_copy(l)) != 0 ||
        json_object_set_new(o, "decrypted", json_boolean(m != NULL)) != 0 ||
        (m != NULL && json_object_set(o, "tables", tables) != 0)) {
        err_oom(err);
        goto out;
    }
    rc = report_json(out, o, err);
out:
    json_decref(o);
    json_decref(tables);
    json_decref(recipients);
    manifest_free(m);
    return rc;
}
