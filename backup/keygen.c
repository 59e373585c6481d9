#include "backup/keygen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/key.h"
#include "backup/keysource.h"
#include "backup/passphrase.h"
#include "core/outfile.h"
#include "core/secret.h"

/* The default's folder, 0700 where it is made. */
static int make_parents(const char *path, struct err *err)
{
    char *copy = strdup(path), *slash;
    int rc = 0;

    if (copy == NULL)
        return err_oom(err);
    for (slash = strchr(copy + 1, '/'); rc == 0 && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            rc = err_set_errno(err, ERR_FAILED, "cannot make the folder \"%s\"", copy);
        *slash = '/';
    }
    free(copy);
    return rc;
}

int keygen_run(const struct keygen_options *o, FILE *out, FILE *errout, struct err *err)
{
    struct key *key = NULL;
    struct secret *phrase = NULL, *text = NULL, *line = NULL;
    char *path = NULL, public[KEY_PUBLIC_TEXT];
    int to_stdout = o->path != NULL && strcmp(o->path, "-") == 0;
    int rc = -1;

    if (!to_stdout) {
        if (o->path != NULL ? (path = strdup(o->path)) == NULL : (path = keyring_default_path(err)) == NULL) {
            err_oom(err);
            goto out;
        }
        if (o->path == NULL && make_parents(path, err) != 0)
            goto out;
    }
    if ((o->protect && (phrase = passphrase_new(o->passphrase_file, "the new key", err)) == NULL) ||
        (key = key_generate(o->sign_only, err)) == NULL ||
        (text = key_text(key, phrase, NULL, err)) == NULL)
        goto out;
    key_public_text(key_public(key), public);
    if ((line = secret_new(secret_len(text), err)) == NULL)
        goto out;
    /* key_text ends with a NUL: a newline takes its place. */
    memcpy(secret_bytes(line), secret_view(text), secret_len(text));
    secret_bytes(line)[secret_len(line) - 1] = '\n';
    if (to_stdout) {
        if (fwrite(secret_view(line), 1, secret_len(line), out) != secret_len(line) || fflush(out) != 0) {
            err_set_errno(err, ERR_FAILED, "cannot write the key");
            goto out;
        }
        fprintf(errout, "%s\n", public);
    } else {
        if (outfile_write_whole(path, secret_view(line), secret_len(line), err) != 0)
            goto out;
        fprintf(out, "%s\n", public);
        if (fflush(out) != 0) {
            err_set_errno(err, ERR_FAILED, "cannot write the public line");
            goto out;
        }
        fprintf(errout, "wrote the %skey%s to %s; keep a copy of it where the backups are not: without it they cannot be %s\n",
                o->sign_only ? "signing " : "", o->protect ? ", protected by the passphrase," : "", path,
                o->sign_only ? "signed anew" : "read");
    }
    rc = 0;
out:
    free(path);
    secret_free(phrase);
    secret_free(text);
    secret_free(line);
    key_free(key);
    return rc;
}
