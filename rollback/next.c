#include "rollback/next.h"

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

char *next_command(const struct guard *g, const char *command, const char *run, struct err *err)
{
    const struct cli_common *c = g->request->common;
    char **words = NULL;
    char *text = NULL;

    if (strings_add(&words, "mig-rollback", err) == 0 && strings_add(&words, command, err) == 0 &&
        (run == NULL || strings_add(&words, run, err) == 0) &&
        add_word(&words, "-d", c->dbname, err) == 0 && add_word(&words, "-h", c->host, err) == 0 &&
        add_word(&words, "-p", c->port, err) == 0 && add_word(&words, "-U", c->user, err) == 0 &&
        add_word(&words, "--env", c->env, err) == 0 && add_word(&words, "-c", c->config, err) == 0 &&
        add_word(&words, "--dir", c->dir, err) == 0 &&
        add_word(&words, "--state-dir", c->state_dir, err) == 0)
        text = audit_mask((int)strings_count(words), words, err);
    strings_free(words);
    return text;
}
