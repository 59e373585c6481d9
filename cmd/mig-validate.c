/* mig-validate: options, one call, the exit code. */
#include "core/cli.h"
#include "migration/plain.h"
#include "validate/hearing.h"
#include "validate/history.h"

static int run(struct hearing_options *o, enum plan_direction direction, const char *operation,
               struct err *err)
{
    o->direction = direction;
    o->operation = operation;
    return hearing_run(o, err);
}

static int run_to(int argc, const char *const *argv, void *context, struct err *err)
{
    struct hearing_options *o = context;

    (void)argc;
    o->revision = argv[0];
    return run(o, PLAN_TO, "validate to", err);
}

static int run_downgrade(int argc, const char *const *argv, void *context, struct err *err)
{
    struct hearing_options *o = context;

    (void)argc;
    o->revision = argv[0];
    return run(o, PLAN_DOWN, "validate downgrade", err);
}

static int run_upgrade(int argc, const char *const *argv, void *context, struct err *err)
{
    struct hearing_options *o = context;

    (void)argc;
    o->revision = argv[0];
    return run(o, PLAN_UP, "validate upgrade", err);
}

static int run_sql(int argc, const char *const *argv, void *context, struct err *err)
{
    struct hearing_options *o = context;

    o->sql_files = argv;
    o->nsql_files = (size_t)argc;
    return run(o, PLAN_SQL, "validate sql", err);
}

static int run_history(int argc, const char *const *argv, void *context, struct err *err)
{
    (void)argc;
    (void)argv;
    return history_report(context, err);
}

static int run_hazards(int argc, const char *const *argv, void *context, struct err *err)
{
    (void)argc;
    (void)argv;
    return hearing_hazards(context, err);
}

int main(int argc, char **argv)
{
    static struct cli_common common;
    static struct hearing_options o = {.common = &common, .fail_on = -1, .tool = -1};
    const struct cli_option own[] = {
        {.name = "", .help = "Judgement:"},
        {"fail-on", 0, CLI_CHOICE, &o.fail_on, "SEVERITY",
         "least severity that is unsafe: info, low, medium, high (default), critical", hearing_severities, 0, 0},
        {"tool", 0, CLI_CHOICE, &o.tool, "TOOL",
         "who runs the SQL files, and so what shares a transaction: auto (default: by the file), psql, "
         "single-transaction, flyway, golang-migrate, dbmate, goose, sql-migrate, sqitch",
         plain_tools, 0, 0},
        {"max-loss-rows", 0, CLI_STRING, &o.max_loss_rows, "N", "more lost rows are unsafe", NULL,
         0, 0},
        {"budget", 0, CLI_DURATION, &o.budget_ms, "TIME",
         "time for counting (default 10s); then statistics answer", NULL, 0, 0},
        {"offline", 0, CLI_FLAG, &o.offline, NULL, "no database: parse only, measure nothing", NULL,
         0, 0},
        {"current", 0, CLI_STRING, &o.current, "REV,...",
         "plan from these version rows instead of the database's", NULL, 0, 0},
        {"current-from", 0, CLI_STRING, &o.current_from, "DIR",
         "plan from the heads of another checkout", NULL, 0, 0},
        {"no-sql", 0, CLI_FLAG, &o.no_sql, NULL, "from the revision files alone", NULL, 0, 0},
        {"no-ignore", 0, CLI_FLAG, &o.no_ignore, NULL, "heed no mig:ignore and no exemption", NULL,
         0, 0},
        {"render", 0, CLI_FLAG, &o.render, NULL, "history: ask alembic for the SQL of every downgrade", NULL, 0,
         0},
        {"style", 0, CLI_FLAG, &o.style, NULL, "style advice too", NULL, 0, 0},
        {.name = NULL},
    };
    const struct cli_command commands[] = {
        {"to", "REV", "judge the way to REV, up or down", 1, 1, own, run_to, NULL},
        {"downgrade", "REV", "judge the downgrade to REV", 1, 1, own, run_downgrade, NULL},
        {"upgrade", "REV", "judge the upgrade to REV", 1, 1, own, run_upgrade, NULL},
        {"sql", "FILE...", "judge SQL files of any other tool, in order (- is standard input)", 1,
         -1, own, run_sql, NULL},
        {"history", "", "say what is wrong with the revision files, by file and line", 0, 0, own,
         run_history, NULL},
        {"hazards", "", "list what is looked for (text, json, markdown)", 0, 0, NULL, run_hazards,
         NULL},
        {.name = NULL},
    };
    const struct cli_option *const tables[] = {cli_connection_options(&common),
                                               cli_alembic_options(&common),
                                               cli_house_options(&common), NULL};
    const struct cli_program program = {
        "mig-validate",
        "Says what a migration would lose, lock, rewrite or break, counted on the live database.",
        commands, tables};

    return cli_main(&program, &common, argc, argv, &o);
}
