#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A name from the database may hold anything.  What could move the cursor, recolour the terminal or
 * begin a line of its own ("verdict: safe", "::set-output") is shown, not obeyed. */
static void plain(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    for (; *p != '\0'; p++) {
        if (*p == '\n')
            fputs("\\n", stderr);
        else if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
            fprintf(stderr, "\\x%02x", (unsigned)*p);
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* C1 */
            fprintf(stderr, "\\x%02x", (unsigned)*++p);
        else
            fputc(*p, stderr);
    }
}

static void say_plain(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static void say_plain(const char *fmt, va_list ap)
{
    char line[8192];

    (void)vsnprintf(line, sizeof(line), fmt, ap);
    plain(line);
}

/* One flockfile for the whole line: workers' messages must not mix. */
static void say(const char *word, const char *sgr, const char *fmt, va_list ap)
{
    flockfile(stderr);
    fprintf(stderr, "%s: ", program);
    if (word != NULL)
        fprintf(stderr, "%s%s:%s ", colour ? sgr : "", word, colour ? "\033[0m" : "");
    say_plain(fmt, ap);
    fputc('\n', stderr);
    funlockfile(stderr);
}

/* The server's DETAIL may be a list, a line each: the lines are kept, indented. */
static void more(const char *word, const char *text)
{
    size_t n;

    if (text[0] == '\0')
        return;
    fprintf(stderr, "  %s: ", word);
    for (; *text != '\0'; text += n + (text[n] == '\n')) {
        char line[2048];

        n = strcspn(text, "\n");
        (void)snprintf(line, sizeof(line), "%.*s", (int)n, text);
        plain(line);
        fputs(text[n] == '\n' && text[n + 1] != '\0' ? "\n    " : "", stderr);
    }
    fputc('\n', stderr);
}

void log_err(const struct err *err)
{
    flockfile(stderr);
    fprintf(stderr, "%s: %serror:%s ", program, colour ? "\033[31;1m" : "",
            colour ? "\033[0m" : "");
    plain(err->message);
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
    flockfile(stderr);
    fputs("  hint: ", stderr);
    say_plain(fmt, ap);
    fputc('\n', stderr);
    funlockfile(stderr);
    va_end(ap);
}
