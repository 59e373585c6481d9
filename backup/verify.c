#include "backup/verify.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "backup/against.h"
#include "backup/archive.h"
#include "backup/decode.h"
#include "backup/keys.h"
#include "backup/rekey.h"
#include "core/buf.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/report.h"

/* Without the key: the hash of every frame is signed, so each stored byte can be checked. */
static int check_stored(struct archive_reader *a, struct err *err)
{
    uint64_t n = archive_footer(a)->entries;

    for (uint64_t i = 0; i < n; i++)
        if (interrupt_check(err) != 0 || archive_check_frame(a, i, err) != 0)
            return -1;
    return 0;
}

static int fill(struct archive_reader *a, struct verify_result *r, struct err *err)
{
    memcpy(r->archive_id, archive_reader_id(a), sizeof(r->archive_id));
    r->frames = archive_footer(a)->entries;
    r->file_bytes = archive_footer(a)->file_size;
    return (r->signer = strdup(archive_signer(a))) == NULL ? err_oom(err) : 0;
}

/* What there is to say of the two copies of the key slots; and the damaged one is made good, if REPAIR. */
static int look_at_slots(struct archive_reader *a, int repair, struct verify_result *r, struct err *err)
{
    const char *problem[2];
    uint64_t generation[2];
    struct err why = {0};
    struct buf b = {0};

    for (int i = 0; i < 2; i++)
        generation[i] = archive_slots_generation(a, i, &problem[i]);
    if (repair && archive_unlocked(a) && rekey_repair(a, &r->repaired, &why) != 0)
        log_info("%s", why.message);
    for (int i = 0; i < 2; i++) {
        if (problem[i] == NULL)
            continue;
        if (r->repaired == 'A' + i) {
            if (buf_addf(&b, err, "copy %c of the key slots was damaged (%s): it is written again from copy %c and good",
                         'A' + i, problem[i], 'B' - i) != 0)
                goto fail;
        } else if (buf_addf(&b, err, "copy %c of the key slots is damaged (%s); the other is good; ", 'A' + i,
                            problem[i]) != 0 ||
                   (why.kind != ERR_NONE && buf_addf(&b, err, "it was not written again: %s; ", why.message) != 0) ||
                   buf_adds(&b, "`mig-backup verify` with a key that opens the file, where it can be written, makes it good",
                            err) != 0)
            goto fail;
    }
    if (problem[0] == NULL && problem[1] == NULL && generation[0] != generation[1] &&
        buf_adds(&b, "a rekey was interrupted: one copy of the key slots is older; run it again, `mig-backup show` says who can read the file",
                 err) != 0)
        goto fail;
    r->notes = b.data;
    return 0;
fail:
    buf_free(&b);
    return -1;
}

int verify_stored(const char *path, const struct keyring *keys, struct err *err)
{
    struct archive_reader *a = archive_inspect(path, keys, err);
    int rc = -1;

    if (a == NULL)
        return -1;
    if (!archive_signer_trusted(a))
        err_set(err, ERR_BACKUP, "\"%s\": signed by %s, which is not trusted here", path, archive_signer(a));
    else
        rc = check_stored(a, err);
    archive_reader_free(a);
    return rc;
}

static int examine(const char *path, const struct keyring *keys, int repair, int jobs, struct progress *progress,
                   struct verify_result *r, struct err *err)
{
    struct decode_result sums = {0};
    struct archive_reader *a;
    struct err no_key = {0};
    int can_read = keyring_can_read(keys, &no_key) == 0;
    int rc = -1;

    memset(r, 0, sizeof(*r));
    a = can_read ? archive_open(path, keys, err) : archive_inspect(path, keys, err);
    if (a == NULL)
        return -1;
    if (!archive_signer_trusted(a)) {
        err_set(err, ERR_BACKUP, "\"%s\": signed by %s, which is not trusted here", path, archive_signer(a));
        err_hint(err, "if that signer is known to you: --trust %s, or \"trust\" in mig.json", archive_signer(a));
        goto out;
    }
    if (fill(a, r, err) != 0)
        goto out;
    rc = can_read ? decode_all(a, path, jobs, progress, &sums, err) : check_stored(a, err);
    r->tables = sums.tables;
    r->rows = can_read ? sums.rows : archive_footer(a)->rows;
    r->bytes = sums.bytes;
    r->decoded = can_read && rc == 0;
    if (rc == 0)
        rc = look_at_slots(a, repair && strcmp(path, "-") != 0, r, err);
out:
    archive_reader_free(a);
    return rc;
}

int verify_file(const char *path, const struct keyring *keys, struct verify_result *r, struct err *err)
{
    return examine(path, keys, 0, 0, NULL, r, err);
}

int verify_repair(const char *path, const struct keyring *keys, int jobs, struct verify_result *r, struct err *err)
{
    struct progress *progress = progress_start("checking");
    int rc = examine(path, keys, 1, jobs, progress, r, err);

    progress_end(progress);
    return rc;
}

void verify_result_free(struct verify_result *r)
{
    free(r->signer);
    free(r->notes);
    if (r->against != NULL)
        against_result_free(r->against);
    free(r->against);
    memset(r, 0, sizeof(*r));
}

