#include "backup/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/interrupt.h"
#include "core/log.h"

/* A file that says who may read or sign: others must not be able to write it, and where it holds a
 * secret they should not be able to read it. */
static int check_mode(int fd, const char *path, const char *what, int secret, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set_errno(err, ERR_USAGE, "cannot look at \"%s\"", path);
    if (!S_ISREG(st.st_mode))
        return 0; /* a pipe: <(command) */
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
        (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)) {
        err_set(err, ERR_USAGE, "the %s \"%s\" can be written by others (mode %04o, owner %ld)", what,
                path, (unsigned)(st.st_mode & 07777), (long)st.st_uid);
        err_hint(err, "somebody else could put another key there: chmod 600 \"%s\", and make sure that it is yours",
                 path);
        return -1;
    }
    if (secret && (st.st_mode & (S_IRGRP | S_IROTH)) != 0)
        log_warn("the %s \"%s\" can be read by others (mode %04o): chmod 600 \"%s\"", what, path,
                 (unsigned)(st.st_mode & 07777), path);
    return 0;
}

int keyfile_read(struct buf *b, const char *path, const char *what, size_t max, int secret,
                 struct err *err)
{
    int fd, is_stdin = strcmp(path, "-") == 0;
    int rc = -1;

    fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, ERR_USAGE, "cannot open the %s \"%s\"", what, path);
    if (!is_stdin && check_mode(fd, path, what, secret, err) != 0)
        goto out;
    /* In full before the first read: growing would leave copies of the secret behind. */
    if (buf_reserve(b, max + 1, err) != 0)
        goto out;
    for (;;) {
        ssize_t n = read(fd, b->data + b->len, max + 1 - b->len);

        if (n < 0 && errno == EINTR && interrupt_pending() == 0)
            continue;
        if (n < 0) {
            err_set_errno(err, ERR_USAGE, "cannot read the %s \"%s\"", what, path);
            goto out;
        }
        if (n == 0)
            break;
        b->len += (size_t)n;
        if (b->len > max) {
            err_set(err, ERR_USAGE, "the %s \"%s\" is longer than %zu bytes", what, path, max);
            goto out;
        }
    }
    b->data[b->len] = '\0';
    rc = 0;
out:
    if (!is_stdin)
        (void)close(fd);
    return rc;
}
