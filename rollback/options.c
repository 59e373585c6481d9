#include "rollback/options.h"

#include <stdlib.h>
#include <string.h>

#include "core/config.h"

static const char *const backups[] = {"locked", "before", "none", NULL};
static const char *const scopes[] = {"tables", "loss", NULL};
static const char *const conflicts[] = {"fail", "keep", "overwrite", NULL};
static const char *const verifies[] = {"quick", "full", NULL};

void options_init(struct options *o)
{
    *o = (struct options){.backup = -1, .scope = -1, .verify = -1, .on_conflict = -1, .max_block = -1,
                          .lock_deadline = -1, .lock_timeout = -1, .statement_timeout = -1};
}

void options_free(struct options *o)
{
    cli_list_free(&o->sql);
    cli_list_free(&o->undo_sql);
    cli_list_free(&o->version_before);
    cli_list_free(&o->version_after);
    cli_list_free(&o->force);
    cli_list_free(&o->smoke);
}

const struct cli_option *options_table(struct options *o, int command)
{
    const struct {
        int commands;
        struct cli_option option;
    } all[] = {
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"sql", 0, CLI_LIST, &o->sql, "FILE", "another tool's script instead of a revision", NULL, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"undo-sql", 0, CLI_LIST, &o->undo_sql, "FILE",
          "with --sql: the script that goes forward again, for undo", NULL, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"version-column", 0, CLI_STRING, &o->version_column, "NAME",
          "with --sql: the column of --version-table that holds the version", NULL, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"version-before", 0, CLI_LIST, &o->version_before, "VALUE",
          "with --sql: what it must hold before; again for each further row", NULL, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"version-after", 0, CLI_LIST, &o->version_after, "VALUE",
          "with --sql: what the script must leave there (the same as before)", NULL, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"to-backup", 0, CLI_STRING, &o->to_backup, "FILE",
          "back to the version rows that a pre-deploy backup recorded, and the values that the upgrade destroyed",
          NULL, 0, 0}},
        {OPTIONS_PLAN,
         {"save", 0, CLI_STRING, &o->save, "FILE", "save the plan for run --plan FILE", NULL, 0, 0}},
        {OPTIONS_PLAN,
         {"current", 0, CLI_STRING, &o->current, "REV,...", "plan from these version rows", NULL, 0, 0}},
        {OPTIONS_PLAN,
         {"current-from", 0, CLI_STRING, &o->current_from, "DIR",
          "plan from the heads of another checkout", NULL, 0, 0}},
        {OPTIONS_PLAN,
         {"no-sql", 0, CLI_FLAG, &o->no_sql, NULL,
          "from the revision files alone: no database, no Python", NULL, 0, 0}},
        {OPTIONS_RUN,
         {"on-conflict", 0, CLI_CHOICE, &o->on_conflict, NULL,
          "--to-backup: rows that others changed since the upgrade", conflicts, 0, 0}},
        {OPTIONS_RUN,
         {"plan", 0, CLI_STRING, &o->plan, "DIGEST|FILE",
          "refuse unless the plan is this one; or run the one that was saved", NULL, 0, 0}},
        {OPTIONS_RESUME,
         {"back", 0, CLI_FLAG, &o->back, NULL, "back to where the run began, instead of on", NULL, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"backup", 0, CLI_CHOICE, &o->backup, NULL, "when the backup is taken", backups, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"no-backup", 0, CLI_STRING, &o->no_backup, "REASON", "go without a backup", NULL, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"scope", 0, CLI_CHOICE, &o->scope, NULL, "what the backup holds", scopes, 0, 0}},
        {OPTIONS_RUN,
         {"verify", 0, CLI_CHOICE, &o->verify, NULL, "how much is compared before COMMIT", verifies, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"max-block", 0, CLI_DURATION, &o->max_block, "D",
          "refuse if writers would wait longer (30s)", NULL, 0, 0}},
        {OPTIONS_RUN | OPTIONS_UNDO | OPTIONS_RESUME,
         {"lock-timeout", 0, CLI_DURATION, &o->lock_timeout, "D",
          "one attempt to get the locks (2s)", NULL, 0, 0}},
        {OPTIONS_RUN | OPTIONS_UNDO | OPTIONS_RESUME,
         {"lock-deadline", 0, CLI_DURATION, &o->lock_deadline, "D",
          "all attempts to get the locks (60s)", NULL, 0, 0}},
        {OPTIONS_RUN,
         {"statement-timeout", 0, CLI_DURATION, &o->statement_timeout, "D",
          "each statement of the script", NULL, 0, 0}},
        {OPTIONS_RUN | OPTIONS_UNDO | OPTIONS_RESUME,
         {"cancel-blockers", 0, CLI_FLAG, &o->cancel, NULL,
          "cancel the queries of who is in the way", NULL, 0, 0}},
        {OPTIONS_RUN | OPTIONS_UNDO | OPTIONS_RESUME,
         {"terminate-blockers", 0, CLI_FLAG, &o->terminate, NULL,
          "end the sessions of who is in the way", NULL, 0, 0}},
        {OPTIONS_RUN | OPTIONS_UNDO | OPTIONS_RESUME,
         {"smoke", 0, CLI_LIST, &o->smoke, "FILE", "SQL whose rows, if any, are failures", NULL, 0, 0}},
        {OPTIONS_RUN,
         {"smoke-command", 0, CLI_STRING, &o->smoke_command, "COMMAND", "run after COMMIT", NULL, 0, 0}},
        {OPTIONS_PLAN | OPTIONS_RUN,
         {"force", 0, CLI_LIST, &o->force, "NAME,...",
          "go on in spite of these checks or hazards; needs --reason", NULL, 0, 0}},
        {OPTIONS_RUN | OPTIONS_UNDO,
         {"dry-run", 0, CLI_FLAG, &o->dry_run, NULL, "do everything, then roll it back", NULL, 0, 0}},
    };
    enum { COUNT = sizeof(all) / sizeof(all[0]) };
    static struct cli_option tables[OPTIONS_OF][COUNT + 1];
    struct cli_option *table = tables[command];
    size_t n = 0;

    for (size_t i = 0; i < COUNT; i++)
        if ((all[i].commands & command) != 0)
            table[n++] = all[i].option;
    table[n] = (struct cli_option){.name = NULL};
    return table;
}

