#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/err.h"

static const char *program = "mig";
static enum log_level threshold = LOG_INFO;
static int colour;

void log_init(const char *name, enum log_level level)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    program = name;
    threshold = level;
    colour = isatty(STDERR_FILENO) && (no == NULL || no[0] == '\0') && term != NULL &&
             term[0] != 'd'; /* dumb */
}

enum log_level log_level(void)
{
    return threshold;
}

int log_colour(void)
{
    return colour;
}

static void say(const char *word, const char *sgr, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* One flockfile for the whole line: workers' messages must not mix. */
static void say(const char *word, const char *sgr, const char *fmt, va_list ap)
{
    flockfile(stderr);
    fprintf(stderr, "%s: ", program);
    if (word != NULL)
        fprintf(stderr, "%s%s:%s ", colour ? sgr : "", word, colour ? "\033[0m" : "");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    funlockfile(stderr);
}

static void more(const char *word, const char *text)
{
    if (text[0] != '\0')
        fprintf(stderr, "  %s: %s\n", word, text);
}

void log_err(const struct err *err)
{
    flockfile(stderr);
    fprintf(stderr, "%s: %serror:%s %s", program, colour ? "\033[31;1m" : "",
            colour ? "\033[0m" : "", err->message);
    if (err->sqlstate[0] != '\0')
        fprintf(stderr, " (SQLSTATE %s)", err->sqlstate);
    fputc('\n', stderr);
    more("detail", err->detail);
    more("hint", err->hint);
    funlockfile(stderr);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;

    if (threshold < LOG_WARN)
        return;
    va_start(ap, fmt);
    say("warning", "\033[33;1m", fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    if (threshold < LOG_INFO)
        return;
    va_start(ap, fmt);
    say(NULL, "", fmt, ap);
    va_end(ap);
}

void log_debug(const char *fmt, ...)
{
    va_list ap;

    if (threshold < LOG_DEBUG)
        return;
    va_start(ap, fmt);
    say("debug", "\033[2m", fmt, ap);
    va_end(ap);
}

void log_hint(const char *fmt, ...)
{
    va_list ap;

    if (threshold < LOG_WARN)
        return;
    va_start(ap, fmt);
    fputs("  hint: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}
