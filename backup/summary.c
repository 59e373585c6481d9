#include "backup/summary.h"

#include <jansson.h>
#include <string.h>

#include "backup/key.h"
#include "backup/keys.h"
#include "backup/snapshot.h"
#include "core/report.h"

static void name_of(const struct snapshot_table *t, char *text, size_t size)
{
    char plain[400];

    (void)snprintf(plain, sizeof(plain), "%s.%s", t->schema, t->name);
    (void)report_plain(plain, text, size);
}

static void print_table(const struct snapshot_table *t, int width, FILE *out)
{
    char name[300], rows[32], bytes[32];

    name_of(t, name, sizeof(name));
    fprintf(out, "  %-*s %12s %s  %9s", width, name, report_count(t->rows, rows),
            t->rows == 1 ? "row " : "rows", report_bytes(t->bytes, bytes));
    if (!t->complete) {
        fprintf(out, "  only");
        for (size_t i = 0; i < t->ncolumns; i++)
            fprintf(out, "%s %s", i > 0 ? "," : "", t->columns[i]);
        if (t->filter != NULL)
            fprintf(out, ", where a value would be lost");
    }
    fputc('\n', out);
}

void summary_text(const struct summary *s, FILE *out)
{
    const struct snapshot_result *r = s->result;
    char count[64], rows[64], bytes[32], size[32], time[32];
    uint64_t nrows = 0, nbytes = 0;
    int width = 20;

    for (size_t i = 0; i < r->ntables; i++) {
        int n = (int)strlen(r->tables[i].schema) + 1 + (int)strlen(r->tables[i].name);

        nrows += r->tables[i].rows;
        nbytes += r->tables[i].bytes;
        if (n > width && n < 60)
            width = n;
    }
    if (r->ntables == 0)
        fprintf(out, "nothing is affected: an empty backup of %s\n", s->database);
    else
        fprintf(out, "saved %s of %s, %s: %s as text, %s in the file, in %s\n",
                report_things(r->ntables, "table", count), s->database,
                report_things(nrows, "row", rows), report_bytes(nbytes, bytes), report_bytes(r->file_bytes, size),
                report_duration(s->ms, time));
    for (size_t i = 0; i < r->ntables; i++)
        print_table(&r->tables[i], width, out);
    for (size_t i = 0; i < r->nnotes; i++)
        fprintf(out, "note: %s\n", r->notes[i]);
    fprintf(out, "file      %s\n", r->file);
    fprintf(out, "id        %s\n", r->archive_id);
    fprintf(out, "signed by %s\n", r->signer);
    fprintf(out, "%s\n", r->verified ? "verified: every frame was read back"
                                     : "NOT verified: standard output cannot be read back");
    if (s->log_head[0] != '\0')
        fprintf(out, "log head  %s\n", s->log_head);
    if (r->verified && r->ntables > 0)
        fprintf(out, "restore with: mig-backup restore %.8s\n", r->archive_id);
}

static json_t *strings_json(char *const *list)
{
    json_t *a = json_array();

    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        (void)json_array_append_new(a, json_string(list[i]));
    return a;
}

static json_t *table_json(const struct snapshot_table *t)
{
    json_t *columns = json_array();
    char name[300];

    name_of(t, name, sizeof(name));
    for (size_t i = 0; i < t->ncolumns; i++)
        (void)json_array_append_new(columns, json_pack("{s:s, s:s}", "name", t->columns[i], "type",
                                                       t->types[i]));
    return json_pack("{s:s, s:I, s:I, s:o, s:s, s:s?, s:b}", "name", name, "rows", (json_int_t)t->rows,
                     "bytes", (json_int_t)t->bytes, "columns", columns, "digest", t->digest, "filter",
                     t->filter, "complete", t->complete);
}

static json_t *recipients_json(const struct keyring *keys)
{
    json_t *a = json_array();

    for (size_t i = 0;; i++) {
        const struct key_public *p = keyring_recipient(keys, i);
        char text[KEY_PUBLIC_TEXT];

        if (p == NULL)
            break;
        key_public_text(p, text);
        (void)json_array_append_new(a, json_string(text));
    }
    for (size_t i = 0; keyring_recipient_passphrase(keys, i) != NULL; i++)
        (void)json_array_append_new(a, json_string("passphrase"));
    return a;
}

int summary_json(const struct summary *s, FILE *out, struct err *err)
{
    const struct snapshot_result *r = s->result;
    json_t *tables = json_array(), *o;
    int rc = -1;

    for (size_t i = 0; i < r->ntables; i++)
        (void)json_array_append_new(tables, table_json(&r->tables[i]));
    o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:o, s:o, s:o, s:s, s:o, s:s, s:o, s:I, s:I, s:s}",
                  "schema", "mig-backup/1", "file", r->file, "archive_id", r->archive_id, "created",
                  r->created, "database", s->database, "bytes", (json_int_t)r->file_bytes,
                  "verified", r->verified, "revision", strings_json((char *const *)(uintptr_t)s->options->from),
                  "from", strings_json((char *const *)(uintptr_t)s->options->from), "to",
                  strings_json((char *const *)(uintptr_t)s->options->to), "scope",
                  s->options->scope == SNAPSHOT_LOSS ? "loss" : "tables", "tables", tables, "signer", r->signer,
                  "recipients", recipients_json(s->options->keys), "milliseconds",
                  (json_int_t)(s->ms), "snapshot_milliseconds", (json_int_t)s->snapshot_ms,
                  "log_head", s->log_head);
    if (o == NULL || json_object_set_new(o, "notes", strings_json(r->notes)) != 0)
        err_oom(err);
    else
        rc = report_json(out, o, err);
    json_decref(o);
    return rc;
}
