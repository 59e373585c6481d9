#include "backup/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "backup/key.h"
#include "core/buf.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/process.h"
#include "core/secret.h"

#define HOW_TO_KEY                                                                             \
    "make one with `mig-backup keygen`, or say where it is: --key FILE, $MIG_KEY (the line "   \
    "itself), $MIG_KEY_FILE, --key-command"

enum { KEY_FILE_MAX = 4096, LIST_FILE_MAX = 1 << 20, PHRASE_MAX = 1024 };

struct keyring {
    struct key **keys;
    size_t nkeys;
    struct key_public *recipients;
    size_t nrecipients;
    struct secret **passphrases; /* of recipients */
    size_t npassphrases;
    unsigned char (*trusted)[32];
    size_t ntrusted;
    char *passphrase_file;
    struct secret *passphrase; /* what was read or typed last */
    int public_only;           /* protected keys stay locked: they only say whom to trust */
};

struct keyring *keyring_new(struct err *err)
{
    struct keyring *k = calloc(1, sizeof(*k));

    if (k == NULL)
        err_oom(err);
    return k;
}

void keyring_free(struct keyring *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->nkeys; i++)
        key_free(k->keys[i]);
    for (size_t i = 0; i < k->npassphrases; i++)
        secret_free(k->passphrases[i]);
    free(k->keys);
    free(k->recipients);
    free(k->passphrases);
    free(k->trusted);
    free(k->passphrase_file);
    secret_free(k->passphrase);
    free(k);
}

/* Room for one more item of SIZE bytes; the slot, or NULL. */
static void *grow(void **items, size_t *count, size_t size, struct err *err)
{
    void *bigger = realloc(*items, (*count + 1) * size);

    if (bigger == NULL) {
        err_oom(err);
        return NULL;
    }
    *items = bigger;
    return (char *)bigger + (*count)++ * size;
}

static int add_trusted(struct keyring *k, const unsigned char sign[32], struct err *err)
{
    void *items = k->trusted;
    void *slot;

    if (keyring_trusts(k, sign))
        return 0;
    if ((slot = grow(&items, &k->ntrusted, 32, err)) == NULL)
        return -1;
    k->trusted = items;
    memcpy(slot, sign, 32);
    return 0;
}

int keyring_add_key(struct keyring *k, struct key *key, struct err *err)
{
    void *items = k->keys;
    struct key **slot;

    if (add_trusted(k, key_public(key)->sign, err) != 0 ||
        (slot = grow(&items, &k->nkeys, sizeof(*slot), err)) == NULL) {
        key_free(key);
        return -1;
    }
    k->keys = items;
    *slot = key;
    return 0;
}

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

