#include "backup/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/receipt.h"
#include "core/buf.h"
#include "core/outfile.h"
#include "core/state.h"

#define SUFFIX ".mig"

/* Letters, digits, "-" and "_" of TEXT: what is safe in a file's name everywhere, and no option. */
static int add_word(struct buf *b, const char *text, const char *otherwise, struct err *err)
{
    size_t start = b->len;

    for (; text != NULL && *text != '\0' && b->len - start < 60; text++) {
        int plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                    (*text >= '0' && *text <= '9') || *text == '_';

        if (buf_addc(b, plain ? *text : b->len == start ? '_' : '-', err) != 0)
            return -1;
    }
    return b->len == start ? buf_adds(b, otherwise, err) : 0;
}

char *shelf_name(const char *dir, const char *database, const char *purpose, const char *created,
                 const char *archive_id, struct err *err)
{
    struct buf b = {0};

    if (buf_addf(&b, err, "%s/", dir) != 0 || add_word(&b, database, "database", err) != 0 ||
        buf_addc(&b, '_', err) != 0 || add_word(&b, purpose, "backup", err) != 0 ||
        buf_addc(&b, '_', err) != 0)
        goto fail;
    for (const char *p = created; *p != '\0'; p++)
        if (*p != '-' && *p != ':' && buf_addc(&b, *p, err) != 0)
            goto fail;
    if (buf_addf(&b, err, "_%.8s.mig", archive_id) != 0)
        goto fail;
    return buf_take(&b, err);
fail:
    buf_free(&b);
    return NULL;
}

