#include "core/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <unistd.h>

#include "core/cli_table.h"
#include "core/help.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/nearest.h"

/* "-1", "-2@label": a relative revision, never an option.  "-": standard input. */
static int is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !isdigit((unsigned char)word[1]);
}

enum { MOST_WORDS = 160 };

static int unknown_command(const struct cli_program *p, const char *word, struct err *err)
{
    const char *words[MOST_WORDS];
    const char *near;
    size_t n = 0;

    for (const struct cli_command *c = p->commands; !cli_table_is_end(c) && n < MOST_WORDS; c++)
        words[n++] = c->name;
    near = nearest_word(word, words, n);
    (void)err_set(err, ERR_USAGE, "unknown command \"%s\"", word);
    if (near != NULL)
        err_hint(err, "did you mean \"%s %s\"? See \"%s --help\"", p->name, near, p->name);
    else
        err_hint(err, "see \"%s --help\"", p->name);
    return -1;
}

static size_t names_of(const struct cli_option *table, const char **words, size_t n)
{
    for (const struct cli_option *o = table; o != NULL && o->name != NULL && n < MOST_WORDS; o++)
        if (o->name[0] != '\0')
            words[n++] = o->name;
    return n;
}

static int unknown_option(const struct cli_program *p, const struct cli_command *c,
                          const char *name, size_t len, char letter, struct err *err)
{
    const struct cli_command *owner;
    const char *words[MOST_WORDS];
    const char *near = NULL;
    const char *space = c != NULL && c->name != NULL ? " " : "";
    const char *sub = c != NULL && c->name != NULL ? c->name : "";
    char copy[64];
    size_t n = 0;

    if (letter != '\0')
        (void)err_set(err, ERR_USAGE, "unknown option \"-%c\"", letter);
    else
        (void)err_set(err, ERR_USAGE, "unknown option \"--%.*s\"", (int)len, name);
    if (letter == 'h' && cli_table_find_any(p, NULL, 0, 'h', &owner) == NULL) {
        err_hint(err, "help is --help or -?");
        return -1;
    }
    if (cli_table_find_any(p, name, len, letter, &owner) != NULL && owner != NULL && owner->name != NULL) {
        err_hint(err, "it belongs to \"%s %s\"", p->name, owner->name);
        return -1;
    }
    if (letter == '\0') {
        (void)snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
        n = names_of(cli_table_standard, words, n);
        if (c != NULL)
            n = names_of(c->options, words, n);
        for (const struct cli_option *const *t = cli_table_common(p, c); t != NULL && *t != NULL; t++)
            n = names_of(*t, words, n);
        near = nearest_word(copy, words, n);
    }
    if (near != NULL)
        err_hint(err, "did you mean --%s? See \"%s%s%s --help\"", near, p->name, space, sub);
    else
        err_hint(err, "see \"%s%s%s --help\"", p->name, space, sub);
    return -1;
}

void cli_list_free(struct cli_list *list)
{
    free(list->items);
    memset(list, 0, sizeof(*list));
}

int cli_duration(const char *text, int64_t *ms, struct err *err)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        {"ms", 1},         {"s", 1000},       {"min", 60000},     {"h", 3600000},
        {"d", 86400000},   {"w", 604800000},  {"", 1000},
    };
    char *end;
    long long n;

    errno = 0;
    n = isdigit((unsigned char)text[0]) ? strtoll(text, &end, 10) : -1;
    if (n >= 0 && errno == 0)
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
            if (strcmp(end, units[i].unit) == 0 && n <= INT64_MAX / units[i].ms) {
                *ms = n * units[i].ms;
                return 0;
            }
    (void)err_set(err, ERR_USAGE, "\"%s\" is not a duration", text);
    err_hint(err, "a whole number and one of ms, s, min, h, d, w: 30s, 5min, 30d; without a unit it "
                  "is seconds");
    return -1;
}

static int set_choice(const struct cli_option *o, const char *value, struct err *err)
{
    size_t n = 0;

    for (; o->choices[n] != NULL; n++)
        if (strcmp(o->choices[n], value) == 0) {
            *(int *)o->value = (int)n;
            return 0;
        }
    (void)err_set(err, ERR_USAGE, "--%s cannot be \"%s\"", o->name, value);
    {
        char list[512] = "";
        size_t used = 0;

        for (size_t i = 0; i < n && used < sizeof(list) - 1; i++) {
            int k = snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
                             o->choices[i]);

            used += k > 0 ? (size_t)k : 0;
        }
        err_hint(err, "one of: %s", list);
    }
    return -1;
}