static void print(const char *path, const struct verify_result *r, const struct err *err, FILE *out)
{
    char rows[64], tables[32], bytes[32], json[32], frames[32];

    if (err->kind != ERR_NONE && err->kind != ERR_FINDING) {
        fprintf(out, "%s: %s\n", path, r->decoded ? "good, but not compared with the database" : "NOT VERIFIED");
        return;
    }
    if (r->decoded)
        fprintf(out, "%s: good\n  %s table%s, %s row%s, %s of rows in %s; every frame decrypted, inflated and counted, every digest as signed\n",
                path, report_count(r->tables, tables), r->tables == 1 ? "" : "s",
                report_count(r->rows, rows), r->rows == 1 ? "" : "s",
                report_bytes(r->bytes, json), report_bytes(r->file_bytes, bytes));
    else
        fprintf(out, "%s: good, as far as can be told without a key\n  %s in %s; signature, index and the hash of each of %s frames are right; nothing was decrypted\n",
                path, report_things(r->rows, "row", rows), report_bytes(r->file_bytes, bytes),
                report_count(r->frames, frames));
    fprintf(out, "  signed by %s\n", r->signer);
    if (r->notes != NULL)
        fprintf(out, "  note: %s\n", r->notes);
    if (r->against != NULL)
        against_print(r->against, out);
}

static int print_json(const char *const *paths, const struct verify_result *results,
                      const struct err *errors, size_t count, FILE *out, struct err *err)
{
    json_t *all = json_array(), *o = NULL;
    int good = 1, rc = -1;

    for (size_t i = 0; i < count; i++) {
        const struct verify_result *r = &results[i];
        int fine = errors[i].kind == ERR_NONE || errors[i].kind == ERR_FINDING;
        json_t *one = json_pack("{s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:s?, s:s?, s:s?, s:b, s:s?}", "file",
                                paths[i], "good", fine, "decoded", r->decoded, "tables",
                                (json_int_t)r->tables, "rows", (json_int_t)r->rows, "bytes",
                                (json_int_t)r->bytes, "frames", (json_int_t)r->frames, "file_bytes",
                                (json_int_t)r->file_bytes, "archive_id",
                                r->archive_id[0] != '\0' ? r->archive_id : NULL, "signer", r->signer,
                                "notes", r->notes, "repaired", r->repaired != 0, "error", fine ? NULL : errors[i].message);

        good = good && fine;
        if (one != NULL && r->against != NULL)
            (void)json_object_set_new(one, "against", against_json(r->against, err));
        if (one == NULL || json_array_append_new(all, one) != 0) {
            err_oom(err);
            goto out;
        }
    }
    o = json_pack("{s:s, s:b, s:O}", "schema", "mig-backup/1", "good", good, "files", all);
    rc = o == NULL ? err_oom(err) : report_json(out, o, err);
out:
    json_decref(all);
    json_decref(o);
    return rc;
}

/* A good file against the database.  The differences are R's; -1 only where it could not be done. */
static int compare(const char *path, const struct keyring *keys, struct conn *c, int show_keys,
                   struct verify_result *r, struct err *err)
{
    struct archive_reader *a = archive_open(path, keys, err);
    int rc = -1;

    if (a == NULL)
        return -1;
    if ((r->against = calloc(1, sizeof(*r->against))) == NULL)
        err_oom(err);
    else
        rc = against_database(a, c, show_keys, r->against, err);
    archive_reader_free(a);
    if (rc == 0 && r->against->differing > 0)
        rc = err_set(err, ERR_FINDING, "%" PRIu64 " of %zu tables are no longer as in \"%s\"",
                     r->against->differing, r->against->count, path);
    return rc;
}

int verify_report(const char *const *paths, const struct keyring *keys, struct conn *c, int show_keys,
                  int jobs, const struct report *report, struct err *err)
{
    size_t n = 0, bad = SIZE_MAX;
    struct verify_result *results = NULL;
    struct err *errors = NULL;
    int rc = -1;

    while (paths[n] != NULL)
        n++;
    results = calloc(n + 1, sizeof(*results));
    errors = calloc(n + 1, sizeof(*errors));
    if (results == NULL || errors == NULL) {
        err_oom(err);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        if (verify_repair(paths[i], keys, jobs, &results[i], &errors[i]) != 0 ||
            (c != NULL && compare(paths[i], keys, c, show_keys, &results[i], &errors[i]) != 0)) {
            if (errors[i].kind == ERR_INTERRUPTED) {
                *err = errors[i];
                goto out;
            }
            if (bad == SIZE_MAX)
                bad = i;
            else
                log_err(&errors[i]);
        }
        for (size_t k = 0; k < report->count; k++)
            if (report->outputs[k].format == 0)
                print(paths[i], &results[i], &errors[i], report->outputs[k].out);
    }
    for (size_t k = 0; k < report->count; k++)
        if (report->outputs[k].format == 1 &&
            print_json(paths, results, errors, n, report->outputs[k].out, err) != 0)
            goto out;
    if (bad == SIZE_MAX)
        rc = 0;
    else
        *err = errors[bad];
out:
    for (size_t i = 0; results != NULL && i < n; i++)
        verify_result_free(&results[i]);
    free(results);
    free(errors);
    return rc;
}
