#include "core/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cli.h"

static int find_format(const char *const *names, const char *word, size_t len)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strlen(names[i]) == len && memcmp(names[i], word, len) == 0)
            return i;
    return -1;
}

static int unknown_format(const char *const *names, const char *word, size_t len, struct err *err)
{
    struct buf b = {0};
    struct err ignored = {0};

    (void)err_set(err, ERR_USAGE, "unknown format \"%.*s\"", (int)len, word);
    for (int i = 0; names[i] != NULL; i++)
        if (buf_addf(&b, &ignored, "%s%s", i > 0 ? ", " : "", names[i]) != 0)
            break;
    if (b.data != NULL)
        err_hint(err, "one of: %s", b.data);
    buf_free(&b);
    return -1;
}

/* What is not a plain file of its own is appended to: it cannot be replaced by renaming. */
static int must_append(const char *path)
{
    const char *summary = getenv("GITHUB_STEP_SUMMARY");
    struct stat st;

    if (summary != NULL && strcmp(summary, path) == 0)
        return 1;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int open_file(struct report_output *o, const char *path, struct err *err)
{
    struct buf b = {0};
    int fd;

    if ((o->path = strdup(path)) == NULL)
        return err_oom(err);
    if (must_append(path)) {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    } else {
        mode_t mask = umask(0);

        (void)umask(mask);
        if (buf_addf(&b, err, "%s.XXXXXX", path) != 0)
            return -1;
        o->temporary = b.data;
        fd = mkstemp(o->temporary);
        if (fd >= 0)
            (void)fchmod(fd, 0666 & ~mask);
        else {
            free(o->temporary);
            o->temporary = NULL;
        }
    }
    if (fd < 0 || (o->out = fdopen(fd, "w")) == NULL) {
        (void)err_set_errno(err, ERR_USAGE, "cannot write the report \"%s\"", path);
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    return 0;
}

int report_open(struct report *r, const struct cli_list *formats, const char *const *names,
                struct err *err)
{
    size_t n = formats != NULL ? formats->count : 0;
    int on_stdout = 0;

    memset(r, 0, sizeof(*r));
    if ((r->outputs = calloc(n > 0 ? n : 1, sizeof(*r->outputs))) == NULL)
        return err_oom(err);
    if (n == 0) {
        r->count = 1;
        r->outputs[0].out = stdout;
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        const char *word = formats->items[i];
        const char *path = strchr(word, '=');
        size_t len = path != NULL ? (size_t)(path - word) : strlen(word);
        struct report_output *o = &r->outputs[r->count];

        if ((o->format = find_format(names, word, len)) < 0) {
            (void)unknown_format(names, word, len, err);
            goto fail;
        }
        if (path == NULL || strcmp(path, "=-") == 0) {
            if (on_stdout++) {
                (void)err_set(err, ERR_USAGE, "two formats cannot share standard output");
                err_hint(err, "give one of them a file: --format %s=FILE", word);
                goto fail;
            }
            o->out = stdout;
        } else if (path[1] == '\0') {
            (void)err_set(err, ERR_USAGE, "--format %s needs a file after \"=\"", word);
            goto fail;
        } else if (open_file(o, path + 1, err) != 0) {
            r->count++;
            goto fail;
        }
        r->count++;
    }
    return 0;
fail:
    report_discard(r);
    return -1;
}

int report_close(struct report *r, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < r->count; i++) {
        struct report_output *o = &r->outputs[i];
        int bad;

        if (o->out == NULL)
            continue;
        bad = fflush(o->out) != 0 || ferror(o->out);
        if (o->path == NULL) {
            o->out = NULL;
            if (bad)
                rc = err_set_errno(err, ERR_FAILED, "cannot write to standard output");
            continue;
        }
        if (!bad && o->temporary != NULL && fsync(fileno(o->out)) != 0)
            bad = 1;
        bad |= fclose(o->out) != 0;
        o->out = NULL;
        if (!bad && o->temporary != NULL && rename(o->temporary, o->path) != 0)
            bad = 1;
        if (bad)
            rc = err_set_errno(err, ERR_FAILED, "cannot write the report \"%s\"", o->path);
        else {
            free(o->temporary);
            o->temporary = NULL;
        }
    }
    report_discard(r);
    return rc;
}

void report_discard(struct report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct report_output *o = &r->outputs[i];

        if (o->out != NULL && o->path != NULL)
            (void)fclose(o->out);
        if (o->temporary != NULL)
            (void)unlink(o->temporary);
        free(o->temporary);
        free(o->path);
    }
    free(r->outputs);
    memset(r, 0, sizeof(*r));
}

int report_wants(const struct report *r, int format)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->outputs[i].format == format)
            return 1;
    return 0;
}

int report_json(FILE *out, const json_t *value, struct err *err)
{
    if (json_dumpf(value, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) != 0 || fputc('\n', out) == EOF)
        return err_set_errno(err, ERR_FAILED, "cannot write the report");
    return 0;
}

const char *report_count(uint64_t n, char text[32])
{
    char plain[24];
    int len = snprintf(plain, sizeof(plain), "%llu", (unsigned long long)n);
    char *to = text;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ' ';
        *to++ = plain[i];
    }
    *to = '\0';
    return text;
}

const char *report_things(uint64_t n, const char *noun, char text[64])
{
    char count[32];

    (void)snprintf(text, 64, "%s %s%s", report_count(n, count), noun, n == 1 ? "" : "s");
    return text;
}

const char *report_bytes(uint64_t n, char text[32])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)n;
    size_t u = 0;

    while (value >= 999.5 && u + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000;
        u++;
    }
    if (u == 0)
        (void)snprintf(text, 32, "%llu %s", (unsigned long long)n, n == 1 ? "byte" : "bytes");
    else
        (void)snprintf(text, 32, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[u]);
    return text;
}

const char *report_duration(int64_t ms, char text[32])
{
    long long s = ms / 1000;

    if (ms < 1000)
        (void)snprintf(text, 32, "%lld ms", (long long)ms);
    else if (ms < 10000)
        (void)snprintf(text, 32, "%.1f s", (double)ms / 1000);
    else if (s < 60)
        (void)snprintf(text, 32, "%lld s", s);
    else if (s < 3600)
        (void)snprintf(text, 32, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        (void)snprintf(text, 32, "%lld h %lld min", s / 3600, s / 60 % 60);
    else
        (void)snprintf(text, 32, "%lld d %lld h", s / 86400, s / 3600 % 24);
    return text;
}

const char *report_plain(const char *text, char *room, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = 0;

    for (; *p != '\0' && n + 5 < size; p++) {
        unsigned char c = *p;

        if (c == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* C1 */
            c = *++p;
        else if (c >= 0x20 && c != 0x7f) {
            room[n++] = (char)c;
            continue;
        }
        if (c == '\n')
            n += (size_t)snprintf(room + n, size - n, "\\n");
        else
            n += (size_t)snprintf(room + n, size - n, "\\x%02x", (unsigned)c);
    }
    room[n] = '\0';
    return room;
}

void report_put_plain(FILE *out, const char *text)
{
    const char *p = text;

    while (*p != '\0') {
        char piece[257], room[1100];
        size_t n = strnlen(p, sizeof(piece) - 1);

        /* A control character of two bytes (C1) is not cut in two. */
        if (n == sizeof(piece) - 1 && (unsigned char)p[n - 1] == 0xc2)
            n--;
        memcpy(piece, p, n);
        piece[n] = '\0';
        (void)fputs(report_plain(piece, room, sizeof(room)), out);
        p += n;
    }
}