static int set_int(const struct cli_option *o, const char *value, struct err *err)
{
    int max = o->min == 0 && o->max == 0 ? INT_MAX : o->max;
    char *end;
    long n;

    errno = 0;
    n = strtol(value, &end, 10);
    if (errno != 0 || value[0] == '\0' || *end != '\0' || isspace((unsigned char)value[0]) ||
        n < o->min || n > max) {
        if (max == INT_MAX)
            return err_set(err, ERR_USAGE, "--%s needs a whole number of at least %d, not \"%s\"",
                           o->name, o->min, value);
        return err_set(err, ERR_USAGE, "--%s needs a whole number from %d to %d, not \"%s\"",
                       o->name, o->min, max, value);
    }
    *(int *)o->value = (int)n;
    return 0;
}

static int set_value(const struct cli_option *o, const char *value, struct err *err)
{
    switch (o->type) {
    case CLI_FLAG:
        *(int *)o->value = 1;
        return 0;
    case CLI_STRING:
        *(const char **)o->value = value;
        return 0;
    case CLI_LIST: {
        struct cli_list *list = o->value;
        const char **items = realloc(list->items, (list->count + 1) * sizeof(*items));

        if (items == NULL)
            return err_oom(err);
        items[list->count] = value;
        list->items = items;
        list->count++;
        return 0;
    }
    case CLI_INT:
        return set_int(o, value, err);
    case CLI_DURATION:
        if (cli_duration(value, o->value, err) != 0)
            return err_prefix(err, "--%s", o->name);
        return 0;
    case CLI_CHOICE:
        return set_choice(o, value, err);
    }
    return err_set(err, ERR_FAILED, "--%s has no type", o->name);
}

struct words {
    int argc;
    char *const *argv;
    int at;
};

/* One option word; the value may be the next word.  DRY: only step over it. */
static int take_option(const struct cli_program *p, const struct cli_command *c, struct words *w,
                       int dry, struct cli_match *m, struct err *err)
{
    const char *word = w->argv[w->at++];
    const struct cli_command *owner;
    const struct cli_option *o;
    const char *value = NULL;
    const char *name;
    size_t len;

    if (word[1] == '-') {
        name = word + 2;
        value = strchr(name, '=');
        len = value != NULL ? (size_t)(value - name) : strlen(name);
        if (value != NULL)
            value++;
        o = dry ? cli_table_find_any(p, name, len, '\0', &owner) : cli_table_find(p, c, name, len, '\0');
        if (o == NULL)
            return unknown_option(p, c, name, len, '\0', err);
        if (o->type == CLI_FLAG && value != NULL)
            return err_set(err, ERR_USAGE, "--%s takes no value", o->name);
    } else {
        const char *next = word + 1;

        for (;;) {
            o = dry ? cli_table_find_any(p, NULL, 0, *next, &owner) : cli_table_find(p, c, NULL, 0, *next);
            if (o == NULL)
                return unknown_option(p, c, NULL, 0, *next, err);
            next++;
            if (o->type != CLI_FLAG) {
                value = *next != '\0' ? next : NULL;
                break;
            }
            if (*next == '\0')
                break;
            /* -qv: flags in one word */
            if (!dry && o->value != NULL && set_value(o, NULL, err) != 0)
                return -1;
            if (!dry && o == &cli_table_standard[1])
                m->help = 1;
            if (!dry && o == &cli_table_standard[2])
                m->version = 1;
        }
    }
    if (o->type != CLI_FLAG && value == NULL) {
        if (w->at >= w->argc) {
            (void)err_set(err, ERR_USAGE, "--%s needs a value", o->name);
            err_hint(err, "--%s %s: %s", o->name, o->arg != NULL ? o->arg : "VALUE", o->help);
            return -1;
        }
        value = w->argv[w->at++];
    }
    if (dry)
        return 0;
    if (o == &cli_table_standard[1])
        m->help = 1;
    else if (o == &cli_table_standard[2])
        m->version = 1;
    else
        return set_value(o, value, err);
    return 0;
}

static int find_which(const struct cli_program *p, int argc, char *const *argv,
                      const struct cli_command **command, int *at, struct err *err)
{
    struct words w = {.argc = argc, .argv = argv, .at = 1};

    *at = -1;
    *command = NULL;
    if (cli_table_is_only(p->commands)) {
        *command = p->commands;
        return 0;
    }
    while (w.at < argc) {
        const char *word = argv[w.at];

        if (strcmp(word, "--") == 0) {
            w.at++;
            break;
        }
        if (!is_option(word))
            break;
        if (take_option(p, NULL, &w, 1, NULL, err) != 0)
            return -1;
    }
    if (w.at >= argc)
        return 0;
    if ((*command = cli_table_command(p, argv[w.at])) == NULL)
        return unknown_command(p, argv[w.at], err);
    *at = w.at;
    return 0;
}

