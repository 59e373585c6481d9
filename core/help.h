/* help: what --help prints, from the tables that parse the command line. */
#ifndef MIG_CORE_HELP_H
#define MIG_CORE_HELP_H

#include <stdio.h>

#include "core/cli.h"

/*
 * Help for COMMAND, or for the whole program where it is NULL.  It begins with the usage, one entry
 * per command, up to the first empty line: "usage: " (or as many blanks) and then exactly the lines
 * of the manual's SYNOPSIS (tests/lib compares).
 */
void help_print(const struct cli_program *program, const struct cli_command *command, FILE *out);

#endif
