#include "pg/password.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/interrupt.h"

/* What a terminal gives at once; it drops what is typed beyond that. */
enum { TYPED_MAX = 4096 };

char *password_ask(const char *title, struct err *err)
{
    char line[TYPED_MAX], *copy = NULL;
    struct termios before, quiet;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), silenced = 0;
    size_t n = 0;

    if (fd < 0) {
        err_set(err, ERR_FAILED, "a password is needed for %s, and there is no terminal to ask at",
                title);
        err_hint(err, "use a password file (~/.pgpass or $PGPASSFILE), a service, or $PGPASSWORD");
        return NULL;
    }
    if (tcgetattr(fd, &before) == 0) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        silenced = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    }
    (void)dprintf(fd, "Password for %s: ", title);
    while (n + 1 < sizeof(line)) {
        ssize_t got = interrupt_read(fd, line + n, 1);

        if (got < 0 && errno == EINTR && !interrupt_pending())
            continue;
        if (got <= 0 || line[n] == '\n')
            break;
        n++;
    }
    line[n] = '\0';
    if (silenced)
        (void)tcsetattr(fd, TCSAFLUSH, &before);
    (void)dprintf(fd, "\n");
    (void)close(fd);
    if (interrupt_check(err) == 0) {
        if (n + 1 == sizeof(line))
            err_set(err, ERR_FAILED, "the password for %s is longer than a terminal can take: it would have been cut", title);
        else if ((copy = strdup(line)) == NULL)
            err_oom(err);
    }
    sodium_memzero(line, sizeof(line));
    return copy;
}
