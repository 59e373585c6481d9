#include "backup/rekey.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/archive_internal.h"
#include "backup/keys.h"
#include "core/cli.h"
#include "core/report.h"
#include "core/secret.h"

#define PASSPHRASE "passphrase"

static int same_public(const unsigned char *record, const struct key_public *p)
{
    struct key_public q;

    return slots_record_public(record, &q) && memcmp(q.box, p->box, 32) == 0;
}

/* RECORDS without those that WHAT names.  -1 if it names none. */
static int remove_records(unsigned char *records, uint32_t *count, const char *what,
                          const char *path, size_t *removed, struct err *err)
{
    int phrase = strcmp(what, PASSPHRASE) == 0;
    struct key_public p;
    uint32_t kept = 0;

    if (!phrase && key_public_parse(what, &p, err) != 0) {
        err_hint(err, "--remove takes a public line as `mig-backup show` prints it, or \"passphrase\"");
        return -1;
    }
    for (uint32_t i = 0; i < *count; i++) {
        unsigned char *record = records + (size_t)i * FORMAT_RECORD;

        if (phrase ? record[0] == FORMAT_RECORD_PASSPHRASE : same_public(record, &p))
            continue;
        memmove(records + (size_t)kept++ * FORMAT_RECORD, record, FORMAT_RECORD);
    }
    if (kept == *count) {
        err_set(err, ERR_USAGE, "\"%s\" is not encrypted to %s", path, phrase ? "a passphrase" : what);
        err_hint(err, "`mig-backup show` lists who can read it");
        return -1;
    }
    *removed += *count - kept;
    *count = kept;
    return 0;
}

static int add_records(unsigned char *records, uint32_t *count, uint32_t room,
                       const struct cli_list *add, const struct archive_reader *a, size_t *added,
                       struct err *err)
{
    struct keyring *k = keyring_new(err);
    const struct key_public *p;
    const struct secret *phrase;
    int rc = -1;

    if (k == NULL)
        return -1;
    for (size_t i = 0; i < add->count; i++)
        if (keyring_add_recipient(k, add->items[i], err) != 0) {
            err_prefix(err, "--recipient");
            goto out;
        }
    for (size_t i = 0; (p = keyring_recipient(k, i)) != NULL; i++) {
        uint32_t n = 0;

        while (n < *count && !same_public(records + (size_t)n * FORMAT_RECORD, p))
            n++;
        if (n < *count)
            continue; /* can read it already */
        if (*count == room)
            goto full;
        if (slots_seal_box(records + (size_t)(*count)++ * FORMAT_RECORD, p, a->k.dek,
                           a->head.archive_id, err) != 0)
            goto out;
        (*added)++;
    }
    for (size_t i = 0; (phrase = keyring_recipient_passphrase(k, i)) != NULL; i++) {
        if (*count == room)
            goto full;
        if (slots_seal_passphrase(records + (size_t)(*count)++ * FORMAT_RECORD, phrase, NULL, a->k.dek,
                                  a->head.archive_id, err) != 0)
            goto out;
        (*added)++;
    }
    rc = 0;
    goto out;
full:
    err_set(err, ERR_REFUSED, "\"%s\" has room for %u recipients", a->path, room);
    err_hint(err, "remove one, or `mig-backup reencrypt` with all of them makes a file with more room");
out:
    keyring_free(k);
    return rc;
}

static int write_at(int fd, const unsigned char *data, size_t len, uint64_t at, const char *path,
                    struct err *err)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set_errno(err, ERR_FAILED, "cannot write the key slots of \"%s\"", path);
        data += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    if (fsync(fd) != 0)
        return err_set_errno(err, ERR_FAILED, "cannot flush the key slots of \"%s\"", path);
    return 0;
}

/* What was written stands there. */
static int check_written(int fd, const unsigned char *copy, size_t size, uint64_t at,
                         const char *path, struct err *err)
{
    unsigned char *back = malloc(size);
    int rc = 0;

    if (back == NULL)
        return err_oom(err);
    if (pread(fd, back, size, (off_t)at) != (ssize_t)size || memcmp(back, copy, size) != 0)
        rc = err_set(err, ERR_FAILED, "the key slots of \"%s\" read back other than they were written", path);
    free(back);
    return rc;
}

static int write_copies(struct archive_reader *a, int fd, const unsigned char *records,
                        uint32_t count, struct err *err)
{
    const struct slots_pair *p = &a->slots;
    size_t size = a->head.slots_size;
    uint64_t newest = 0, at = format_slots_offset(&a->head);
    unsigned char *copy = malloc(size);
    int order[2] = {1 - a->used, a->used};
    int rc = -1;

    if (copy == NULL)
        return err_oom(err);
    for (int i = 0; i < 2; i++)
        if (p->problem[i].kind == ERR_NONE && p->copy[i].generation > newest)
            newest = p->copy[i].generation;
    slots_encode(copy, size, newest + 1, records, count, &a->k);
    for (int i = 0; i < 2; i++) {
        uint64_t place = at + (uint64_t)order[i] * size;

        if (write_at(fd, copy, size, place, a->path, err) != 0 ||
            check_written(fd, copy, size, place, a->path, err) != 0) {
            err_hint(err, "copy %c of them is whole: the file can be read as %s; run the same command again",
                     'A' + order[1 - i], i == 0 ? "before" : "wanted");
            goto out;
        }
    }
    rc = 0;
out:
    free(copy);
    return rc;
}