static int check_count(const struct cli_program *p, const struct cli_command *c,
                       const struct cli_match *m, struct err *err)
{
    const char *space = c->name != NULL ? " " : "";
    const char *sub = c->name != NULL ? c->name : "";

    if (m->argc < c->min_args) {
        (void)err_set(err, ERR_USAGE, "%s%s%s needs %s", p->name, space, sub,
                      c->arguments != NULL ? c->arguments : "an argument");
        err_hint(err, "see \"%s%s%s --help\"", p->name, space, sub);
        return -1;
    }
    if (c->max_args >= 0 && m->argc > c->max_args) {
        (void)err_set(err, ERR_USAGE, "%s%s%s does not take the argument \"%s\"", p->name, space,
                      sub, m->argv[c->max_args]);
        err_hint(err, "see \"%s%s%s --help\"", p->name, space, sub);
        return -1;
    }
    return 0;
}

int cli_parse(const struct cli_program *program, int argc, char *const *argv, struct cli_match *m,
              struct err *err)
{
    struct words w = {.argc = argc, .argv = argv, .at = 1};
    const struct cli_command *command;
    int ended = 0, at;

    memset(m, 0, sizeof(*m));
    if (find_which(program, argc, argv, &command, &at, err) != 0)
        return -1;
    if ((m->argv = calloc((size_t)argc + 1, sizeof(*m->argv))) == NULL)
        return err_oom(err);
    while (w.at < argc) {
        const char *word = argv[w.at];

        if (w.at == at) {
            w.at++;
        } else if (!ended && strcmp(word, "--") == 0) {
            ended = 1;
            w.at++;
        } else if (!ended && is_option(word)) {
            if (take_option(program, command, &w, 0, m, err) != 0)
                return -1;
        } else {
            m->argv[m->argc++] = word;
            w.at++;
        }
    }
    m->command = command;
    if (m->help || m->version)
        return 0;
    if (command == NULL) {
        (void)err_set(err, ERR_USAGE, "no command was given");
        err_hint(err, "see \"%s --help\"", program->name);
        return -1;
    }
    return check_count(program, command, m, err);
}

void cli_match_free(struct cli_match *m)
{
    free(m->argv);
    memset(m, 0, sizeof(*m));
}

/* Rows, keys in the environment and the password stand in our memory: no core dump holds them, and
 * no other process of this account reads them from /proc.  (The leak checker needs ptrace.) */
static void keep_private(void)
{
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#else
    struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
#endif
}

/* A standard stream that the caller closed would be the next file that is opened: a report would land
 * in the log, in a backup or in the server's socket.  Writing to standard output then fails, as it
 * would have; nobody reads standard error. */
static int keep_standard(struct err *err)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd) /* lowest first */
            return err_set_errno(err, ERR_FAILED, "cannot open \"/dev/null\"");
    return 0;
}

int cli_main(const struct cli_program *program, struct cli_common *common, int argc,
             char *const *argv, void *context)
{
    struct cli_match m;
    struct err err = {0};
    int rc = -1;

    keep_private();
    log_init(program->name, LOG_INFO);
    if (common != NULL) {
        common->argc = argc;
        common->argv = argv;
    }
    memset(&m, 0, sizeof(m));
    if (keep_standard(&err) != 0 || cli_parse(program, argc, argv, &m, &err) != 0)
        goto out;
    if (m.version) {
        (void)fprintf(stdout, "%s (mig) %s\n", program->name, MIG_VERSION);
        rc = 0;
    } else if (m.help) {
        help_print(program, m.command, stdout);
        rc = 0;
    } else if (m.command != NULL) { /* always, without one of the two */
        if (common != NULL)
            log_init(program->name, common->quiet     ? LOG_ERROR
                                    : common->verbose ? LOG_DEBUG
                                                      : LOG_INFO);
        interrupt_install();
        rc = m.command->run(m.argc, m.argv, context, &err);
    }
    /* A full disk or a closed pipe under standard output: the result did not arrive. */
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        rc = err_set_errno(&err, ERR_FAILED, "cannot write to standard output");
out:
    if (rc == -1) {
        if (err.kind == ERR_NONE)
            (void)err_set(&err, ERR_FAILED, "failed without saying why");
        (void)fflush(stdout);
        log_err(&err);
        rc = err_exit_code(&err);
    }
    cli_match_free(&m);
    if (common != NULL)
        cli_common_free(common);
    return rc;
}
