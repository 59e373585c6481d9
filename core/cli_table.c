#include "core/cli_table.h"

#include <string.h>

const struct cli_option cli_table_standard[] = {
    {.name = "", .help = "Help:"},
    {.name = "help", .letter = '?', .type = CLI_FLAG, .help = "show this help"},
    {.name = "version", .letter = 'V', .type = CLI_FLAG, .help = "show the version"},
    {.name = NULL},
};

const struct cli_option *const *cli_table_common(const struct cli_program *p, const struct cli_command *c)
{
    return c != NULL && c->common != NULL ? c->common : p->common;
}

static const struct cli_option *find_in(const struct cli_option *table, const char *name,
                                        size_t len, char letter)
{
    for (const struct cli_option *o = table; o != NULL && o->name != NULL; o++) {
        if (letter != '\0' && o->letter == letter)
            return o;
        if (letter == '\0' && o->name[0] != '\0' && strlen(o->name) == len &&
            memcmp(o->name, name, len) == 0)
            return o;
    }
    return NULL;
}

const struct cli_option *cli_table_find(const struct cli_program *p, const struct cli_command *c, const char *name,
                                        size_t len, char letter)
{
    const struct cli_option *o = c == NULL ? NULL : find_in(c->options, name, len, letter);

    if (o == NULL)
        o = find_in(cli_table_standard, name, len, letter);
    for (const struct cli_option *const *t = cli_table_common(p, c); o == NULL && t != NULL && *t != NULL;
         t++)
        o = find_in(*t, name, len, letter);
    return o;
}

const struct cli_option *cli_table_find_any(const struct cli_program *p, const char *name, size_t len, char letter,
                                            const struct cli_command **owner)
{
    const struct cli_option *o = cli_table_find(p, NULL, name, len, letter);

    *owner = NULL;
    for (const struct cli_command *c = p->commands; o == NULL && !cli_table_is_end(c); c++) {
        o = cli_table_find(p, c, name, len, letter);
        *owner = c;
        if (cli_table_is_only(c))
            break;
    }
    return o;
}

const struct cli_command *cli_table_command(const struct cli_program *p, const char *name)
{
    for (const struct cli_command *c = p->commands; !cli_table_is_end(c); c++)
        if (c->name != NULL && strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
