/* mig-prodcheck: options, one call, the exit code. */
#include "core/cli.h"
#include "prodcheck/gate.h"

static int run(int argc, const char *const *argv, void *context, struct err *err)
{
    (void)argc;
    (void)argv;
    return gate_run(context, err);
}

int main(int argc, char **argv)
{
    static struct cli_common common;
    static struct gate_options o = {.common = &common};
    const struct cli_option own[] = {
        {.name = "", .help = "What is planned:"},
        {"for-downgrade", 0, CLI_STRING, &o.downgrade, "REV", "check what the downgrade to REV needs",
         NULL, 0, 0},
        {"for-upgrade", 0, CLI_STRING, &o.upgrade, "REV", "check what the upgrade to REV needs", NULL,
         0, 0},
        {"for-sql", 0, CLI_LIST, &o.sql, "FILE", "check what these scripts need", NULL, 0, 0},
        {"after", 0, CLI_FLAG, &o.after, NULL, "the check after a migration", NULL, 0, 0},
        {.name = "", .help = "Checks:"},
        {"only", 0, CLI_LIST, &o.only, "C,...", "these checks alone", NULL, 0, 0},
        {"skip", 0, CLI_LIST, &o.skip, "C,...", "all but these checks", NULL, 0, 0},
        {"list", 0, CLI_FLAG, &o.list, NULL, "list the checks and their limits", NULL, 0, 0},
        {"strict", 0, CLI_FLAG, &o.strict, NULL, "warnings are no-go", NULL, 0, 0},
        {"backup", 0, CLI_STRING, &o.backup, "FILE", "the backup, or its receipt, that must be fresh",
         NULL, 0, 0},
        {"verify-backup", 0, CLI_FLAG, &o.verify_backup, NULL, "read every row of that backup too", NULL, 0,
         0},
        {"baseline", 0, CLI_STRING, &o.baseline, "FILE",
         "write what is there now; where FILE exists, compare with it", NULL, 0, 0},
        {"wait", 0, CLI_DURATION, &o.wait_ms, "DURATION", "try again until go, for so long", NULL, 0,
         0},
        {"timeout", 0, CLI_DURATION, &o.timeout_ms, "DURATION",
         "longest wait for an answer of the server (default 10s)", NULL, 0, 0},
        {.name = NULL},
    };
    const struct cli_option *const tables[] = {cli_connection_options(&common),
                                               cli_alembic_options(&common),
                                               cli_key_options(&common),
                                               cli_house_options(&common), NULL};
    const struct cli_command commands[] = {
        {NULL, "", "is this database fit to be migrated right now", 0, 0, own, run, NULL},
        {.name = NULL},
    };
    const struct cli_program program = {
        "mig-prodcheck",
        "Go or no-go: is this production database fit to be migrated right now?  Exit 0 go, 1 no-go, "
        "3 could not be checked.",
        commands, tables};

    return cli_main(&program, &common, argc, argv, &o);
}