/* At most MAX bytes of PATH; wiped by the caller. */
static int read_checked(struct buf *b, const char *path, const char *what, size_t max, int secret,
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

static struct secret *phrase_from_file(const char *path, struct err *err)
{
    struct buf b = {0};
    struct secret *s = NULL;

    if (read_checked(&b, path, "passphrase file", PHRASE_MAX, 1, err) == 0) {
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

/* NULL without an error where there is no terminal. */
static struct secret *phrase_from_terminal(const char *prompt, const char *what, struct err *err)
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

const struct secret *keyring_passphrase(const struct keyring *ring, const char *what, int quiet,
                                        struct err *err)
{
    /* Remembering what was typed changes nothing that a caller can see. */
    struct keyring *k = NULL;
    struct secret *s;

    memcpy(&k, &ring, sizeof(ring));
    if (k->passphrase != NULL)
        return k->passphrase;
    s = k->passphrase_file != NULL ? phrase_from_file(k->passphrase_file, err)
                                   : phrase_from_terminal("Passphrase of", what, err);
    if (s == NULL && err->kind == ERR_NONE && !quiet) {
        err_set(err, ERR_USAGE, "%s needs a passphrase, and there is no terminal to ask for it", what);
        err_hint(err, "--passphrase-file FILE names a file that holds it");
    }
    k->passphrase = s;
    return s;
}

struct secret *keyring_new_passphrase(const char *file, const char *what, struct err *err)
{
    struct secret *a = NULL, *b = NULL;

    if (file != NULL)
        return phrase_from_file(file, err);
    a = phrase_from_terminal("New passphrase of", what, err);
    if (a == NULL) {
        if (err->kind == ERR_NONE) {
            err_set(err, ERR_USAGE, "no terminal to ask for the new passphrase of %s", what);
            err_hint(err, "--passphrase-file FILE names a file that holds it");
        }
        return NULL;
    }
    b = phrase_from_terminal("Once more, the passphrase of", what, err);
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

/* key_ask for protected keys. */
static struct secret *ask(void *context, const char *what, int confirm, struct err *err)
{
    const struct keyring *k = context;
    const struct secret *s = keyring_passphrase(k, what, 0, err);

    (void)confirm;
    return s == NULL ? NULL : secret_copy(secret_view(s), secret_len(s), err);
}

static int add_text(struct keyring *k, const char *text, size_t len, const char *source,
                    struct err *err)
{
    struct key_public p;
    struct key *key;

    if (k->public_only && key_protected_public(text, len, &p))
        return add_trusted(k, p.sign, err);
    key = key_parse(text, len, source, ask, k, err);
    return key == NULL ? -1 : keyring_add_key(k, key, err);
}

static int add_file(struct keyring *k, const char *path, struct err *err)
{
    struct buf b = {0};
    char source[512];
    int rc = -1;

    (void)snprintf(source, sizeof(source), "\"%s\"", path);
    if (read_checked(&b, path, "key file", KEY_FILE_MAX, 1, err) == 0)
        rc = add_text(k, b.data, b.len, strcmp(path, "-") == 0 ? "standard input" : source, err);
    else if (err->hint[0] == '\0')
        err_hint(err, "%s", HOW_TO_KEY);
    buf_wipe(&b);
    return rc;
}

/* The line where a file's name belongs: it is in everybody's ps and must not be in a message too. */
static int refuse_line(const char *text, struct err *err)
{
    if (strncmp(text, "mig-key-", strlen("mig-key-")) != 0)
        return 0;
    (void)err_set(err, ERR_USAGE, "that is a secret key itself, not a file that holds one");
    err_hint(err, "others on this machine may have seen it in the command line; "
                  "$MIG_KEY takes the line, --key - reads it from standard input");
    return -1;
}

static int add_command(struct keyring *k, const char *command, struct err *err)
{
    char **words = process_words(command, err);
    struct process_options o = {.timeout_ms = 120000, .max_output = KEY_FILE_MAX, .pass_stderr = 1};
    struct process_result r = {0};
    int rc = -1;

    if (words == NULL)
        return -1;
    o.argv = (const char *const *)words;
    if (process_run(&o, &r, err) != 0)
        err_prefix(err, "the key command");
    else if (r.status != 0)
        err_set(err, ERR_USAGE, "the key command \"%s\" failed with exit code %d", words[0], r.status);
    else
        rc = add_text(k, r.out.data != NULL ? r.out.data : "", r.out.len,
                      "the output of the key command", err);
    if (r.out.data != NULL)
        buf_wipe(&r.out);
    process_result_free(&r);
    process_words_free(words);
    return rc;
}

static int set(const char *value)
{
    return value != NULL && value[0] != '\0';
}

static int load_keys(struct keyring *k, const struct cli_common *c, const struct config *config,
                     struct err *err)
{
    const char *s;
    char *path;
    int rc = 0;

    if (c != NULL && (c->key.count > 0 || set(c->key_command))) {
        for (size_t i = 0; i < c->key.count; i++)
            if (refuse_line(c->key.items[i], err) != 0)
                return err_prefix(err, "--key");
            else if (add_file(k, c->key.items[i], err) != 0)
                return -1;
        return set(c->key_command) ? add_command(k, c->key_command, err) : 0;
    }
    if (set(s = getenv("MIG_KEY")))
        return add_text(k, s, strlen(s), "$MIG_KEY", err);
    if (set(s = getenv("MIG_KEY_FILE"))) {
        if (refuse_line(s, err) != 0 || add_file(k, s, err) != 0)
            return err_prefix(err, "$MIG_KEY_FILE");
        return 0;
    }
    if (config != NULL && set(s = config_file(config, "backup.key_file")))
        return add_file(k, s, err) != 0 ? err_prefix(err, "%s: backup.key_file", config_path(config)) : 0;
    if (config != NULL && set(s = config_string(config, "backup.key_command")))
        return add_command(k, s, err);
    if ((path = keyring_default_path(err)) == NULL) {
        err_clear(err); /* no home: then no default key */
        return 0;
    }
    if (access(path, F_OK) == 0)
        rc = add_file(k, path, err);
    free(path);
    return rc;
}

static int load_lists(struct keyring *k, const struct cli_common *c, const struct config *config,
                      struct err *err)
{
    const json_t *list;
    const char *where = config != NULL ? config_path(config) : NULL;

    for (size_t i = 0; c != NULL && i < c->trust.count; i++)
        if (keyring_add_trust(k, c->trust.items[i], err) != 0)
            return err_prefix(err, "--trust");
    for (size_t i = 0; c != NULL && i < c->recipient.count; i++)
        if (keyring_add_recipient(k, c->recipient.items[i], err) != 0)
            return err_prefix(err, "--recipient");
    if (config == NULL)
        return 0;
    list = config_json(config, "trust");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (keyring_add_trust(k, json_string_value(json_array_get(list, i)), err) != 0)
            return err_prefix(err, "%s: trust", where);
    list = c == NULL || c->recipient.count == 0 ? config_json(config, "backup.recipients") : NULL;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (keyring_add_recipient(k, json_string_value(json_array_get(list, i)), err) != 0)
            return err_prefix(err, "%s: backup.recipients", where);
    return 0;
}

static struct keyring *load(const struct cli_common *c, const struct config *config, int public_only,
                            struct err *err)
{
    struct keyring *k = keyring_new(err);
    const char *phrase = c != NULL && set(c->passphrase_file) ? c->passphrase_file
                         : config != NULL ? config_file(config, "backup.passphrase_file")
                                          : NULL;

    if (k == NULL)
        return NULL;
    k->public_only = public_only;
    if ((set(phrase) && keyring_set_passphrase_file(k, phrase, err) != 0) ||
        load_keys(k, c, config, err) != 0 || load_lists(k, c, config, err) != 0) {
        keyring_free(k);
        return NULL;
    }
    return k;
}

struct keyring *keyring_load(const struct cli_common *c, const struct config *config,
                             struct err *err)
{
    return load(c, config, 0, err);
}

struct keyring *keyring_load_public(const struct cli_common *c, const struct config *config,
                                    struct err *err)
{
    return load(c, config, 1, err);
}

int keyring_set_passphrase_file(struct keyring *k, const char *path, struct err *err)
{
    char *copy = strdup(path);

    if (copy == NULL)
        return err_oom(err);
    free(k->passphrase_file);
    k->passphrase_file = copy;
    return 0;
}

static int add_recipient_public(struct keyring *k, const struct key_public *p, struct err *err)
{
    void *items = k->recipients;
    struct key_public *slot;
    char text[KEY_PUBLIC_TEXT];

    if (!key_public_can_read(p)) {
        key_public_text(p, text);
        err_set(err, ERR_USAGE, "%s is a key for signing only: it can read nothing", text);
        err_hint(err, "name the public line of a key that was made without --sign-only");
        return -1;
    }
    for (size_t i = 0; i < k->nrecipients; i++)
        if (key_public_equal(&k->recipients[i], p))
            return 0;
    if ((slot = grow(&items, &k->nrecipients, sizeof(*slot), err)) == NULL)
        return -1;
    k->recipients = items;
    *slot = *p;
    return 0;
}

/* Each public line of TEXT, which is one or names a file of them, to ADD. */
static int each_public(struct keyring *k, const char *text,
                       int (*add)(struct keyring *, const struct key_public *, struct err *),
                       struct err *err)
{
    struct buf b = {0};
    struct key_public p;
    char *line, *save = NULL;
    int rc = -1, n = 0;

    if (strncmp(text, "mig-", 4) == 0)
        return key_public_parse(text, &p, err) != 0 ? -1 : add(k, &p, err);
    if (read_checked(&b, text, "file of public keys", LIST_FILE_MAX, 0, err) != 0) {
        err_hint(err, "a public key is one line that begins with mig-pub-");
        goto out;
    }
    for (line = strtok_r(b.data, "\r\n", &save); line != NULL; line = strtok_r(NULL, "\r\n", &save)) {
        line += strspn(line, " \t");
        if (line[0] == '\0' || line[0] == '#')
            continue;
        line[strcspn(line, " \t")] = '\0';
        if (key_public_parse(line, &p, err) != 0) {
            err_prefix(err, "\"%s\"", text);
            goto out;
        }
        if (add(k, &p, err) != 0)
            goto out;
        n++;
    }
    if (n == 0) {
        err_set(err, ERR_USAGE, "\"%s\" holds no public key", text);
        goto out;
    }
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

int keyring_add_recipient(struct keyring *k, const char *text, struct err *err)
{
    static const char prefix[] = "passphrase:";
    void *items = k->passphrases;
    struct secret **slot, *phrase;

    if (strncmp(text, prefix, strlen(prefix)) != 0)
        return each_public(k, text, add_recipient_public, err);
    if ((phrase = phrase_from_file(text + strlen(prefix), err)) == NULL)
        return -1;
    if ((slot = grow(&items, &k->npassphrases, sizeof(*slot), err)) == NULL) {
        secret_free(phrase);
        return -1;
    }
    k->passphrases = items;
    *slot = phrase;
    return 0;
}

static int trust_public(struct keyring *k, const struct key_public *p, struct err *err)
{
    return add_trusted(k, p->sign, err);
}

int keyring_add_trust(struct keyring *k, const char *text, struct err *err)
{
    return each_public(k, text, trust_public, err);
}

const struct key *keyring_signer(const struct keyring *k)
{
    return k->nkeys > 0 ? k->keys[0] : NULL;
}

const struct key *keyring_key(const struct keyring *k, size_t i)
{
    return i < k->nkeys ? k->keys[i] : NULL;
}

const struct key_public *keyring_recipient(const struct keyring *k, size_t i)
{
    if (k->nrecipients > 0 || k->npassphrases > 0)
        return i < k->nrecipients ? &k->recipients[i] : NULL;
    /* None named: whoever writes reads too. */
    for (size_t n = 0; i == 0 && n < k->nkeys; n++)
        if (key_can_read(k->keys[n]))
            return key_public(k->keys[n]);
    return NULL;
}

const struct secret *keyring_recipient_passphrase(const struct keyring *k, size_t i)
{
    return i < k->npassphrases ? k->passphrases[i] : NULL;
}

const struct key *keyring_reader(const struct keyring *k, const unsigned char box[32])
{
    for (size_t i = 0; i < k->nkeys; i++)
        if (key_can_read(k->keys[i]) && memcmp(key_public(k->keys[i])->box, box, 32) == 0)
            return k->keys[i];
    return NULL;
}

int keyring_trusts(const struct keyring *k, const unsigned char sign[32])
{
    for (size_t i = 0; i < k->ntrusted; i++)
        if (memcmp(k->trusted[i], sign, 32) == 0)
            return 1;
    return 0;
}

int keyring_can_write(const struct keyring *k, struct err *err)
{
    if (k->nkeys == 0) {
        err_set(err, ERR_USAGE, "no key to sign the backup with");
        err_hint(err, "%s", HOW_TO_KEY);
        return -1;
    }
    if (keyring_recipient(k, 0) == NULL && k->npassphrases == 0) {
        err_set(err, ERR_USAGE, "nobody to encrypt the backup to: the key signs only");
        err_hint(err, "name who may read it: --recipient mig-pub-..., or backup.recipients in mig.json");
        return -1;
    }
    return 0;
}

int keyring_can_read(const struct keyring *k, struct err *err)
{
    for (size_t i = 0; i < k->nkeys; i++)
        if (key_can_read(k->keys[i]))
            return 0;
    /* A passphrase alone may open a file too; the signer must then be trusted by name. */
    if (k->passphrase_file != NULL || k->passphrase != NULL)
        return 0;
    if (k->nkeys > 0) {
        err_set(err, ERR_USAGE, "the key here signs only: it cannot read a backup");
        err_hint(err, "--key FILE names the key of a recipient");
    } else {
        err_set(err, ERR_USAGE, "no key to read the backup with");
        err_hint(err, "say where it is: --key FILE, $MIG_KEY (the line itself), $MIG_KEY_FILE, --key-command");
    }
    return -1;
}

char *keyring_default_path(struct err *err)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *middle = "";
    struct buf b = {0};

    if (!set(base) || base[0] != '/') {
        base = getenv("HOME");
        middle = "/.config";
    }
    if (!set(base)) {
        err_set(err, ERR_USAGE, "no home folder: neither $HOME nor $XDG_CONFIG_HOME is set");
        err_hint(err, "name the file: -o FILE");
        return NULL;
    }
    if (buf_addf(&b, err, "%s%s/mig/key", base, middle) != 0)
        return NULL;
    return buf_take(&b, err);
}
