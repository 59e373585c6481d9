#define _DEFAULT_SOURCE /* flock */
#include "core/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/outfile.h"
#include "core/state.h"

struct journal {
    char *run, *path;
    int fd;
    int torn; /* the file ends in half a line */
};

/* ---- lines ---- */

/* Every line ends in the checksum of what stands before: LINE without this end, and with a "}" instead, is the entry. */
static const char sum_head[] = ",\"sum\":\"";
enum { SUM_BYTES = 8, SUM_LEN = (int)sizeof(sum_head) - 1 + 2 * SUM_BYTES + 2 };

static void sum_of(const char *line, size_t len, char end[SUM_LEN + 1])
{
    unsigned char sum[crypto_generichash_BYTES];
    char hex[2 * SUM_BYTES + 1];

    (void)crypto_generichash(sum, sizeof(sum), (const unsigned char *)line, len, NULL, 0);
    (void)snprintf(end, SUM_LEN + 1, "%s%s\"}", sum_head, sodium_bin2hex(hex, sizeof(hex), sum, SUM_BYTES));
}

/* The entry of a line as it was written, or NULL. */
static json_t *read_line(const char *line, size_t len)
{
    char end[SUM_LEN + 1];
    json_t *entry;

    if (len <= SUM_LEN)
        return NULL;
    sum_of(line, len - SUM_LEN, end);
    if (memcmp(line + len - SUM_LEN, end, SUM_LEN) != 0 || (entry = json_loadb(line, len, 0, NULL)) == NULL)
        return NULL;
    if (json_string_value(json_object_get(entry, "step")) == NULL) {
        json_decref(entry);
        return NULL;
    }
    (void)json_object_del(entry, "sum");
    return entry;
}

/* The beginning of a line that a crash or a full disk cut short, and nothing behind it. */
static int is_torn(const char *line, size_t len)
{
    static const char head[] = "{\"time\":\"";
    json_t *whole;

    if (memcmp(line, head, len < sizeof(head) - 1 ? len : sizeof(head) - 1) != 0)
        return 0;
    for (size_t i = 0; i < len; i++)
        if (line[i] < ' ' || line[i] > '~')
            return 0;
    if (len > 0 && (whole = json_loadb(line, len - 1, JSON_DISABLE_EOF_CHECK, NULL)) != NULL) {
        json_decref(whole);
        return 0;
    }
    return 1;
}

int journal_record_parse(struct journal_record *r, const char *text, size_t len, struct err *err)
{
    int torn = 0; /* the line before was cut short: only the one who goes on may say so */

    for (size_t at = 0; at < len; at++) {
        const char *line = text + at, *end = memchr(line, '\n', len - at);
        size_t n = end != NULL ? (size_t)(end - line) : len - at;
        json_t *entry = end != NULL ? read_line(line, n) : NULL;
        const char *step = json_string_value(json_object_get(entry, "step"));
        int says_cut = step != NULL && strcmp(step, "cut") == 0;

        r->damaged |= torn != says_cut || (entry == NULL && !is_torn(line, n));
        torn = entry == NULL && end != NULL;
        /* Not whole: its writer died in it, so what it announces was not begun. */
        r->cut = entry == NULL;
        if (says_cut)
            json_decref(entry);
        else if (entry != NULL && json_array_append_new(r->entries, entry) != 0)
            return err_oom(err);
        at += n;
    }
    r->damaged |= torn;
    return 0;
}

static char *folder(const char *state_dir, const char *key, struct err *err)
{
    struct buf b = {0};

    if (buf_addf(&b, err, "%s/runs/%s", state_dir, key) != 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, err);
}

static char *file_of(const char *dir, const char *run, struct err *err)
{
    struct buf b = {0};

    if (buf_addf(&b, err, "%s/%s.jsonl", dir, run) != 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, err);
}

static char *new_name(struct err *err)
{
    struct buf b = {0};
    char stamp[32];
    struct timespec now;
    struct tm tm;

    if (sodium_init() < 0) {
        (void)err_set(err, ERR_FAILED, "libsodium cannot start");
        return NULL;
    }
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gmtime_r(&now.tv_sec, &tm) == NULL || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) == 0) {
        (void)err_set(err, ERR_FAILED, "cannot tell the time");
        return NULL;
    }
    /* Names are sorted to find the newest: the digits begin with the millisecond. */
    if (buf_addf(&b, err, "%s-%03x%03x", stamp, (unsigned)(now.tv_nsec / 1000000),
                 randombytes_random() & 0xfffU) != 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, err);
}

struct journal *journal_create(const char *state_dir, const char *key, struct err *err)
{
    struct journal *j = calloc(1, sizeof(*j));
    char *dir = folder(state_dir, key, err);
    struct buf up = {0};
    const char *is_volatile;