/* PATH for writing, by us alone, and the file that A reads.  Its descriptor, or -1. */
static int open_again(const struct archive_reader *a, const char *path, struct err *err)
{
    struct stat ours, read;
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return err_set_errno(err, ERR_FAILED, "cannot open \"%s\" for writing", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        err_set(err, ERR_REFUSED, "\"%s\" is being rekeyed by another process", path);
    else if (fstat(fd, &ours) != 0 || fstat(a->fd, &read) != 0 || ours.st_dev != read.st_dev ||
             ours.st_ino != read.st_ino)
        err_set(err, ERR_REFUSED, "\"%s\" was replaced while it was being read", path);
    else
        return fd;
    (void)close(fd);
    return -1;
}

int rekey_repair(const struct archive_reader *a, char *repaired, struct err *err)
{
    size_t size = a->head.slots_size;
    uint64_t at = format_slots_offset(&a->head);
    unsigned char *now = NULL;
    int bad = 1 - a->used, fd = -1, rc = -1;

    *repaired = 0;
    if (a->used < 0 || a->slots.problem[bad].kind == ERR_NONE)
        return 0;
    if ((fd = open_again(a, a->path, err)) < 0)
        return -1;
    if ((now = malloc(2 * size)) == NULL) {
        err_oom(err);
        goto out;
    }
    /* What was proven is what stands there still. */
    if (frame_read_at(a, now, 2 * size, at, err) != 0)
        goto out;
    if (memcmp(now, a->area, 2 * size) != 0) {
        err_set(err, ERR_REFUSED, "the key slots of \"%s\" were changed meanwhile", a->path);
        goto out;
    }
    if (write_at(fd, a->area + (size_t)a->used * size, size, at + (uint64_t)bad * size, a->path, err) != 0 ||
        check_written(fd, a->area + (size_t)a->used * size, size, at + (uint64_t)bad * size, a->path, err) != 0)
        goto out;
    *repaired = (char)('A' + bad);
    rc = 0;
out:
    free(now);
    (void)close(fd);
    return rc;
}

int rekey_file(const char *path, const struct rekey_options *o, struct rekey_result *r,
               struct err *err)
{
    struct archive_reader *a = NULL;
    const struct format_slots *old;
    unsigned char *records = NULL;
    struct secret *dek = NULL;
    struct err why = {0};
    uint32_t count, room;
    struct stat ours, read;
    int fd = -1, rc = -1;

    memset(r, 0, sizeof(*r));
    if ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
        return err_set_errno(err, ERR_FAILED, "cannot open \"%s\" for writing", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err_set(err, ERR_REFUSED, "\"%s\" is being rekeyed by another process", path);
        goto out;
    }
    if ((a = archive_open(path, o->keys, err)) == NULL)
        goto out;
    /* The slots of one file must not be written into another that took its name meanwhile. */
    if (fstat(fd, &ours) != 0 || fstat(a->fd, &read) != 0 || ours.st_dev != read.st_dev ||
        ours.st_ino != read.st_ino) {
        err_set(err, ERR_REFUSED, "\"%s\" was replaced while it was being opened", path);
        goto out;
    }
    old = &a->slots.copy[a->used];
    room = (a->head.slots_size - FORMAT_SLOTS_FIXED) / FORMAT_RECORD;
    if ((records = calloc(room, FORMAT_RECORD)) == NULL) {
        err_oom(err);
        goto out;
    }
    count = old->count;
    memcpy(records, old->records, (size_t)count * FORMAT_RECORD);
    for (size_t i = 0; o->remove != NULL && i < o->remove->count; i++)
        if (remove_records(records, &count, o->remove->items[i], path, &r->removed, err) != 0)
            goto out;
    if (o->add != NULL && o->add->count > 0 &&
        add_records(records, &count, room, o->add, a, &r->added, err) != 0)
        goto out;
    if (count == 0) {
        err_set(err, ERR_REFUSED, "nobody would be left who can read \"%s\"", path);
        err_hint(err, "name another reader in the same command: --recipient mig-pub-...");
        goto out;
    }
    r->recipients = count;
    r->repaired = a->slots.problem[0].kind != ERR_NONE || a->slots.problem[1].kind != ERR_NONE;
    if (write_copies(a, fd, records, count, err) != 0)
        goto out;
    dek = slots_open(records, count, a->head.archive_id, o->keys, path, &why);
    r->locked_out = dek == NULL;
    rc = 0;
out:
    secret_free(dek);
    free(records);
    archive_reader_free(a);
    (void)close(fd);
    return rc;
}

void rekey_print(const char *path, const struct rekey_result *r, FILE *out)
{
    fprintf(out, "%s: %zu added, %zu removed, %zu can read it now\n", path, r->added, r->removed,
            r->recipients);
    if (r->repaired)
        fprintf(out, "  a copy of the key slots was damaged: both are good again\n");
    if (r->locked_out)
        fprintf(out, "  the keys given here can no longer read it\n");
    if (r->removed > 0)
        fprintf(out, "  who was removed and has read the file before, or has a copy of it, can still read that: `mig-backup reencrypt` makes a file with a new data key\n");
}

int rekey_print_json(const char *path, const struct rekey_result *r, FILE *out, struct err *err)
{
    json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:b}", "schema", "mig-backup/1", "file", path, "added",
                          (json_int_t)r->added, "removed", (json_int_t)r->removed, "readers",
                          (json_int_t)r->recipients, "repaired", r->repaired, "locked_out", r->locked_out);
    int rc = o == NULL ? err_oom(err) : report_json(out, o, err);

    json_decref(o);
    return rc;
}
