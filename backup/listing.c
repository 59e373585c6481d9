/* What `mig-backup list` prints of a shelf (shelf.h). */
#include <jansson.h>
#include <string.h>

#include "backup/shelf.h"
#include "core/buf.h"
#include "core/report.h"

static const char *or_dash(const char *s)
{
    return s != NULL && s[0] != '\0' ? s : "-";
}

static const char *age(time_t now, time_t when, char text[32])
{
    return now > when ? report_duration((int64_t)(now - when) * 1000, text) : "now";
}

static const char *revisions(char **list, char *text, size_t size)
{
    size_t n = 0;
    char id[48]; /* an Alembic id has 12 letters; longer names are cut */

    text[0] = '\0';
    for (; list != NULL && *list != NULL && n + 2 < size; list++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", n > 0 ? "," : "",
                              report_plain(*list, id, sizeof(id)));
    return text[0] != '\0' ? text : "-";
}

static const char *state(const struct shelf_entry *e)
{
    return e->problem != NULL ? e->problem : e->trusted ? "signed" : "signed by a key not trusted here";
}

void shelf_print(const struct shelf *s, const char *dir, time_t now, FILE *out)
{
    size_t width = 4, name = 0, database = 8, purpose = 7, rev = 8;
    char a[32], b[32], r[128], l[160], d[160], u[80];

    if (s->count == 0) {
        fprintf(out, "no backups in %s\n", dir);
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];
        size_t n;

        if ((n = strlen(e->name)) > width)
            width = n;
        if (e->label != NULL && (n = strlen(report_plain(e->label, l, sizeof(l)))) > name)
            name = n < 4 ? 4 : n;
        if ((n = strlen(report_plain(or_dash(e->database), d, sizeof(d)))) > database)
            database = n;
        if ((n = strlen(report_plain(or_dash(e->purpose), u, sizeof(u)))) > purpose)
            purpose = n;
        if ((n = strlen(revisions(e->from, r, sizeof(r)))) > rev)
            rev = n;
    }
    /* The column of names only where somebody gave one. */
    fprintf(out, "%-*s  %-*s%s%-*s  %-*s  %-*s  %10s  %12s  %s\n", (int)width, "FILE", (int)name,
            name > 0 ? "NAME" : "", name > 0 ? "  " : "", (int)database, "DATABASE", (int)purpose,
            "PURPOSE", (int)rev, "REVISION", "SIZE", "AGE", "STATE");
    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];

        fprintf(out, "%-*s  %-*s%s%-*s  %-*s  %-*s  %10s  %12s  %s\n", (int)width, e->name, (int)name,
                name > 0 ? report_plain(or_dash(e->label), l, sizeof(l)) : "", name > 0 ? "  " : "",
                (int)database, report_plain(or_dash(e->database), d, sizeof(d)), (int)purpose,
                report_plain(or_dash(e->purpose), u, sizeof(u)), (int)rev,
                revisions(e->from, r, sizeof(r)), report_bytes(e->bytes, a), age(now, e->when, b),
                state(e));
    }
}

static json_t *text(const char *s)
{
    return s != NULL ? json_string(s) : json_null();
}

static json_t *list(char **strings)
{
    json_t *j = json_array();

    for (; strings != NULL && *strings != NULL; strings++)
        (void)json_array_append_new(j, json_string(*strings));
    return j;
}

int shelf_print_json(const struct shelf *s, const char *dir, time_t now, FILE *out, struct err *err)
{
    json_t *all = json_array(), *o = NULL;
    int rc = -1;

    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];
        json_t *one = json_pack(
            "{s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "file",
            e->path, "archive_id", text(e->archive_id[0] != '\0' ? e->archive_id : NULL), "created",
            text(e->created), "age_seconds", (json_int_t)(now > e->when ? now - e->when : 0), "bytes",
            (json_int_t)e->bytes, "name", text(e->label), "purpose", text(e->purpose), "database",
            text(e->database), "environment", text(e->environment), "reason", text(e->reason),
            "revision", list(e->from), "from", list(e->from), "to", list(e->to), "signer",
            text(e->signer), "trusted", e->trusted, "problem", text(e->problem));

        if (one == NULL || json_array_append_new(all, one) != 0) {
            err_oom(err);
            goto out;
        }
    }
    if ((o = json_pack("{s:s, s:s, s:O}", "schema", "mig-backup/1", "dir", dir, "backups", all)) == NULL) {
        err_oom(err);
        goto out;
    }
    rc = report_json(out, o, err);
out:
    json_decref(all);
    json_decref(o);
    return rc;
}
