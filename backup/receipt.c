#include "backup/receipt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/label.h"
#include "core/buf.h"
#include "core/outfile.h"
#include "core/seal.h"

#define SCHEMA "mig-receipt/1"

enum { BASE64 = sodium_base64_VARIANT_ORIGINAL };

static int same_hash(const void *data, size_t len, const unsigned char expected[FORMAT_HASH])
{
    unsigned char h[FORMAT_HASH];
    struct seal_part part = {data, len};

    seal_hash(h, NULL, &part, 1);
    return memcmp(h, expected, FORMAT_HASH) == 0;
}

int receipt_check(const unsigned char head[FORMAT_HEAD], const char *label, size_t label_len,
                  const unsigned char footer[FORMAT_FOOTER], struct format_footer *f,
                  struct err *err)
{
    static const char purpose[] = "mig backup footer v1";
    unsigned char message[sizeof(purpose) + FORMAT_FOOTER_SIGNED];

    if (format_footer_decode(footer, f, err) != 0)
        return -1;
    memcpy(message, purpose, sizeof(purpose));
    memcpy(message + sizeof(purpose), footer, FORMAT_FOOTER_SIGNED);
    if (key_verify(f->signer_sign, message, sizeof(message), f->signature) != 0)
        return err_set(err, ERR_BACKUP, "footer (the last %d bytes) is damaged or forged: its signature does not match",
                       FORMAT_FOOTER);
    if (!same_hash(head, FORMAT_HEAD, f->head_hash) || memcmp(head + 32, f->archive_id, FORMAT_ID) != 0)
        return err_set(err, ERR_BACKUP, "head (offset 0, %d bytes) was changed: it is not the one that was signed",
                       FORMAT_HEAD);
    if (!same_hash(label, label_len, f->label_hash))
        return err_set(err, ERR_BACKUP, "label (offset %d, %zu bytes) was changed: it is not the one that was signed",
                       FORMAT_HEAD, label_len);
    return 0;
}

static int add_base64(json_t *o, const char *key, const unsigned char *data, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, BASE64);
    char *text = malloc(size);
    int rc = -1;

    if (text != NULL) {
        (void)sodium_bin2base64(text, size, data, len, BASE64);
        rc = json_object_set_new(o, key, json_string(text));
    }
    free(text);
    return rc;
}

int receipt_write(const char *path, const char *file, const unsigned char head[FORMAT_HEAD],
                  const char *label, const unsigned char footer[FORMAT_FOOTER], struct err *err)
{
    const char *slash = strrchr(file, '/');
    json_t *o = json_object();
    char *text = NULL;
    struct buf b = {0};
    int rc = -1;

    if (o == NULL || json_object_set_new(o, "schema", json_string(SCHEMA)) != 0 ||
        json_object_set_new(o, "file", json_string(slash != NULL ? slash + 1 : file)) != 0 ||
        json_object_set_new(o, "label", json_loads(label, 0, NULL)) != 0 ||
        add_base64(o, "head", head, FORMAT_HEAD) != 0 ||
        add_base64(o, "label_bytes", (const unsigned char *)label, strlen(label)) != 0 ||
        add_base64(o, "footer", footer, FORMAT_FOOTER) != 0 ||
        (text = json_dumps(o, JSON_INDENT(2))) == NULL) {
        err_oom(err);
        goto out;
    }
    if (buf_addf(&b, err, "%s\n", text) != 0 || outfile_write_whole(path, b.data, b.len, err) != 0)
        goto out;
    rc = 0;
out:
    buf_free(&b);
    free(text);
    json_decref(o);
    return rc;
}

/* The bytes of KEY in base64; -1 unless there are MIN to MAX of them. */
static int get_base64(const json_t *o, const char *key, unsigned char *out, size_t min, size_t max,
                      size_t *len, struct err *err)
{
    const char *text = json_string_value(json_object_get(o, key));

    if (text == NULL ||
        sodium_base642bin(out, max, text, strlen(text), NULL, len, NULL, BASE64) != 0 || *len < min)
        return err_set(err, ERR_BACKUP, "the receipt's \"%s\" is missing or damaged", key);
    return 0;
}

static int copy_string(const json_t *label, const char *key, char **out, struct err *err)
{
    const char *s = json_string_value(json_object_get(label, key));

    return s != NULL && (*out = strdup(s)) == NULL ? err_oom(err) : 0;
}

static int copy_list(const json_t *label, const char *key, char ***out, struct err *err)
{
    const json_t *list = json_object_get(label, key);
    size_t n = json_array_size(list);

    if ((*out = calloc(n + 1, sizeof(**out))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i));

        if (((*out)[i] = strdup(s != NULL ? s : "")) == NULL)
            return err_oom(err);
    }
    return 0;
}

static int fill(struct receipt *r, const json_t *label, const struct format_footer *f,
                const struct keyring *keys, struct err *err)
{
    const json_t *oid = json_object_get(label, "database_oid");
    struct key_public p;

    (void)sodium_bin2hex(r->archive_id, sizeof(r->archive_id), f->archive_id, FORMAT_ID);
    if (copy_string(label, "name", &r->name, err) != 0 ||
        copy_string(label, "purpose", &r->purpose, err) != 0 ||
        copy_string(label, "database", &r->database, err) != 0 ||
        copy_string(label, "environment", &r->environment, err) != 0 ||
        copy_string(label, "reason", &r->reason, err) != 0 ||
        copy_string(label, "system_id", &r->system_id, err) != 0 ||
        copy_string(label, "created", &r->created, err) != 0 ||
        copy_list(label, "from", &r->from, err) != 0 || copy_list(label, "to", &r->to, err) != 0)
        return -1;
    if (json_is_integer(oid) && json_integer_value(oid) > 0 &&
        json_integer_value(oid) <= (json_int_t)UINT32_MAX)
        r->database_oid = (uint32_t)json_integer_value(oid);
    r->when = label_time(r->created);
    r->file_size = f->file_size;
    r->rows = f->rows;
    memcpy(p.sign, f->signer_sign, 32);
    memcpy(p.box, f->signer_box, 32);
    key_public_text(&p, r->signer);
    r->trusted = keys != NULL && keyring_trusts(keys, f->signer_sign);
    return 0;
}

