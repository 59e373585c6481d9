/* cli_common: the flags that all four programs share. */
#include <string.h>

#include "core/cli.h"

const struct cli_option *cli_connection_options(struct cli_common *c)
{
    static struct cli_option table[9];
    const struct cli_option fill[] = {
        {.name = "", .help = "Connection:"},
        {"dbname", 'd', CLI_STRING, &c->dbname, "CONNINFO|URI", "database name, conninfo string, "
         "PostgreSQL URI or SQLAlchemy URL; else $MIG_DATABASE_URL, $DATABASE_URL, PG* variables, "
         "alembic.ini", NULL, 0, 0},
        {"host", 'h', CLI_STRING, &c->host, "HOST", "server's host or socket folder", NULL, 0, 0},
        {"port", 'p', CLI_STRING, &c->port, "PORT", "server's port", NULL, 0, 0},
        {"username", 'U', CLI_STRING, &c->user, "ROLE", "role to log in as", NULL, 0, 0},
        {"no-password", 'w', CLI_FLAG, &c->no_password, NULL, "never ask for a password", NULL, 0,
         0},
        {"password", 'W', CLI_FLAG, &c->ask_password, NULL, "ask for the password", NULL, 0, 0},
        {"role", 0, CLI_STRING, &c->role, "ROLE", "SET ROLE after logging in", NULL, 0, 0},
        {.name = NULL},
    };

    _Static_assert(sizeof(fill) == sizeof(table), "the table has room for its rows");
    memcpy(table, fill, sizeof(table));
    return table;
}

const struct cli_option *cli_alembic_options(struct cli_common *c)
{
    static struct cli_option table[7];
    const struct cli_option fill[] = {
        {.name = "", .help = "Alembic:"},
        {"alembic-config", 0, CLI_STRING, &c->alembic_config, "FILE", "alembic.ini (default "
         "$ALEMBIC_CONFIG, ./alembic.ini)", NULL, 0, 0},
        {"alembic-name", 0, CLI_STRING, &c->alembic_name, "SECTION", "section of alembic.ini "
         "(default alembic)", NULL, 0, 0},
        {"alembic-command", 0, CLI_STRING, &c->alembic_command, "COMMAND", "how to run alembic "
         "(\"docker compose run --rm -T app alembic\")", NULL, 0, 0},
        {"versions", 0, CLI_STRING, &c->versions, "DIR", "folder of the revision files", NULL, 0,
         0},
        {"version-table", 0, CLI_STRING, &c->version_table, "NAME", "version table, [schema.]name "
         "(default alembic_version)", NULL, 0, 0},
        {.name = NULL},
    };

    _Static_assert(sizeof(fill) == sizeof(table), "the table has room for its rows");
    memcpy(table, fill, sizeof(table));
    return table;
}

const struct cli_option *cli_house_options(struct cli_common *c)
{
    static struct cli_option table[12];
    const struct cli_option fill[] = {
        {.name = "", .help = "General:"},
        {"config", 'c', CLI_STRING, &c->config, "FILE", "configuration (default ./mig.json)", NULL,
         0, 0},
        {"env", 0, CLI_STRING, &c->env, "NAME", "environment of the configuration (default "
         "$MIG_ENV)", NULL, 0, 0},
        {"format", 0, CLI_LIST, &c->formats, "F[=FILE]", "form of the result, repeatable (default "
         "text)", NULL, 0, 0},
        {"jobs", 'j', CLI_INT, &c->jobs, "N", "parallel workers", NULL, 1, 64},
        {"log-file", 0, CLI_STRING, &c->log_file, "FILE", "operation log (default $MIG_LOG_FILE, "
         "else in the state folder)", NULL, 0, 0},
        {"state-dir", 0, CLI_STRING, &c->state_dir, "DIR", "state folder (default $MIG_STATE_DIR, "
         "else SHELF/.state)", NULL, 0, 0},
        {"reason", 0, CLI_STRING, &c->reason, "TEXT", "why, for the log and the backup's label",
         NULL, 0, 0},
        {"show-values", 0, CLI_FLAG, &c->show_values, NULL, "show literals in SQL", NULL, 0, 0},
        {"quiet", 'q', CLI_FLAG, &c->quiet, NULL, "errors only", NULL, 0, 0},
        {"verbose", 'v', CLI_FLAG, &c->verbose, NULL, "say more", NULL, 0, 0},
        {.name = NULL},
    };

    _Static_assert(sizeof(fill) == sizeof(table), "the table has room for its rows");
    memcpy(table, fill, sizeof(table));
    return table;
}

const struct cli_option *cli_key_options(struct cli_common *c)
{
    static struct cli_option table[8];
    const struct cli_option fill[] = {
        {.name = "", .help = "Keys and shelf:"},
        {"dir", 0, CLI_STRING, &c->dir, "DIR", "shelf of backups (default $MIG_BACKUP_DIR, "
         "./backups)", NULL, 0, 0},
        {"key", 0, CLI_LIST, &c->key, "FILE|-", "own key (default $MIG_KEY, $MIG_KEY_FILE, "
         "~/.config/mig)", NULL, 0, 0},
        {"key-command", 0, CLI_STRING, &c->key_command, "COMMAND", "command that prints the key",
         NULL, 0, 0},
        {"recipient", 0, CLI_LIST, &c->recipient, "PUB", "who may read the backup: mig-pub-..., or "
         "passphrase:FILE", NULL, 0, 0},
        {"trust", 0, CLI_LIST, &c->trust, "PUB", "further signer to accept", NULL, 0, 0},
        {"passphrase-file", 0, CLI_STRING, &c->passphrase_file, "FILE", "passphrase of a protected "
         "key", NULL, 0, 0},
        {.name = NULL},
    };

    _Static_assert(sizeof(fill) == sizeof(table), "the table has room for its rows");
    memcpy(table, fill, sizeof(table));
    return table;
}

const struct cli_option *cli_confirm_options(struct cli_common *c)
{
    static struct cli_option table[4];
    const struct cli_option fill[] = {
        {.name = "", .help = "Confirmation:"},
        {"yes", 'y', CLI_FLAG, &c->yes, NULL, "do not ask", NULL, 0, 0},
        {"confirm", 0, CLI_STRING, &c->confirm, "NAME", "with --yes: the name that would be typed",
         NULL, 0, 0},
        {.name = NULL},
    };

    _Static_assert(sizeof(fill) == sizeof(table), "the table has room for its rows");
    memcpy(table, fill, sizeof(table));
    return table;
}

void cli_common_free(struct cli_common *c)
{
    cli_list_free(&c->formats);
    cli_list_free(&c->key);
    cli_list_free(&c->trust);
    cli_list_free(&c->recipient);
}
