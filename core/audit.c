#define _GNU_SOURCE /* flock, memmem */
#include "core/audit.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/process.h"

enum { HASH = 32, HEX = 2 * HASH, MAX_LINE = 1 << 20 };

static const char tail[] = ",\"hash\":\"";
/* tail, the digits, and the closing quote and brace */
enum { TAIL = sizeof(tail) - 1 + HEX + 2 };

struct audit {
    char *path;
    int fd;
    json_t *line;
    struct timespec started;
};

static void set_string(json_t *object, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0')
        (void)json_object_set_new(object, key, json_string(value));
}

static const char *ci_actor(void)
{
    static const char *const names[] = {"GITHUB_ACTOR",     "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR",
                                        "CIRCLE_USERNAME",  "BUILD_USER_ID",     "BITBUCKET_STEP_TRIGGERER_UUID",
                                        "DRONE_COMMIT_AUTHOR", "MIG_ACTOR"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *v = getenv(names[i]);

        if (v != NULL && v[0] != '\0')
            return v;
    }
    return NULL;
}

static int utc_now(char *text, size_t size)
{
    struct timespec now;
    struct tm tm;
    size_t n;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gmtime_r(&now.tv_sec, &tm) == NULL)
        return -1;
    n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
    return 0;
}

/* ---- masking ------------------------------------------------------------------------------- */

/* Replace what stands from AT up to one of STOPS. */
static char *mask_at(const char *word, const char *at, const char *stops, struct err *err)
{
    struct buf b = {0};
    size_t len = 0;

    while (at[len] != '\0' && strchr(stops, at[len]) == NULL)
        len += at[len] == '\\' && at[len + 1] != '\0' ? 2 : 1;
    if (*at == '\'') { /* conninfo quoting */
        for (len = 1; at[len] != '\0' && at[len] != '\''; len++)
            if (at[len] == '\\' && at[len + 1] != '\0')
                len++;
        len += at[len] == '\'';
    }
    if (buf_addf(&b, err, "%.*s***%s", (int)(at - word), word, at + len) != 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, err);
}

static const char *find_word(const char *word, const char *what)
{
    size_t n = strlen(what);

    for (; *word != '\0'; word++)
        if (strncasecmp(word, what, n) == 0)
            return word + n;
    return NULL;
}

static int replace(char **word, char *masked)
{
    if (masked == NULL)
        return -1;
    free(*word);
    *word = masked;
    return 0;
}

static char *mask_word(const char *original, struct err *err)
{
    static const char *const names[] = {"password", "passwd", "secret", "token", "api_key", "apikey"};
    char *word = strdup(original);
    const char *at, *end;

    if (word == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if ((at = strstr(word, "://")) != NULL) {
        const char *authority = at + 3;
        /* A password may hold a raw slash, and an @: to hide too much is the lesser evil. */
        const char *last = strrchr(authority, '@');

        if (last != NULL && (at = strchr(authority, ':')) != NULL && at < last) {
            struct buf b = {0};

            if (buf_addf(&b, err, "%.*s***%s", (int)(at + 1 - word), word, last) != 0 ||
                replace(&word, buf_take(&b, err)) != 0) {
                buf_free(&b);
                goto fail;
            }
        }
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t from = 0;

        while ((at = find_word(word + from, names[i])) != NULL) {
            end = at;
            while (*end == ' ')
                end++;
            if (*end != '=') {
                from = (size_t)(at - word);
                continue;
            }
            end++;
            while (*end == ' ')
                end++;
            from = (size_t)(end - word) + 3;
            if (replace(&word, mask_at(word, end, " &\t\n", err)) != 0)
                goto fail;
        }
    }
    for (size_t from = 0; (at = find_word(word + from, "mig-key-")) != NULL;) {
        from = (size_t)(at - word);
        if (replace(&word, mask_at(word, at, " \t\n,;:\"'", err)) != 0)
            goto fail;
    }
    return word;
fail:
    free(word);
    return NULL;
}

/* Options whose whole value stays out of the log: SQL with literals, commands with tokens. */
static int is_hidden(const char *word, int *inline_value)
{
    static const char *const names[] = {"--where", "--key-command", "--smoke-command"};

    *inline_value = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i]);

        if (strncmp(word, names[i], n) == 0 && (word[n] == '\0' || word[n] == '=')) {
            *inline_value = word[n] == '=';
            return 1;
        }
    }
    return 0;
}