/* Mode 0700 and its parents as the umask says. */
static int make_folders(const char *dir, struct err *err)
{
    char *copy, *p;
    int rc = 0;

    if (mkdir(dir, 0700) == 0 || errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return err_set_errno(err, ERR_USAGE, "cannot make the folder \"%s\"", dir);
    if ((copy = strdup(dir)) == NULL)
        return err_oom(err);
    for (p = copy + 1; rc == 0 && (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            rc = err_set_errno(err, ERR_USAGE, "cannot make the folder \"%s\"", copy);
        *p = '/';
    }
    if (rc == 0 && mkdir(dir, 0700) != 0 && errno != EEXIST)
        rc = err_set_errno(err, ERR_USAGE, "cannot make the folder \"%s\"", dir);
    free(copy);
    return rc;
}

int shelf_make(const char *dir, struct err *err)
{
    struct stat st;

    if (stat(dir, &st) != 0) {
        if (make_folders(dir, err) != 0 || state_ignore_shelf(dir, err) != 0)
            return -1;
    } else if (!S_ISDIR(st.st_mode)) {
        err_set(err, ERR_USAGE, "\"%s\" is not a folder", dir);
        err_hint(err, "--dir or $MIG_BACKUP_DIR names the folder of backups");
        return -1;
    }
    if (access(dir, W_OK | X_OK) != 0) {
        err_set_errno(err, ERR_USAGE, "cannot write into the folder of backups \"%s\"", dir);
        err_hint(err, "--dir or $MIG_BACKUP_DIR names another");
        return -1;
    }
    outfile_sweep(dir);
    return 0;
}

static void entry_clear(struct shelf_entry *e)
{
    struct receipt r = {.from = e->from, .to = e->to};

    free(e->path);
    free(e->name);
    free(e->created);
    free(e->database);
    free(e->environment);
    free(e->purpose);
    free(e->reason);
    free(e->system_id);
    free(e->label);
    free(e->signer);
    free(e->problem);
    receipt_free(&r);
}

/* Takes what R owns. */
static int entry_fill(struct shelf_entry *e, struct receipt *r, struct err *err)
{
    memcpy(e->archive_id, r->archive_id, sizeof(e->archive_id));
    e->created = r->created;
    e->database = r->database;
    e->environment = r->environment;
    e->purpose = r->purpose;
    e->reason = r->reason;
    e->system_id = r->system_id;
    e->label = r->name;
    e->from = r->from;
    e->to = r->to;
    e->when = r->when;
    e->trusted = r->trusted;
    r->created = r->database = r->environment = r->purpose = r->reason = r->system_id = r->name = NULL;
    r->from = r->to = NULL;
    if ((e->signer = strdup(r->signer)) == NULL)
        return err_oom(err);
    return 0;
}

static int entry_read(struct shelf_entry *e, const char *dir, const char *name,
                      const struct keyring *keys, struct err *err)
{
    struct buf path = {0};
    struct receipt r;
    struct err why = {0};
    struct stat st;
    int rc = 0;

    if (buf_addf(&path, err, "%s/%s", dir, name) != 0 || (e->path = buf_take(&path, err)) == NULL)
        return -1;
    if ((e->name = strdup(name)) == NULL)
        return err_oom(err);
    if (stat(e->path, &st) == 0) {
        e->bytes = (uint64_t)st.st_size;
        e->when = st.st_mtime;
        e->written = st.st_mtim;
    }
    errno = 0;
    if (receipt_read(e->path, keys, &r, &why) == 0) {
        rc = entry_fill(e, &r, err);
        receipt_free(&r);
        return rc;
    }
    /* The file is not at fault, and neither is the next one. */
    if (errno == EMFILE || errno == ENFILE) {
        *err = why;
        err->kind = ERR_FAILED;
        err_hint(err, "raise the limit of open files: ulimit -n 1024");
        return -1;
    }
    /* "PATH": is in front; the name stands beside it already. */
    {
        const char *text = why.message;
        size_t skip = strlen(e->path) + 4;

        if (strlen(text) > skip && text[0] == '"' && strncmp(text + 1, e->path, strlen(e->path)) == 0)
            text += skip;
        if ((e->problem = strdup(text)) == NULL)
            return err_oom(err);
    }
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    const struct shelf_entry *x = a, *y = b;

    if (x->when != y->when)
        return x->when > y->when ? -1 : 1;
    /* Both of one second: the file system knows which was finished later. */
    if (x->written.tv_sec != y->written.tv_sec)
        return x->written.tv_sec > y->written.tv_sec ? -1 : 1;
    if (x->written.tv_nsec != y->written.tv_nsec)
        return x->written.tv_nsec > y->written.tv_nsec ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int is_backup(const char *dir, const char *name)
{
    size_t len = strlen(name);
    struct buf path = {0};
    struct err ignored = {0};
    struct stat st;
    int yes;

    if (name[0] == '.' || len <= strlen(SUFFIX) || strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0)
        return 0;
    yes = buf_addf(&path, &ignored, "%s/%s", dir, name) == 0 && stat(path.data, &st) == 0 &&
          S_ISREG(st.st_mode);
    buf_free(&path);
    return yes;
}

struct shelf *shelf_read(const char *dir, const struct keyring *keys, struct err *err)
{
    struct shelf *s = calloc(1, sizeof(*s));
    DIR *d = opendir(dir);
    struct dirent *f;

    if (s == NULL) {
        err_oom(err);
        goto fail;
    }
    if (d == NULL && errno != ENOENT) {
        err_set_errno(err, ERR_FAILED, "cannot read the folder of backups \"%s\"", dir);
        goto fail;
    }
    while (d != NULL && (f = readdir(d)) != NULL) {
        struct shelf_entry *bigger;

        if (!is_backup(dir, f->d_name))
            continue;
        if ((bigger = realloc(s->entries, (s->count + 1) * sizeof(*bigger))) == NULL) {
            err_oom(err);
            goto fail;
        }
        s->entries = bigger;
        memset(&s->entries[s->count], 0, sizeof(*bigger));
        s->count++;
        if (entry_read(&s->entries[s->count - 1], dir, f->d_name, keys, err) != 0)
            goto fail;
    }
    if (d != NULL)
        (void)closedir(d);
    if (s->count > 0)
        qsort(s->entries, s->count, sizeof(*s->entries), newest_first);
    return s;
fail:
    if (d != NULL)
        (void)closedir(d);
    shelf_free(s);
    return NULL;
}

void shelf_free(struct shelf *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        entry_clear(&s->entries[i]);
    free(s->entries);
    free(s);
}

static int other_server(const struct shelf_entry *e, const char *system_id)
{
    return system_id != NULL && system_id[0] != '\0' && e->system_id != NULL && e->system_id[0] != '\0' &&
           strcmp(e->system_id, system_id) != 0;
}

static const struct shelf_entry *find_latest(const struct shelf *s, const char *dir,
                                             const struct shelf_whose *whose, struct err *err)
{
    const char *database = whose->database;
    const struct shelf_entry *found = NULL;
    int skipped = 0, safety = 0, elsewhere = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];
        const char *of = e->database != NULL ? e->database : "";

        if (e->problem != NULL) {
            skipped++;
        } else if (e->purpose != NULL && strcmp(e->purpose, SHELF_SAFETY) == 0) {
            safety++;
        } else if (database != NULL) {
            int other = other_server(e, whose->system_id);

            elsewhere += strcmp(of, database) == 0 && other;
            if (found == NULL && strcmp(of, database) == 0 && !other)
                found = e;
        } else if (found == NULL) {
            found = e;
        } else if (strcmp(of, found->database != NULL ? found->database : "") != 0) {
            err_set(err, ERR_USAGE, "\"latest\" is not clear: the shelf \"%s\" holds backups of several databases, \"%s\" and \"%s\" among them",
                    dir, found->database != NULL ? found->database : "", of);
            err_hint(err, "say which with -d, or give the file's name");
            return NULL;
        }
    }
    if (found == NULL) {
        if (database != NULL)
            err_set(err, ERR_USAGE, "the shelf \"%s\" holds no backup of the database \"%s\"", dir, database);
        else
            err_set(err, ERR_USAGE, "the shelf \"%s\" holds no backup", dir);
        if (elsewhere > 0)
            err_detail(err, "%d of a database of that name on another server: another cluster, a clone, or this one before pg_upgrade; "
                       "say which by name", elsewhere);
        else if (safety > 0)
            err_detail(err, "%d safety copies of restores are there: \"latest\" means none of them, say which by name", safety);
        else if (skipped > 0)
            err_detail(err, "%d files there are not whole backups: `mig-backup list` tells why", skipped);
        err_hint(err, "--dir or $MIG_BACKUP_DIR names the folder of backups");
    }
    return found;
}

static const struct shelf_entry *find_named(const struct shelf *s, const char *dir, const char *file,
                                            struct err *err)
{
    const struct shelf_entry *found = NULL;
    size_t len = strlen(file);

    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];
        size_t stem = strlen(e->name) - strlen(SUFFIX);

        if (strcmp(e->name, file) == 0 || (len == stem && strncmp(e->name, file, len) == 0))
            return e;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];

        if (e->problem != NULL || e->label == NULL || strcmp(e->label, file) != 0)
            continue;
        if (found != NULL) {
            err_set(err, ERR_USAGE, "\"%s\" is not clear: \"%s\" and \"%s\" are called so", file,
                    found->name, e->name);
            err_hint(err, "give the file's name or its id");
            return NULL;
        }
        found = e;
    }
    if (found != NULL)
        return found;
    if (len < 4 || strspn(file, "0123456789abcdef") != len)
        goto none;
    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];

        if (e->problem != NULL || strncmp(e->archive_id, file, len) != 0)
            continue;
        if (found != NULL) {
            err_set(err, ERR_USAGE, "\"%s\" is not clear: \"%s\" and \"%s\" begin so", file, found->name,
                    e->name);
            err_hint(err, "give more of the id, or the file's name");
            return NULL;
        }
        found = e;
    }
    if (found != NULL)
        return found;