static int is_digest(const char *text)
{
    return text != NULL && text[0] != '\0' && text[strspn(text, "0123456789abcdef")] == '\0';
}

int options_plan_digest(const struct options *o)
{
    return is_digest(o->plan);
}

int options_plan_file(const struct options *o)
{
    return o->plan != NULL && !is_digest(o->plan);
}

int options_by_digest(const struct options *o)
{
    return is_digest(o->plan) && o->sql.count == 0 && o->to_backup == NULL;
}

static int not_whole(struct err *err)
{
    (void)err_set(err, ERR_USAGE, "the version rows of --sql are not said whole");
    err_hint(err, "--version-table [SCHEMA.]NAME, --version-column NAME (or rollback.version_table, rollback.version_column) and "
                  "--version-before VALUE go together");
    return -1;
}

static int version_flags(const struct options *o, struct err *err)
{
    if (o->version_column == NULL && o->version_before.count == 0 && o->version_after.count == 0)
        return 0;
    if (o->sql.count == 0)
        return err_set(err, ERR_USAGE, "--version-column, --version-before and --version-after belong to --sql");
    return o->version_before.count > 0 ? 0 : not_whole(err);
}

int options_where(const struct options *o, int revisions, struct err *err)
{
    int ways = (revisions > 0) + (o->sql.count > 0) + (o->to_backup != NULL) + options_plan_file(o);

    if (o->undo_sql.count > 0 && o->sql.count == 0)
        return err_set(err, ERR_USAGE, "--undo-sql belongs to --sql");
    if (version_flags(o, err) != 0)
        return -1;
    if (ways == 1 || (ways == 0 && options_by_digest(o)))
        return 0;
    if (ways > 1)
        return err_set(err, ERR_USAGE, "a revision, --sql, --to-backup and --plan FILE exclude each other");
    (void)err_set(err, ERR_USAGE, "where to is not said");
    err_hint(err, "a revision (-1, an id, base), --to-backup FILE, --sql FILE or --plan FILE");
    return -1;
}