    if (j == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    j->fd = -1;
    if (dir == NULL || state_make(dir, &is_volatile, err) != 0)
        goto fail;
    if ((j->run = new_name(err)) == NULL || (j->path = file_of(dir, j->run, err)) == NULL)
        goto fail;
    j->fd = open(j->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (j->fd < 0) {
        (void)err_set_errno(err, ERR_USAGE, "cannot write the journal \"%s\"", j->path);
        goto fail;
    }
    if (flock(j->fd, LOCK_EX | LOCK_NB) != 0) {
        (void)err_set_errno(err, ERR_FAILED, "cannot lock the journal \"%s\"", j->path);
        goto fail;
    }
    /* Every name on the way down may be new: runs/KEY/RUN.jsonl and the state folder itself. */
    if (buf_addf(&up, err, "%s/runs", state_dir) != 0 || outfile_sync_folder(dir, err) != 0 ||
        outfile_sync_folder(up.data, err) != 0 || outfile_sync_folder(state_dir, err) != 0)
        goto fail;
    buf_reset(&up);
    if (buf_addf(&up, err, "%s/..", state_dir) != 0 ||
        (access(up.data, R_OK) == 0 && outfile_sync_folder(up.data, err) != 0))
        goto fail;
    buf_free(&up);
    free(dir);
    return j;
fail:
    buf_free(&up);
    free(dir);
    journal_free(j);
    return NULL;
}

struct journal *journal_open(const char *state_dir, const char *key, const char *run,
                             struct err *err)
{
    struct journal *j = calloc(1, sizeof(*j));
    char *dir = folder(state_dir, key, err);
    char last = '\n';
    off_t size;

    if (j == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    j->fd = -1;
    if (dir == NULL || (j->path = file_of(dir, run, err)) == NULL)
        goto fail;
    if ((j->run = strdup(run)) == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    if ((j->fd = open(j->path, O_RDWR | O_APPEND | O_CLOEXEC)) < 0) {
        (void)err_set_errno(err, ERR_USAGE, "cannot write the journal \"%s\"", j->path);
        goto fail;
    }
    if (flock(j->fd, LOCK_EX | LOCK_NB) != 0) {
        (void)err_set(err, ERR_REFUSED, "run %s is still being worked on by another process", run);
        err_hint(err, "\"mig-rollback status %s\" shows where it is", run);
        goto fail;
    }
    /* The next line closes off the one that a crash cut short. */
    size = lseek(j->fd, 0, SEEK_END);
    j->torn = size > 0 && pread(j->fd, &last, 1, size - 1) == 1 && last != '\n';
    free(dir);
    return j;
fail:
    free(dir);
    journal_free(j);
    return NULL;
}

const char *journal_run(const struct journal *j)
{
    return j->run;
}

const char *journal_path(const struct journal *j)
{
    return j->path;
}

/* ENTRY as step STEP, now. */
static int add_line(struct buf *b, const char *step, json_t *entry, struct err *err)
{
    json_t *line = json_object();
    char *text = NULL;
    char stamp[40] = "", end[SUM_LEN + 1];
    struct timespec now;
    struct tm tm;
    int rc = -1;

    if (clock_gettime(CLOCK_REALTIME, &now) == 0 && gmtime_r(&now.tv_sec, &tm) != NULL) {
        size_t n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);

        (void)snprintf(stamp + n, sizeof(stamp) - n, ".%03ldZ", now.tv_nsec / 1000000);
    }
    if (line == NULL || json_object_set_new(line, "time", json_string(stamp)) != 0 ||
        json_object_set_new(line, "step", json_string(step)) != 0 ||
        (entry != NULL && json_object_update(line, entry) != 0) ||
        (text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII)) == NULL) {
        (void)err_oom(err);
    } else {
        size_t len = strlen(text) - 1;

        sum_of(text, len, end);
        rc = buf_addf(b, err, "%.*s%s\n", (int)len, text, end);
    }
    free(text);
    json_decref(line);
    return rc;
}

int journal_note(struct journal *j, const char *step, json_t *entry, struct err *err)
{
    struct buf b = {0};
    size_t done = 0;
    struct stat before = {0};
    int rc = -1;

    /* Half a line is closed off and said to be one, with the same write: otherwise it is damage. */
    if ((j->torn && (buf_addf(&b, err, "\n") != 0 || add_line(&b, "cut", NULL, err) != 0)) ||
        add_line(&b, step, entry, err) != 0)
        goto out;
    if (fstat(j->fd, &before) != 0) {
        (void)err_set_errno(err, ERR_FAILED, "cannot look at the journal \"%s\"", j->path);
        goto out;
    }
    while (done < b.len) {
        ssize_t n = write(j->fd, b.data + done, b.len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            (void)err_set_errno(err, ERR_FAILED, "cannot write the journal \"%s\"", j->path);
            /* The next step (how it ended) must not be glued to half a line: nobody could read it. */
            if (done > 0 && ftruncate(j->fd, before.st_size) != 0)
                (void)!write(j->fd, "\n", 1);
            goto out;
        }
        done += (size_t)n;
    }
    j->torn = 0;
    rc = 0;
out:
    json_decref(entry);
    buf_free(&b);
    return rc;
}

int journal_write(struct journal *j, const char *step, json_t *entry, struct err *err)
{
    if (journal_note(j, step, entry, err) != 0)
        return -1;
    if (fdatasync(j->fd) != 0)
        return err_set_errno(err, ERR_FAILED, "cannot write the journal \"%s\" to the disk", j->path);
    return 0;
}

void journal_free(struct journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        (void)close(j->fd);
    free(j->run);
    free(j->path);
    free(j);
}

static int newest_first(const void *a, const void *b)
{
    return strcmp(*(char *const *)b, *(char *const *)a);
}

int journal_list(const char *state_dir, const char *key, char ***runs, size_t *n, struct err *err)
{
    char *dir = folder(state_dir, key, err);
    DIR *d = NULL;
    struct dirent *e;
    int rc = -1;

    *runs = NULL;
    *n = 0;
    if (dir == NULL)
        return -1;
    if ((d = opendir(dir)) == NULL) {
        rc = errno == ENOENT ? 0 : err_set_errno(err, ERR_FAILED, "cannot read the folder \"%s\"", dir);
        goto out;
    }
    while ((e = readdir(d)) != NULL) {
        size_t len = strlen(e->d_name);
        char **more;

        if (len < 7 || strcmp(e->d_name + len - 6, ".jsonl") != 0)
            continue;
        if ((more = realloc(*runs, (*n + 1) * sizeof(*more))) == NULL ||
            ((*runs = more)[*n] = strndup(e->d_name, len - 6)) == NULL) {
            (void)err_oom(err);
            goto out;
        }
        (*n)++;
    }
    if (*n > 0)
        qsort(*runs, *n, sizeof(**runs), newest_first);
    rc = 0;
out:
    if (rc != 0) {
        journal_list_free(*runs, *n);
        *runs = NULL;
        *n = 0;
    }
    if (d != NULL)
        (void)closedir(d);
    free(dir);
    return rc;
}

void journal_list_free(char **runs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(runs[i]);
    free(runs);
}

static int pick(char **runs, size_t n, const char *state_dir, const char *run, char **name,
                struct err *err)
{
    size_t hits = 0, at = 0;

    for (size_t i = 0; i < n; i++) {
        if (run != NULL && strncmp(runs[i], run, strlen(run)) != 0)
            continue;
        if (run == NULL || strcmp(runs[i], run) == 0) {
            hits = 1;
            at = i;
            break;
        }
        at = i;
        hits++;
    }
    if (hits == 1)
        return (*name = strdup(runs[at])) != NULL ? 0 : err_oom(err);
    if (hits > 1)
        return err_set(err, ERR_USAGE, "\"%s\" is the beginning of %zu runs", run, hits);
    if (run == NULL)
        (void)err_set(err, ERR_USAGE, "no run of this database is known in \"%s\"", state_dir);
    else
        (void)err_set(err, ERR_USAGE, "no run \"%s\" of this database is known in \"%s\"", run,
                      state_dir);
    err_hint(err, "that does not mean that nothing happened: the journal stands in the state folder of "
                  "whoever ran it (--state-dir, $MIG_STATE_DIR, SHELF/.state)");
    return -1;
}

struct journal_record *journal_read(const char *state_dir, const char *key, const char *run,
                                    struct err *err)
{
    struct journal_record *r = calloc(1, sizeof(*r));
    char *dir = NULL, *path = NULL;
    char **runs = NULL;
    struct buf b = {0};
    size_t n = 0;
    int fd = -1, rc = -1;

    if (r == NULL || (r->entries = json_array()) == NULL) {
        (void)err_oom(err);
        goto out;
    }
    if (journal_list(state_dir, key, &runs, &n, err) != 0 ||
        pick(runs, n, state_dir, run, &r->run, err) != 0 ||
        (dir = folder(state_dir, key, err)) == NULL || (path = file_of(dir, r->run, err)) == NULL)
        goto out;
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
        (void)err_set_errno(err, ERR_FAILED, "cannot read the journal \"%s\"", path);
        goto out;
    }
    r->alive = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (buf_read_file(&b, path, (size_t)256 << 20, err) != 0)
        goto out;
    if (journal_record_parse(r, b.data, b.len, err) != 0)
        goto out;
    rc = 0;
out:
    if (fd >= 0)
        (void)close(fd);
    journal_list_free(runs, n);
    buf_free(&b);
    free(dir);
    free(path);
    if (rc != 0) {
        journal_record_free(r);
        return NULL;
    }
    return r;
}

void journal_record_free(struct journal_record *r)
{
    if (r == NULL)
        return;
    json_decref(r->entries);
    free(r->run);
    free(r);
}

const json_t *journal_last(const struct journal_record *r, const char *step)
{
    const json_t *found = NULL, *entry;
    size_t i;

    json_array_foreach(r->entries, i, entry) {
        const char *s = json_string_value(json_object_get(entry, "step"));

        if (s != NULL && strcmp(s, step) == 0)
            found = entry;
    }
    return found;
}