char *audit_mask(int argc, char *const *argv, struct err *err)
{
    struct buf b = {0};
    int hide = 0;

    for (int i = 0; i < argc; i++) {
        int inline_value, rc;
        char *word;

        if (i > 0 && buf_addc(&b, ' ', err) != 0)
            goto fail;
        if (hide) {
            hide = 0;
            if (buf_adds(&b, "***", err) != 0)
                goto fail;
            continue;
        }
        if (is_hidden(argv[i], &inline_value)) {
            hide = !inline_value;
            if (buf_addf(&b, err, "%.*s%s", (int)strcspn(argv[i], "="), argv[i],
                         inline_value ? "=***" : "") != 0)
                goto fail;
            continue;
        }
        if ((word = mask_word(argv[i], err)) == NULL)
            goto fail;
        rc = process_quote(&b, word, "*[]?", err);
        free(word);
        if (rc != 0)
            goto fail;
    }
    return buf_take(&b, err);
fail:
    buf_free(&b);
    return NULL;
}

/* ---- the chain ----------------------------------------------------------------------------- */

static void link_hash(const char previous[HEX], const char *bytes, size_t len, char out[HEX + 1])
{
    unsigned char hash[HASH];
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, NULL, 0, HASH);
    (void)crypto_generichash_update(&state, (const unsigned char *)previous, HEX);
    (void)crypto_generichash_update(&state, (const unsigned char *)bytes, len);
    (void)crypto_generichash_final(&state, hash, HASH);
    (void)sodium_bin2hex(out, HEX + 1, hash, HASH);
}

/* LINE (LEN bytes, no newline) ends as our lines end: its digits, or NULL. */
static const char *line_hash(const char *line, size_t len)
{
    if (len < TAIL + 1 || memcmp(line + len - TAIL, tail, sizeof(tail) - 1) != 0 ||
        memcmp(line + len - 2, "\"}", 2) != 0)
        return NULL;
    return line + len - 2 - HEX;
}

