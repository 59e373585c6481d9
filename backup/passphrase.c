#include "backup/passphrase.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "backup/keyfile.h"
#include "core/buf.h"
#include "core/interrupt.h"
#include "core/secret.h"

enum { PHRASE_MAX = 1024 };

struct secret *passphrase_from_file(const char *path, struct err *err)
{
    struct buf b = {0};
    struct secret *s = NULL;

    if (keyfile_read(&b, path, "passphrase file", PHRASE_MAX, 1, err) == 0) {
        while (b.len > 0 && (b.data[b.len - 1] == '\n' || b.data[b.len - 1] == '\r'))
            b.len--;
        if (b.len == 0)
            err_set(err, ERR_USAGE, "the passphrase file \"%s\" is empty", path);
        else
            s = secret_copy(b.data, b.len, err);
    }
    buf_wipe(&b);
    return s;
}

struct secret *passphrase_from_terminal(const char *prompt, const char *what, struct err *err)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios old, quiet;
    struct secret *line = NULL, *s = NULL;
    char text[384];
    size_t len = 0;
    ssize_t n = 0;
    int size;

    if (fd < 0)
        return NULL;
    if (tcgetattr(fd, &old) != 0 || (line = secret_new(PHRASE_MAX, err)) == NULL)
        goto out;
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    (void)tcsetattr(fd, TCSAFLUSH, &quiet);
    size = snprintf(text, sizeof(text), "%s %s: ", prompt, what);
    if (size < 0 || write(fd, text, strlen(text)) < 0) {
        (void)tcsetattr(fd, TCSAFLUSH, &old);
        goto out;
    }
    while (len < PHRASE_MAX && (n = interrupt_read(fd, secret_bytes(line) + len, 1)) == 1 &&
           secret_bytes(line)[len] != '\n')
        len++;
    (void)tcsetattr(fd, TCSAFLUSH, &old);
    (void)!write(fd, "\n", 1);
    if (interrupt_check(err) != 0)
        goto out;
    if (n < 0)
        err_set_errno(err, ERR_USAGE, "cannot read the passphrase from the terminal");
    else if (len == 0)
        err_set(err, ERR_USAGE, "no passphrase was typed");
    else if (len == PHRASE_MAX)
        err_set(err, ERR_USAGE, "the passphrase is longer than %d bytes: it would have been cut", PHRASE_MAX - 1);
    else
        s = secret_copy(secret_view(line), len, err);
out:
    secret_free(line);
    (void)close(fd);
    return s;
}

struct secret *passphrase_new(const char *file, const char *what, struct err *err)
{
    struct secret *a = NULL, *b = NULL;

    if (file != NULL)
        return passphrase_from_file(file, err);
    a = passphrase_from_terminal("New passphrase of", what, err);
    if (a == NULL) {
        if (err->kind == ERR_NONE) {
            err_set(err, ERR_USAGE, "no terminal to ask for the new passphrase of %s", what);
            err_hint(err, "--passphrase-file FILE names a file that holds it");
        }
        return NULL;
    }
    b = passphrase_from_terminal("Once more, the passphrase of", what, err);
    if (b != NULL && secret_len(a) == secret_len(b) &&
        memcmp(secret_view(a), secret_view(b), secret_len(a)) == 0) {
        secret_free(b);
        return a;
    }
    if (b != NULL)
        err_set(err, ERR_USAGE, "the two passphrases differ");
    secret_free(a);
    secret_free(b);
    return NULL;
}