static int from_json(const char *text, size_t len, const struct keyring *keys, struct receipt *r,
                     struct err *err)
{
    unsigned char head[FORMAT_HEAD], footer[FORMAT_FOOTER];
    unsigned char *label = NULL;
    size_t head_len, label_len = 0, footer_len;
    struct format_head h;
    struct format_footer f;
    json_t *o = NULL, *l = NULL;
    const char *file;
    int rc = -1;

    o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (o == NULL || json_string_value(json_object_get(o, "schema")) == NULL ||
        strcmp(json_string_value(json_object_get(o, "schema")), SCHEMA) != 0) {
        err_set(err, ERR_BACKUP, "neither a mig backup nor a receipt of one");
        goto out;
    }
    if ((label = malloc(FORMAT_LABEL_MAX)) == NULL) {
        err_oom(err);
        goto out;
    }
    if (get_base64(o, "head", head, sizeof(head), sizeof(head), &head_len, err) != 0 ||
        get_base64(o, "label_bytes", label, 0, FORMAT_LABEL_MAX, &label_len, err) != 0 ||
        get_base64(o, "footer", footer, sizeof(footer), sizeof(footer), &footer_len, err) != 0 ||
        format_head_decode(head, &h, err) != 0 ||
        receipt_check(head, (const char *)label, label_len, footer, &f, err) != 0 ||
        (l = label_decode((const char *)label, label_len, err)) == NULL)
        goto out;
    /* The readable copy is for people; it must not say anything else. */
    if (!json_equal(l, json_object_get(o, "label"))) {
        err_set(err, ERR_BACKUP, "the receipt's readable label was changed: it is not the signed one");
        goto out;
    }
    file = json_string_value(json_object_get(o, "file"));
    r->is_receipt = 1;
    if ((r->file = strdup(file != NULL ? file : "")) == NULL) {
        err_oom(err);
        goto out;
    }
    rc = fill(r, l, &f, keys, err);
out:
    free(label);
    json_decref(l);
    json_decref(o);
    return rc;
}

/* A backup file: the parts that archive_inspect checks too, without reading the index. */
static int from_file(int fd, const char *path, const struct keyring *keys, struct receipt *r,
                     struct err *err)
{
    unsigned char head[FORMAT_HEAD], footer[FORMAT_FOOTER];
    off_t size = lseek(fd, 0, SEEK_END);
    struct format_head h;
    struct format_footer f;
    char *label = NULL;
    json_t *l = NULL;
    int rc = -1;

    if (size < 0 || pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head)) {
        err_set(err, ERR_BACKUP, "incomplete: the file ends inside its head");
        goto out;
    }
    if (format_head_decode(head, &h, err) != 0)
        goto out;
    if ((uint64_t)size < format_frames_offset(&h) + FORMAT_FOOTER ||
        pread(fd, footer, sizeof(footer), size - FORMAT_FOOTER) != (ssize_t)sizeof(footer)) {
        err_set(err, ERR_BACKUP, "no footer: the backup is incomplete or cut off");
        goto out;
    }
    if ((label = malloc(h.label_len + 1U)) == NULL) {
        err_oom(err);
        goto out;
    }
    if (pread(fd, label, h.label_len, FORMAT_HEAD) != (ssize_t)h.label_len) {
        err_set(err, ERR_BACKUP, "incomplete: the file ends inside its label");
        goto out;
    }
    if (receipt_check(head, label, h.label_len, footer, &f, err) != 0)
        goto out;
    if (f.file_size != (uint64_t)size) {
        err_set(err, ERR_BACKUP, "the file has %lld bytes, %" PRIu64 " were signed", (long long)size,
                f.file_size);
        goto out;
    }
    if ((l = label_decode(label, h.label_len, err)) == NULL)
        goto out;
    if ((r->file = strdup(path)) == NULL) {
        err_oom(err);
        goto out;
    }
    rc = fill(r, l, &f, keys, err);
out:
    free(label);
    json_decref(l);
    return rc;
}

int receipt_read(const char *path, const struct keyring *keys, struct receipt *r, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct buf b = {0};
    char first = 0;
    int rc = -1;

    memset(r, 0, sizeof(*r));
    if (fd < 0)
        return err_set_errno(err, ERR_FAILED, "cannot open \"%s\"", path);
    if (pread(fd, &first, 1, 0) < 0) {
        err_set_errno(err, ERR_FAILED, "cannot read \"%s\"", path);
        goto out;
    }
    if (first == '{') {
        if (buf_read_file(&b, path, 1 << 20, err) != 0)
            goto out;
        rc = from_json(b.data, b.len, keys, r, err);
    } else {
        rc = from_file(fd, path, keys, r, err);
    }
    if (rc != 0) {
        err_prefix(err, "\"%s\"", path);
        receipt_free(r);
    }
out:
    (void)close(fd);
    buf_free(&b);
    return rc;
}

static void free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

void receipt_free(struct receipt *r)
{
    free(r->file);
    free(r->name);
    free(r->purpose);
    free(r->database);
    free(r->environment);
    free(r->reason);
    free(r->system_id);
    free(r->created);
    free_list(r->from);
    free_list(r->to);
    memset(r, 0, sizeof(*r));
}