static const char nothing_before[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

/* The hash of the last whole line, and how many bytes of a cut line follow it. */
static int read_head(struct audit *a, char head[HEX + 1], uint64_t *cut, struct err *err)
{
    struct stat st;
    struct buf b = {0};
    size_t want, got = 0, end;
    int rc = -1;

    memcpy(head, nothing_before, HEX + 1);
    *cut = 0;
    if (fstat(a->fd, &st) != 0)
        return err_set_errno(err, ERR_FAILED, "cannot read the log \"%s\"", a->path);
    want = st.st_size > 2 * MAX_LINE ? 2 * MAX_LINE : (size_t)st.st_size;
    if (want == 0)
        return 0;
    if (buf_reserve(&b, want, err) != 0)
        return -1;
    while (got < want) {
        ssize_t n = pread(a->fd, b.data + got, want - got, st.st_size - (off_t)(want - got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            (void)err_set_errno(err, ERR_FAILED, "cannot read the log \"%s\"", a->path);
            goto out;
        }
        got += (size_t)n;
    }
    for (end = want; end > 0 && b.data[end - 1] != '\n'; end--)
        (*cut)++;
    while (end > 0) {
        size_t start = end - 1;
        const char *hash;

        while (start > 0 && b.data[start - 1] != '\n')
            start--;
        if ((hash = line_hash(b.data + start, end - 1 - start)) != NULL) {
            memcpy(head, hash, HEX);
            break;
        }
        /* A line that an earlier crash cut short, closed off since. */
        end = start;
        if (end == 0 && want < (size_t)st.st_size) {
            (void)err_set(err, ERR_FAILED, "the log \"%s\" does not end as a log of ours does",
                          a->path);
            err_hint(err, "name another with --log-file; \"mig-backup log verify %s\" says more",
                     a->path);
            goto out;
        }
    }
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

static int open_log(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Locked, and the file that stands at its path now: another may have come there while we worked, and ours
 * may have been packed and removed. */
static int lock(struct audit *a, struct err *why)
{
    for (;;) {
        struct stat ours, there;
        int fd;

        while (flock(a->fd, LOCK_EX) != 0)
            if (errno != EINTR)
                return err_set_errno(why, ERR_FAILED, "cannot lock the log \"%s\"", a->path);
        if (fstat(a->fd, &ours) == 0 && stat(a->path, &there) == 0 && ours.st_dev == there.st_dev &&
            ours.st_ino == there.st_ino)
            return 0;
        if ((fd = open_log(a->path)) < 0)
            return err_set_errno(why, ERR_FAILED, "cannot open the log \"%s\" again: it was moved away", a->path);
        (void)close(a->fd);
        a->fd = fd;
    }
}

struct audit *audit_begin(const char *path, const char *operation, int argc, char *const *argv,
                          const char *reason, struct err *err)
{
    struct audit *a = calloc(1, sizeof(*a));
    struct passwd *pw = getpwuid(getuid());
    char now[40], uid[24];
    char *command = NULL;
    const char *sudo = getenv("SUDO_USER");

    if (a == NULL || (a->path = strdup(path)) == NULL || (a->line = json_object()) == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    a->fd = open_log(path);
    if (a->fd < 0) {
        (void)err_set_errno(err, ERR_USAGE, "cannot write the log \"%s\"", path);
        err_hint(err, "name another with --log-file or $MIG_LOG_FILE");
        goto fail;
    }
    if ((command = audit_mask(argc, argv, err)) == NULL)
        goto fail;
    (void)clock_gettime(CLOCK_MONOTONIC, &a->started);
    (void)snprintf(uid, sizeof(uid), "uid %ld", (long)getuid());
    if (utc_now(now, sizeof(now)) == 0)
        set_string(a->line, "time", now);
    set_string(a->line, "operation", operation);
    set_string(a->line, "os_user", pw != NULL ? pw->pw_name : uid);
    set_string(a->line, "sudo_user", sudo);
    set_string(a->line, "ci_actor", ci_actor());
    set_string(a->line, "command", command);
    set_string(a->line, "reason", reason);
    set_string(a->line, "version", MIG_VERSION);
    free(command);
    return a;
fail:
    free(command);
    audit_free(a);
    return NULL;
}

void audit_add(struct audit *a, const char *key, json_t *value)
{
    if (a == NULL) {
        json_decref(value);
        return;
    }
    if (value != NULL)
        (void)json_object_set_new(a->line, key, value);
}

static int append(struct audit *a, const struct buf *b, struct err *why)
{
    struct stat before;
    size_t done = 0;

    if (fstat(a->fd, &before) != 0)
        return err_set_errno(why, ERR_FAILED, "cannot write the log \"%s\"", a->path);
    while (done < b->len) {
        ssize_t n = write(a->fd, b->data + done, b->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            (void)err_set_errno(why, ERR_FAILED, "cannot write the log \"%s\"", a->path);
            /* Better no line than half of one; the verifier copes if this fails too. */
            if (ftruncate(a->fd, before.st_size) != 0)
                err_detail(why, "half a line was written");
            return -1;
        }
        done += (size_t)n;
    }
    if (fsync(a->fd) != 0 && errno != EINVAL && errno != EROFS)
        return err_set_errno(why, ERR_FAILED, "cannot write the log \"%s\" to the disk", a->path);
    return 0;
}

int audit_end(struct audit *a, const struct err *err, const char *result, char head[65],
              struct err *why)
{
    struct timespec now;
    struct buf b = {0};
    char previous[HEX + 1];
    char *text = NULL;
    uint64_t cut;
    size_t start;
    int rc = -1;

    head[0] = '\0';
    if (sodium_init() < 0)
        return err_set(why, ERR_FAILED, "libsodium cannot start");
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    audit_add(a, "duration_ms",
              json_integer((json_int_t)(now.tv_sec - a->started.tv_sec) * 1000 +
                           (now.tv_nsec - a->started.tv_nsec) / 1000000));
    if (result == NULL)
        result = err == NULL || err->kind == ERR_NONE ? "ok" : err_kind_name(err->kind);
    set_string(a->line, "result", result);
    if (err != NULL && err->kind != ERR_NONE) {
        /* Not the detail: the server puts row values there. */
        set_string(a->line, "error", err->message);
        set_string(a->line, "sqlstate", err->sqlstate);
        audit_add(a, "exit", json_integer(err_exit_code(err)));
    }
    if (lock(a, why) != 0)
        return -1;
    if (read_head(a, previous, &cut, why) != 0)
        goto out;
    if (cut > 0) {
        audit_add(a, "follows_cut", json_integer((json_int_t)cut));
        if (buf_addc(&b, '\n', why) != 0)
            goto out;
    }
    if ((text = json_dumps(a->line, JSON_COMPACT | JSON_ENSURE_ASCII)) == NULL) {
        (void)err_oom(why);
        goto out;
    }
    text[strlen(text) - 1] = '\0'; /* reopen the object */
    start = b.len;
    if (buf_addf(&b, why, "%s,", text) != 0)
        goto out;
    link_hash(previous, b.data + start, b.len - start, head);
    if (buf_addf(&b, why, "%s%s\"}\n", tail + 1, head) != 0)
        goto out;
    if (b.len - start > MAX_LINE) {
        (void)err_set(why, ERR_FAILED, "the line for the log \"%s\" is too long", a->path);
        goto out;
    }
    rc = append(a, &b, why);
out:
    if (rc != 0)
        head[0] = '\0';
    (void)flock(a->fd, LOCK_UN);
    free(text);
    buf_free(&b);
    return rc;
}

void audit_free(struct audit *a)
{
    if (a == NULL)
        return;
    if (a->fd > 0)
        (void)close(a->fd);
    json_decref(a->line);
    free(a->path);
    free(a);
}

/* ---- the verifier -------------------------------------------------------------------------- */

/* Does LINE say that N bytes of a cut line stand before it? */
static int says_cut(const char *line, size_t len, size_t n)
{
    json_t *o = json_loadb(line, len, 0, NULL);
    const json_t *v = json_object_get(o, "follows_cut");
    int yes = json_is_integer(v) && (size_t)json_integer_value(v) == n;

    json_decref(o);
    return yes;
}

static int check_line(const char *line, size_t len, const char previous[HEX], char hash[HEX + 1])
{
    const char *said = line_hash(line, len);

    if (said == NULL)
        return -1;
    /* up to and including the comma */
    link_hash(previous, line, len - TAIL + 1, hash);
    return memcmp(said, hash, HEX) == 0 ? 0 : -1;
}

int audit_verify(const char *path, const char *head, struct audit_report *r, struct err *err)
{
    struct buf b = {0};
    char previous[HEX + 1];
    size_t at = 0, line = 0;
    int seen = head == NULL, rc = -1;

    memset(r, 0, sizeof(*r));
    memcpy(previous, nothing_before, HEX + 1);
    if (sodium_init() < 0)
        return err_set(err, ERR_FAILED, "libsodium cannot start");
    if (buf_read_file(&b, path, 0, err) != 0)
        goto out;
    while (at < b.len) {
        const char *end = memchr(b.data + at, '\n', b.len - at);
        size_t len = end != NULL ? (size_t)(end - (b.data + at)) : b.len - at;
        char hash[HEX + 1];

        line++;
        if (end == NULL) {
            r->cut = 1;
            break;
        }
        if (check_line(b.data + at, len, previous, hash) != 0) {
            size_t next = at + len + 1;
            const char *next_end =
                next < b.len ? memchr(b.data + next, '\n', b.len - next) : NULL;
            size_t next_len = next_end != NULL ? (size_t)(next_end - (b.data + next)) : 0;

            if (next_end == NULL || check_line(b.data + next, next_len, previous, hash) != 0 ||
                !says_cut(b.data + next, next_len, len)) {
                (void)err_set(err, ERR_FINDING,
                              "the log \"%s\" is broken at line %zu: that line, or one before it, was "
                              "changed, removed or moved", path, line);
                err_hint(err, "the %zu line%s before it hang%s together up to head %s", line - 1,
                         line == 2 ? "" : "s", line == 2 ? "s" : "",
                         line > 1 ? previous : "(none)");
                goto out;
            }
            at = next;
            len = next_len;
            line++;
        }
        memcpy(previous, hash, HEX + 1);
        r->lines++;
        if (head != NULL && strcasecmp(head, hash) == 0)
            seen = 1;
        at += len + 1;
    }
    if (r->lines > 0)
        memcpy(r->head, previous, HEX + 1);
    if (!seen) {
        (void)err_set(err, ERR_FINDING, "the head %s is not in the log \"%s\"", head, path);
        err_hint(err, "lines were cut off its end, or the whole was written anew, or this is another log");
        goto out;
    }
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

json_t *audit_last(const char *path, const char *operation, const char *key, const char *prefix)
{
    struct err ignored = {0};
    struct buf b = {0};
    json_t *found = NULL;

    if (buf_read_file(&b, path, 0, &ignored) == 0)
        for (size_t at = 0; at < b.len;) {
            const char *end = memchr(b.data + at, '\n', b.len - at);
            size_t len = end != NULL ? (size_t)(end - (b.data + at)) : b.len - at;
            /* A log may be long: only what can be meant is parsed. */
            json_t *line = memmem(b.data + at, len, prefix, strlen(prefix)) != NULL
                               ? json_loadb(b.data + at, len, 0, NULL)
                               : NULL;
            const char *o = json_string_value(json_object_get(line, "operation"));
            const char *k = json_string_value(json_object_get(line, key));

            if (o != NULL && k != NULL && strcmp(o, operation) == 0 &&
                strncmp(k, prefix, strlen(prefix)) == 0) {
                json_decref(found);
                found = json_incref(line);
            }
            json_decref(line);
            at += len + 1;
        }
    buf_free(&b);
    return found;
}
