#include "core/help.h"

#include <string.h>

#include "core/cli_table.h"

enum { WIDTH = 80, USAGE_INDENT = 7, HELP_COLUMN = 30 };

struct line {
    FILE *out;
    int column, indent;
};

static void put_word(struct line *l, const char *word)
{
    int len = (int)strlen(word);

    if (l->column + 1 + len > WIDTH) {
        fprintf(l->out, "\n%*s", l->indent, "");
        l->column = l->indent;
    } else {
        fputc(' ', l->out);
        l->column++;
    }
    fputs(word, l->out);
    l->column += len;
}

static void choices_text(const struct cli_option *o, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; o->choices[i] != NULL && used < size - 1; i++) {
        int k = snprintf(text + used, size - used, "%s%s", i > 0 ? "|" : "", o->choices[i]);

        used += k > 0 ? (size_t)k : 0;
    }
}

static const char *argument_of(const struct cli_option *o, char *text, size_t size)
{
    if (o->type == CLI_FLAG)
        return NULL;
    if (o->arg != NULL)
        return o->arg;
    if (o->type == CLI_CHOICE) {
        choices_text(o, text, size);
        return text;
    }
    return "VALUE";
}

static void usage(const struct cli_program *p, const struct cli_command *c, int first, FILE *out)
{
    struct line l = {.out = out, .indent = USAGE_INDENT + 4};
    char word[256], choices[160];

    l.column = fprintf(out, "%s%s", first ? "usage: " : "       ", p->name);
    if (c->name != NULL)
        put_word(&l, c->name);
    for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++) {
        const char *arg = argument_of(o, choices, sizeof(choices));

        if (o->name[0] == '\0')
            continue;
        if (o->letter != '\0')
            (void)snprintf(word, sizeof(word), "[-%c|--%s%s%s]%s", o->letter, o->name,
                           arg != NULL ? " " : "", arg != NULL ? arg : "",
                           o->type == CLI_LIST ? "..." : "");
        else
            (void)snprintf(word, sizeof(word), "[--%s%s%s]%s", o->name, arg != NULL ? " " : "",
                           arg != NULL ? arg : "", o->type == CLI_LIST ? "..." : "");
        put_word(&l, word);
    }
    put_word(&l, "[OPTION]...");
    if (c->arguments != NULL && c->arguments[0] != '\0')
        put_word(&l, c->arguments);
    fputc('\n', out);
}

/* TEXT from column FROM on, wrapped. */
static void wrapped(const char *text, int from, int column, FILE *out)
{
    const char *at = text;

    while (*at != '\0') {
        size_t len = strcspn(at, " ");

        if (column > from && column + 1 + (int)len > WIDTH) {
            fprintf(out, "\n%*s", from, "");
            column = from;
        } else if (at != text) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)len, at);
        column += (int)len;
        at += len;
        while (*at == ' ')
            at++;
    }
    fputc('\n', out);
}

static void options(const struct cli_option *table, const char *heading, FILE *out)
{
    if (table == NULL || table->name == NULL)
        return;
    fputc('\n', out);
    if (table->name[0] != '\0')
        fprintf(out, "%s\n", heading);
    for (const struct cli_option *o = table; o->name != NULL; o++) {
        char choices[160];
        const char *arg;
        int column;

        if (o->name[0] == '\0') {
            fprintf(out, "%s%s\n", o != table ? "\n" : "", o->help);
            continue;
        }
        arg = argument_of(o, choices, sizeof(choices));
        column = o->letter != '\0' ? fprintf(out, "  -%c, --%s", o->letter, o->name)
                                   : fprintf(out, "      --%s", o->name);
        if (arg != NULL)
            column += fprintf(out, " %s", arg);
        if (column + 2 > HELP_COLUMN) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%*s", HELP_COLUMN - column, "");
        wrapped(o->help, HELP_COLUMN, HELP_COLUMN, out);
    }
}

void help_print(const struct cli_program *program, const struct cli_command *command, FILE *out)
{
    if (cli_table_is_only(program->commands))
        command = program->commands;
    if (command != NULL) {
        usage(program, command, 1, out);
        fputc('\n', out);
        wrapped(command->summary != NULL ? command->summary : program->summary, 0, 0, out);
        options(command->options, "Options:", out);
    } else {
        for (const struct cli_command *c = program->commands; !cli_table_is_end(c); c++)
            usage(program, c, c == program->commands, out);
        fputc('\n', out);
        wrapped(program->summary, 0, 0, out);
        fputs("\nCommands:\n", out);
        for (const struct cli_command *c = program->commands; !cli_table_is_end(c); c++) {
            int column = fprintf(out, "  %s", c->name);

            fprintf(out, "%*s", column < 16 ? 16 - column : 1, "");
            wrapped(c->summary, 16, 16, out);
        }
        fprintf(out, "\n\"%s COMMAND --help\" shows a command's own options.\n", program->name);
    }
    for (const struct cli_option *const *t = cli_table_common(program, command); t != NULL && *t != NULL;
         t++)
        options(*t, "Common options:", out);
    options(cli_table_standard, "", out);
}
