#include "rollback/next.h"

#include <stdlib.h>
#include <string.h>

#include "core/audit.h"
#include "core/cli.h"
#include "core/strings.h"
#include "rollback/guard.h"

static int add_word(char ***words, const char *flag, const char *value, struct err *err)
{
    if (value == NULL)
        return 0;
    return strings_add(words, flag, err) != 0 || strings_add(words, value, err) != 0 ? -1 : 0;
}

/* COMMAND's words: "resume --back". */
static int add_command(char ***words, const char *command, struct err *err)
{
    for (const char *at = command; *at != '\0';) {
        size_t n = strcspn(at, " ");

        if (strings_addf(words, err, "%.*s", (int)n, at) != 0)
            return -1;
        at += n + (at[n] == ' ');
    }
    return 0;
}

/* What unlocks the backup; a key on standard input is gone. */
static int add_keys(char ***words, const struct cli_common *c, struct err *err)
{
    for (size_t i = 0; i < c->key.count; i++)
        if (strcmp(c->key.items[i], "-") != 0 && add_word(words, "--key", c->key.items[i], err) != 0)
            return -1;
    for (size_t i = 0; i < c->trust.count; i++)
        if (add_word(words, "--trust", c->trust.items[i], err) != 0)
            return -1;
    return add_word(words, "--key-command", c->key_command, err) != 0 ||
                   add_word(words, "--passphrase-file", c->passphrase_file, err) != 0
               ? -1
               : 0;
}

char *next_command(const struct guard *g, const char *command, const char *run, struct err *err)
{
    const struct cli_common *c = g->request->common;
    char **words = NULL;
    char *text = NULL;

    if (strings_add(&words, "mig-rollback", err) == 0 && add_command(&words, command, err) == 0 &&
        (run == NULL || strings_add(&words, run, err) == 0) &&
        add_word(&words, "-d", c->dbname, err) == 0 && add_word(&words, "-h", c->host, err) == 0 &&
        add_word(&words, "-p", c->port, err) == 0 && add_word(&words, "-U", c->user, err) == 0 &&
        add_word(&words, "--role", c->role, err) == 0 &&
        add_word(&words, "--env", c->env, err) == 0 && add_word(&words, "-c", c->config, err) == 0 &&
        add_word(&words, "--dir", c->dir, err) == 0 &&
        add_word(&words, "--state-dir", c->state_dir, err) == 0 && add_keys(&words, c, err) == 0)
        text = audit_mask((int)strings_count(words), words, err);
    strings_free(words);
    return text;
}

int next_note(const struct guard *g, const char *run, char ***notes, struct err *err)
{
    char *command = next_command(g, "resume --back", run, err);
    int rc = command != NULL ? strings_addf(notes, err, "to go back instead of on: %s", command) : -1;

    free(command);
    return rc;
}

void next_hint(const struct guard *g, const char *command, const char *run, const char *before, struct err *err)
{
    struct err ignored = {0};
    char *text = next_command(g, command, run, &ignored);

    if (text != NULL)
        err_hint(err, "%s%s", before, text);
    free(text);
}

/* Does WORD say one of the plan's own flags?  2: and the next word is its value. */
static int plan_only(const char *word)
{
    static const char *const flags[] = {"--save", "--format"};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        size_t n = strlen(flags[i]);

        if (strncmp(word, flags[i], n) == 0 && (word[n] == '\0' || word[n] == '='))
            return word[n] == '=' ? 1 : 2;
    }
    return 0;
}

int next_run(const struct guard *g, char **command, struct err *err)
{
    const struct cli_common *c = g->request->common;
    char **words = NULL;
    int replaced = 0, rc = -1;

    *command = NULL;
    if (g->digest[0] == '\0' || g->request->plan.current != NULL || g->request->plan.current_from != NULL)
        return 0;
    if (strings_add(&words, "mig-rollback", err) != 0)
        goto out;
    for (int i = 1; i < c->argc; i++) {
        int skip = plan_only(c->argv[i]);

        if (skip > 0) {
            i += skip - 1;
            continue;
        }
        if (!replaced && strcmp(c->argv[i], "plan") == 0) {
            replaced = 1;
            rc = strings_add(&words, "run", err);
        } else {
            rc = strings_add(&words, c->argv[i], err);
        }
        if (rc != 0)
            goto out;
    }
    rc = -1;
    if (strings_addf(&words, err, "--plan") == 0 && strings_addf(&words, err, "%.16s", g->digest) == 0 &&
        (*command = audit_mask((int)strings_count(words), words, err)) != NULL)
        rc = 0;
out:
    strings_free(words);
    return rc;
}
