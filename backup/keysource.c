#include "backup/keysource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/key.h"
#include "backup/keyfile.h"
#include "backup/keys.h"
#include "core/buf.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/process.h"

enum { KEY_FILE_MAX = 4096 };

static int add_file(struct keyring *k, const char *path, struct err *err)
{
    struct buf b = {0};
    char source[512];
    int rc = -1;

    (void)snprintf(source, sizeof(source), "\"%s\"", path);
    if (keyfile_read(&b, path, "key file", KEY_FILE_MAX, 1, err) == 0)
        rc = keyring_add_text(k, b.data, b.len, strcmp(path, "-") == 0 ? "standard input" : source, err);
    else if (err->hint[0] == '\0')
        err_hint(err, "%s", KEYRING_HOW_TO_KEY);
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
        rc = keyring_add_text(k, r.out.data != NULL ? r.out.data : "", r.out.len,
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
        return keyring_add_text(k, s, strlen(s), "$MIG_KEY", err);
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
    if (public_only)
        keyring_public_only(k);
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
