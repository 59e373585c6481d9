#include "core/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *name;
} kinds[] = {
    [ERR_NONE] = {0, "none"},           [ERR_FINDING] = {1, "finding"},
    [ERR_USAGE] = {2, "usage"},         [ERR_FAILED] = {3, "failed"},
    [ERR_REFUSED] = {4, "refused"},     [ERR_BACKUP] = {5, "backup"},
    [ERR_UNKNOWN] = {6, "unknown"},     [ERR_UNFINISHED] = {7, "unfinished"},
    [ERR_INTERRUPTED] = {128, "interrupted"},
};

static void set(struct err *err, enum err_kind kind, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void set(struct err *err, enum err_kind kind, const char *fmt, va_list ap)
{
    err->kind = kind;
    (void)vsnprintf(err->message, sizeof(err->message), fmt, ap);
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    va_list ap;

    if (err->kind != ERR_NONE)
        return -1;
    va_start(ap, fmt);
    set(err, kind, fmt, ap);
    va_end(ap);
    return -1;
}

int err_set_errno(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;
    size_t n;

    if (err->kind != ERR_NONE)
        return -1;
    va_start(ap, fmt);
    set(err, kind, fmt, ap);
    va_end(ap);
    n = strlen(err->message);
    (void)snprintf(err->message + n, sizeof(err->message) - n, ": %s", strerror(saved));
    return -1;
}

int err_oom(struct err *err)
{
    return err_set(err, ERR_FAILED, "out of memory");
}

void err_detail(struct err *err, const char *fmt, ...)
{
    va_list ap;

    if (err->detail[0] != '\0')
        return;
    va_start(ap, fmt);
    (void)vsnprintf(err->detail, sizeof(err->detail), fmt, ap);
    va_end(ap);
}

void err_hint(struct err *err, const char *fmt, ...)
{
    va_list ap;

    if (err->hint[0] != '\0')
        return;
    va_start(ap, fmt);
    (void)vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
    va_end(ap);
}

int err_prefix(struct err *err, const char *fmt, ...)
{
    char old[sizeof(err->message)];
    va_list ap;
    size_t n;

    memcpy(old, err->message, sizeof(old));
    va_start(ap, fmt);
    (void)vsnprintf(err->message, sizeof(err->message), fmt, ap);
    va_end(ap);
    n = strlen(err->message);
    /* Cut on purpose where it is too long: the prefix says where, the start of the cause why. */
    if (n + 2 < sizeof(err->message)) {
        size_t room = sizeof(err->message) - n - 3;
        size_t len = strlen(old);

        memcpy(err->message + n, ": ", 2);
        memcpy(err->message + n + 2, old, len < room ? len : room);
        err->message[n + 2 + (len < room ? len : room)] = '\0';
    }
    return -1;
}

void err_clear(struct err *err)
{
    memset(err, 0, sizeof(*err));
}

int err_exit_code(const struct err *err)
{
    return kinds[err->kind].code + (err->kind == ERR_INTERRUPTED ? err->signo : 0);
}

const char *err_kind_name(enum err_kind kind)
{
    return kinds[kind].name;
}