static const char *or_config(const char *value, const struct config *c, const char *key)
{
    return value != NULL ? value : config_string(c, key);
}

static int64_t or_duration(int64_t value, const struct config *c, const char *key)
{
    return value >= 0 ? value : config_integer(c, key);
}

static int list_smoke(const struct options *o, const struct config *config, const char ***list, struct err *err)
{
    const struct cli_list *given = &o->smoke;
    size_t n = given->count > 0 ? given->count : config_count(config, "rollback.smoke");

    if ((*list = calloc(n + 1, sizeof(**list))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < n; i++)
        (*list)[i] = given->count > 0 ? given->items[i] : config_item(config, "rollback.smoke", i);
    return 0;
}

int options_request(struct options *o, const struct config *config, const struct keyring *keys, const char *revision,
                    struct rollback_request *r, const char ***list, struct err *err)
{
    struct cli_common *c = &o->common;
    struct plan_request *p = &r->plan;

    p->direction = o->sql.count > 0 ? PLAN_SQL : PLAN_DOWN;
    p->revision = revision;
    p->sql_files = o->sql.items;
    p->nsql_files = o->sql.count;
    p->undo_files = o->undo_sql.items;
    p->nundo_files = o->undo_sql.count;
    if (o->version_before.count > 0) {
        p->version_column = or_config(o->version_column, config, "rollback.version_column");
        p->version_table = or_config(c->version_table, config, "rollback.version_table");
        if (p->version_column == NULL || p->version_table == NULL)
            return not_whole(err);
    }
    p->version_before = o->version_before.items;
    p->nversion_before = o->version_before.count;
    p->version_after = o->version_after.items;
    p->nversion_after = o->version_after.count;
    p->current = o->current;
    p->current_from = o->current_from;
    plan_request_settle(p, c, config);
    r->common = c;
    r->config = config;
    r->keys = keys;
    r->digest = options_plan_digest(o) ? o->plan : NULL;
    r->backup = (enum rollback_backup)(o->backup >= 0 ? o->backup
                                                      : config_choice(config, "rollback.backup"));
    r->no_backup = o->no_backup;
    if (o->no_backup != NULL && o->backup < 0)
        r->backup = ROLLBACK_NONE;
    r->loss_scope = o->scope >= 0 ? o->scope : config_choice(config, "rollback.scope");
    r->verify_full = o->verify >= 0 ? o->verify : config_choice(config, "rollback.verify");
    r->max_block_ms = or_duration(o->max_block, config, "rollback.max_block");
    r->lock_deadline_ms = or_duration(o->lock_deadline, config, "rollback.lock_deadline");
    r->lock_timeout_ms = or_duration(o->lock_timeout, config, "rollback.lock_timeout");
    r->statement_timeout_ms = or_duration(o->statement_timeout, config, "rollback.statement_timeout");
    r->smoke_command = or_config(o->smoke_command, config, "rollback.smoke_command");
    r->on_conflict = o->on_conflict >= 0 ? o->on_conflict : 0;
    r->force = &o->force;
    r->cancel_blockers = o->cancel;
    r->terminate_blockers = o->terminate;
    r->dry_run = o->dry_run;
    if (r->backup == ROLLBACK_NONE && (r->no_backup == NULL || r->no_backup[0] == '\0')) {
        (void)err_set(err, ERR_USAGE, "to go without a backup needs a reason");
        err_hint(err, "--no-backup REASON");
        return -1;
    }
    if (r->backup != ROLLBACK_NONE && r->no_backup != NULL)
        return err_set(err, ERR_USAGE, "--no-backup contradicts --backup %s", backups[r->backup]);
    if (o->force.count > 0 && c->reason == NULL) {
        (void)err_set(err, ERR_USAGE, "--force needs a reason");
        err_hint(err, "add --reason TEXT: it is logged");
        return -1;
    }
    if (list_smoke(o, config, list, err) != 0)
        return -1;
    r->smoke = *list;
    return 0;
}
