/*
 * cli: the command line, one table for parsing, --help and the manual's SYNOPSIS.
 *
 * Long options are matched exactly, never by prefix; `--name=value` and
 * `--name value` are the same.  A word such as `-1` or `-2` is an argument (a
 * revision), not an option; `-` alone is an argument; `--` ends options.
 * Options may stand before or after arguments.  A value option given twice
 * keeps the last, a CLI_LIST collects.
 */
#ifndef MIG_CORE_CLI_H
#define MIG_CORE_CLI_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/err.h"

enum cli_type {
    CLI_FLAG,     /* int *: set to 1 */
    CLI_STRING,   /* const char **: borrowed from argv */
    CLI_LIST,     /* struct cli_list * */
    CLI_INT,      /* int *: decimal, within min..max */
    CLI_DURATION, /* int64_t *: milliseconds; "30s", "5min", "250ms", "1h", "30d", a bare number is seconds */
    CLI_CHOICE,   /* int *: index into CHOICES; initialise to the default (or -1: not given) */
};

/* Borrowed strings in the order given.  Free items with cli_list_free. */
struct cli_list {
    const char **items;
    size_t count;
};
void cli_list_free(struct cli_list *list);

struct cli_option {
    const char *name; /* without "--"; NULL ends a table; "" is a heading, its text in HELP */
    char letter;      /* 0: none */
    enum cli_type type;
    void *value;
    const char *arg;  /* "FILE": shown in help; NULL for a flag */
    const char *help; /* one line */
    const char *const *choices; /* CLI_CHOICE: NULL-terminated */
    int min, max;     /* CLI_INT: both 0 means any non-negative */
};

struct cli_command {
    const char *name;      /* "create"; NULL for a program without sub-commands (and ends a table) */
    const char *arguments; /* "FILE...", "REV", "" */
    const char *summary;   /* one line */
    int min_args, max_args; /* max -1: no limit */
    const struct cli_option *options;  /* own options, or NULL */
    /* Arguments only, without the sub-command.  Returns an exit code, or -1 with *ERR set, which
     * cli_main prints and turns into its exit code. */
    int (*run)(int argc, const char *const *argv, void *context, struct err *err);
    /* Instead of the program's COMMON where not NULL (keygen needs no connection). */
    const struct cli_option *const *common;
};

struct cli_program {
    const char *name;
    const char *summary;                /* one paragraph */
    const struct cli_command *commands; /* ends with a zeroed entry (or name NULL, run set: the only command) */
    const struct cli_option *const *common; /* tables for every command, NULL-terminated */
};

struct cli_match {
    const struct cli_command *command; /* NULL: help or version was asked for */
    const char **argv;                 /* owned array of borrowed arguments */
    int argc;
    int help;    /* help_print, and exit 0 */
    int version; /* print "mig-backup (mig) VERSION" and exit 0 */
};

/* Parse; -1 and ERR_USAGE naming the word at fault.  Free M->argv with cli_match_free. */
int cli_parse(const struct cli_program *program, int argc, char *const *argv, struct cli_match *m,
              struct err *err) MIG_MUST_CHECK;
void cli_match_free(struct cli_match *m);
struct cli_common;
/*
 * The body of a main(): parse, answer --help and --version, set the log's level from COMMON's quiet
 * and verbose (COMMON may be NULL), install the signal handlers, run the command, print its error.
 * Returns the exit code.  PROGRAM's tables may point into COMMON, which is freed.
 */
int cli_main(const struct cli_program *program, struct cli_common *common, int argc, char *const *argv,
             void *context);

/* "30s" -> 30000.  Also for mig.json. */
int cli_duration(const char *text, int64_t *ms, struct err *err) MIG_MUST_CHECK;

/* Flags that all four programs share (DESIGN.md, section 6).  Zeroed means nothing given.
 * ARGC and ARGV are the whole command line, for the log (audit.h masks secrets). */
struct cli_common {
    /* connection */
    const char *dbname, *host, *port, *user, *role;
    int no_password, ask_password;
    /* alembic and other scripts */
    const char *alembic_config, *alembic_name, *alembic_command, *versions, *version_table;
    /* house */
    const char *config, *env, *log_file, *state_dir, *reason;
    struct cli_list formats; /* "json", "json=FILE" */
    int quiet, verbose, jobs, show_values;
    /* keys */
    struct cli_list key, trust, recipient;
    const char *key_command, *passphrase_file;
    const char *dir; /* the shelf */
    /* the guard's confirmation */
    int yes;
    const char *confirm;
    /* set by cli_main */
    int argc;
    char *const *argv;
};

/* The tables, for cli_program.common; each is static storage pointing into *C, valid until the
 * next call. */
const struct cli_option *cli_connection_options(struct cli_common *c);
const struct cli_option *cli_alembic_options(struct cli_common *c);
const struct cli_option *cli_house_options(struct cli_common *c);
const struct cli_option *cli_key_options(struct cli_common *c);
const struct cli_option *cli_confirm_options(struct cli_common *c);
void cli_common_free(struct cli_common *c);

#endif
