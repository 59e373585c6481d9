#include "core/confirm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/interrupt.h"
#include "core/process.h"

/* BEFORE, WHAT, BETWEEN, and --confirm as a shell takes it. */
static void suggest(const struct confirm_options *o, const char *before, const char *what, const char *between,
                    struct err *err)
{
    struct buf name = {0};
    struct err ignored = {0};

    if (process_quote(&name, o->name, "", &ignored) == 0)
        err_hint(err, "%s%s%s--confirm %s", before, what, between, name.data);
    buf_free(&name);
}

static int refused(const struct confirm_options *o, struct err *err)
{
    if (o->required)
        suggest(o, "to ", o->what, " without a terminal: --yes ", err);
    else
        err_hint(err, "to %s without a terminal: --yes", o->what);
    return -1;
}

/* One line from FD, without its newline.  A signal ends the question. */
static int read_line(int fd, char *line, size_t size, struct err *err)
{
    size_t n = 0;

    for (;;) {
        char c;
        ssize_t got = interrupt_read(fd, &c, 1);

        if (got < 0 && errno == EINTR) {
            if (interrupt_check(err) != 0)
                return -1;
            continue;
        }
        if (got < 0)
            return err_set_errno(err, ERR_REFUSED, "cannot read the answer from the terminal");
        if (got == 0 && n == 0)
            return err_set(err, ERR_REFUSED, "no answer: the terminal was closed");
        if (got == 0 || c == '\n')
            break;
        if (n + 1 < size)
            line[n++] = c;
    }
    line[n] = '\0';
    return 0;
}

int confirm_ask(const struct confirm_options *o, struct err *err)
{
    struct buf prompt = {0};
    char line[512];
    int fd = -1, rc = -1;

    if (o->given != NULL && strcmp(o->given, o->name) != 0) {
        (void)err_set(err, ERR_REFUSED, "--confirm says \"%s\", but this is \"%s\"", o->given,
                      o->name);
        suggest(o, "check that you are on the right database; then ", "", "", err);
        return -1;
    }
    if (o->yes && (!o->required || o->given != NULL))
        return 0;
    if (o->yes) {
        (void)err_set(err, ERR_REFUSED, "--yes alone does not suffice to %s on \"%s\"", o->what,
                      o->name);
        return refused(o, err);
    }
    if ((fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) < 0) {
        (void)err_set(err, ERR_REFUSED, "there is no terminal to confirm on");
        return refused(o, err);
    }
    if (o->required) {
        if (buf_addf(&prompt, err, "To %s, type %s: ", o->what, o->name) != 0)
            goto out;
    } else if (buf_addf(&prompt, err, "To %s on %s, type yes: ", o->what, o->name) != 0) {
        goto out;
    }
    if (write(fd, prompt.data, prompt.len) < 0) {
        (void)err_set_errno(err, ERR_REFUSED, "cannot write to the terminal");
        goto out;
    }
    if (read_line(fd, line, sizeof(line), err) != 0)
        goto out;
    if (strcmp(line, o->required ? o->name : "yes") != 0) {
        (void)err_set(err, ERR_REFUSED, "not confirmed: nothing was changed");
        err_hint(err, "%s", o->required ? "the name must be typed exactly as shown"
                                        : "type yes, in full");
        goto out;
    }
    rc = 0;
out:
    buf_free(&prompt);
    (void)close(fd);
    return rc;
}