none:
    err_set(err, ERR_USAGE, "no backup \"%s\": it is neither a file nor a name or id on the shelf \"%s\"", file,
            dir);
    err_hint(err, "`mig-backup list` shows what is there; --dir or $MIG_BACKUP_DIR names another shelf");
    return NULL;
}

/* A file that a stranger put there must not be "latest", nor make an id ambiguous.  The entries of
 * trusted signers, borrowed from S; none: all of them. */
static struct shelf trusted_of(const struct shelf *s)
{
    struct shelf t = {.entries = calloc(s->count + 1, sizeof(*t.entries))};

    for (size_t i = 0; t.entries != NULL && i < s->count; i++)
        if (s->entries[i].problem == NULL && s->entries[i].trusted)
            t.entries[t.count++] = s->entries[i];
    return t;
}

static const struct shelf_entry *find(const struct shelf *s, const char *dir, const char *file,
                                      const struct shelf_whose *whose, struct err *err)
{
    return strcmp(file, "latest") == 0 ? find_latest(s, dir, whose, err)
                                       : find_named(s, dir, file, err);
}

char *shelf_find(const char *dir, const char *file, const struct shelf_whose *whose, struct err *err)
{
    const struct shelf_entry *e = NULL;
    struct shelf *s = NULL;
    struct shelf trusted = {0};
    struct err ignored = {0};
    struct stat st;
    char *path = NULL;

    if (strcmp(file, "-") == 0 || strchr(file, '/') != NULL ||
        (strcmp(file, "latest") != 0 && stat(file, &st) == 0 && !S_ISDIR(st.st_mode))) {
        if ((path = strdup(file)) == NULL)
            err_oom(err);
        return path;
    }
    if ((s = shelf_read(dir, whose->keys, err)) == NULL)
        return NULL;
    trusted = trusted_of(s);
    if (trusted.count > 0)
        e = find(&trusted, dir, file, whose, &ignored);
    if (e == NULL)
        e = find(s, dir, file, whose, err);
    if (e != NULL && (path = strdup(e->path)) == NULL)
        err_oom(err);
    free(trusted.entries);
    shelf_free(s);
    return path;
}
