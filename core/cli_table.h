/*
 * cli_table: what stands in a program's tables of commands and options.
 *
 * An option is looked for by NAME (LEN characters), or by LETTER where that is
 * not '\0'.  All results are borrowed from the tables.
 */
#ifndef MIG_CORE_CLI_TABLE_H
#define MIG_CORE_CLI_TABLE_H

#include <stddef.h>

#include "core/cli.h"

/* Every program has these; they are not in any table, so that none can forget them: a heading, --help,
 * --version, the end. */
extern const struct cli_option cli_table_standard[];

/* The only command of a program without sub-commands; the end of a table of commands. */
static inline int cli_table_is_only(const struct cli_command *c)
{
    return c->name == NULL && c->run != NULL;
}
static inline int cli_table_is_end(const struct cli_command *c)
{
    return c->name == NULL && c->run == NULL;
}
const struct cli_command *cli_table_command(const struct cli_program *p, const char *name);
/* The tables of common options that C takes (NULL: the program's own); NULL where there are none. */
const struct cli_option *const *cli_table_common(const struct cli_program *p, const struct cli_command *c);
/* What C (or NULL) takes: its own options hide the common ones. */
const struct cli_option *cli_table_find(const struct cli_program *p, const struct cli_command *c, const char *name,
                                        size_t len, char letter);
/* In any command, *OWNER (NULL: all have it): to skip an option's value before the command is known, and for
 * messages. */
const struct cli_option *cli_table_find_any(const struct cli_program *p, const char *name, size_t len, char letter,
                                            const struct cli_command **owner);

#endif
