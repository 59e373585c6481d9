/*
 * mig-backup: options -> one call per sub-command -> the error -> the exit code.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup/archive.h"
#include "backup/cat.h"
#include "backup/create.h"
#include "backup/describe.h"
#include "backup/keygen.h"
#include "backup/keys.h"
#include "backup/keysource.h"
#include "backup/prune.h"
#include "backup/recover.h"
#include "backup/rekey.h"
#include "backup/shelf.h"
#include "backup/verify.h"
#include "backup/visit.h"
#include "core/audit.h"
#include "core/cli.h"
#include "core/report.h"
#include "core/strings.h"
#include "pg/conn.h"

/* What the command line said. */
struct options {
    struct cli_common common;
    struct keygen_options keygen;
    const char *table; /* cat */
    int objects;
    const char *head; /* log verify */
    struct create_options create;
    struct recover_options restore;
    struct prune_options prune;
    struct cli_list prune_names, remove;
    const char *output; /* reencrypt */
    int against_db;     /* verify */
};
static struct options opt;

static const char *const text_or_json[] = {"text", "json", NULL};

static int run_keygen(int argc, const char *const *argv, void *context, struct err *err)
{
    (void)argc;
    (void)argv;
    (void)context;
    opt.keygen.passphrase_file = opt.common.passphrase_file;
    return keygen_run(&opt.keygen, stdout, stderr, err);
}

static int list(struct visit *v, struct report *report, void *context, struct err *err)
{
    struct shelf *shelf = shelf_read(v->dir, v->keys, err);
    time_t now = time(NULL);
    int rc = -1;

    (void)context;
    if (shelf == NULL)
        return -1;
    for (size_t i = 0; i < report->count; i++) {
        if (report->outputs[i].format == 0)
            shelf_print(shelf, v->dir, now, report->outputs[i].out);
        else if (shelf_print_json(shelf, v->dir, now, report->outputs[i].out, err) != 0)
            goto out;
    }
    rc = 0;
out:
    shelf_free(shelf);
    return rc;
}

static int run_list(int argc, const char *const *argv, void *context, struct err *err)
{
    const struct visit_task task = {.forms = text_or_json, .keys = keyring_load_public, .work = list};

    (void)argc;
    (void)argv;
    return visit_run(&opt.common, &task, context, err);
}

static int show(struct visit *v, struct report *report, void *context, struct err *err)
{
    struct err closed = {0};
    struct archive_reader *a = describe_open(v->path, v->keys, &closed, err);
    int rc = -1;

    (void)context;
    if (a == NULL)
        return -1;
    for (size_t i = 0; i < report->count; i++)
        if ((report->outputs[i].format == 0
                 ? describe_print(a, v->path, &closed, report->outputs[i].out, err)
                 : describe_print_json(a, v->path, report->outputs[i].out, err)) != 0)
            goto out;
    rc = 0;
out:
    archive_reader_free(a);
    return rc;
}

static int run_show(int argc, const char *const *argv, void *context, struct err *err)
{
    const struct visit_task task = {.forms = text_or_json, .file = argv[0], .work = show};

    (void)argc;
    return visit_run(&opt.common, &task, context, err);
}

static int verify(struct visit *v, struct report *report, void *context, struct err *err)
{
    const char *const *argv = context;
    struct conn_options address = conn_options_of(&opt.common, "mig-backup");
    struct conn *conn = NULL;
    char **paths = NULL;
    int rc = -1;

    for (int i = 0; argv[i] != NULL; i++) {
        char *path = visit_find(v, argv[i], err);

        if (path == NULL || strings_add(&paths, path, err) != 0) {
            free(path);
            goto out;
        }
        free(path);
    }
    if (opt.against_db && (keyring_can_read(v->keys, err) != 0 || (conn = conn_open(&address, CONN_OWN, err)) == NULL))
        goto out;
    rc = verify_report((const char *const *)paths, v->keys, conn, opt.common.show_values ? 20 : 0,
                       opt.common.jobs, report, err);
    /* Differences from the database are a finding, and are told all the same. */
    if (rc != 0 && (err->kind == ERR_FINDING || err->kind == ERR_BACKUP))
        rc = VISIT_FOUND;
out:
    conn_free(conn);
    strings_free(paths);
    return rc;
}

static int run_verify(int argc, const char *const *argv, void *context, struct err *err)
{
    const struct visit_task task = {.forms = text_or_json, .work = verify};

    (void)argc;
    (void)context;
    return visit_run(&opt.common, &task, (void *)(uintptr_t)argv, err);
}

static int cat(struct visit *v, struct report *report, void *context, struct err *err)
{
    struct archive_reader *a = archive_open(v->path, v->keys, err);
    int rc = -1;

    (void)context;
    if (a == NULL)
        return -1;
    for (size_t i = 0; i < report->count; i++)
        if (cat_table(a, opt.table,
                      report->outputs[i].format == 1 ? CAT_CSV
                      : opt.objects                  ? CAT_OBJECTS
                                                     : CAT_ROWS,
                      report->outputs[i].out, err) != 0)
            goto out;
    rc = 0;
out:
    archive_reader_free(a);
    return rc;
}

static int run_cat(int argc, const char *const *argv, void *context, struct err *err)
{
    static const char *const forms[] = {"json", "csv", NULL};
    const struct visit_task task = {.operation = "backup cat", .forms = forms, .file = argv[0], .work = cat};

    (void)argc;
    return visit_run(&opt.common, &task, context, err);
}

static int prune(struct visit *v, struct report *report, void *context, struct err *err)
{
    struct prune_options o = opt.prune;
    struct prune_result r = {0};
    int rc = -1;

    (void)context;
    prune_defaults(&o, v->config);
    o.dir = v->dir;
    o.state_dir = v->state;
    o.keys = v->keys;
    o.names = &opt.prune_names;
    o.now = time(NULL);
    if (prune_run(&o, &r, err) != 0)
        goto out;
    audit_add(v->audit, "removed", json_integer((json_int_t)r.removed));
    for (size_t i = 0; i < report->count; i++) {
        if (report->outputs[i].format == 0)
            prune_print(&r, o.dry_run, report->outputs[i].out);
        else if (prune_print_json(&r, o.dry_run, report->outputs[i].out, err) != 0)
            goto out;
    }
    rc = 0;
out:
    prune_result_free(&r);
    return rc;
}

static int run_prune(int argc, const char *const *argv, void *context, struct err *err)
{
    const struct visit_task task = {.operation = opt.prune.dry_run ? "backup prune --dry-run" : "backup prune",
                                    .forms = text_or_json,
                                    .keys = keyring_load_public,
                                    .work = prune};
    int rc;

    (void)argc;
    (void)argv;
    rc = visit_run(&opt.common, &task, context, err);
    cli_list_free(&opt.prune_names);
    return rc;
}

static int rekey(struct visit *v, struct report *report, void *context, struct err *err)
{
    struct rekey_options o = {.keys = v->keys, .add = &opt.common.recipient, .remove = &opt.remove};
    struct rekey_result r;

    (void)context;
    if (rekey_file(v->path, &o, &r, err) != 0)
        return -1;
    for (size_t i = 0; i < report->count; i++) {
        if (report->outputs[i].format == 0)
            rekey_print(v->path, &r, report->outputs[i].out);
        else if (rekey_print_json(v->path, &r, report->outputs[i].out, err) != 0)
            return -1;
    }
    return 0;
}

static int run_rekey(int argc, const char *const *argv, void *context, struct err *err)
{
    const struct visit_task task = {
        .operation = "backup rekey", .forms = text_or_json, .file = argv[0], .work = rekey};
    int rc;

    (void)argc;
    rc = visit_run(&opt.common, &task, context, err);
    cli_list_free(&opt.remove);
    return rc;
}

static int reencrypt(struct visit *v, struct report *report, void *context, struct err *err)
{
    struct reencrypt_result r = {0};
    int rc = -1;

    (void)context;
    if (reencrypt_file(v->path, opt.output, v->keys, &r, err) != 0)
        goto out;
    audit_add(v->audit, "backup", json_string(r.file));
    for (size_t i = 0; i < report->count; i++) {
        if (report->outputs[i].format == 0)
            reencrypt_print(v->path, &r, report->outputs[i].out);
        else if (reencrypt_print_json(v->path, &r, report->outputs[i].out, err) != 0)
            goto out;
    }
    rc = 0;
out:
    free(r.file);
    return rc;
}

static int run_reencrypt(int argc, const char *const *argv, void *context, struct err *err)
{
    const struct visit_task task = {
        .operation = "backup reencrypt", .forms = text_or_json, .file = argv[0], .work = reencrypt};

    (void)argc;
    return visit_run(&opt.common, &task, context, err);
}

static int run_log(int argc, const char *const *argv, void *context, struct err *err)
{
    struct audit_report r;
    char lines[32];

    (void)argc;
    (void)context;
    if (strcmp(argv[0], "verify") != 0) {
        err_set(err, ERR_USAGE, "unknown word \"%s\" after log", argv[0]);
        err_hint(err, "mig-backup log verify FILE [--head H]");
        return -1;
    }
    if (audit_verify(argv[1], opt.head, &r, err) != 0)
        return -1;
    printf("%s: good\n  %s lines, head %s\n", argv[1], report_count(r.lines, lines), r.head);
    if (r.cut)
        printf("  note: the last line is incomplete: a run was killed while it wrote it\n");
    return 0;
}

static int run_create(int argc, const char *const *argv, void *context, struct err *err)
{
    int rc;

    (void)argc;
    (void)argv;
    (void)context;
    opt.create.common = &opt.common;
    rc = create_run(&opt.create, err);
    cli_list_free(&opt.create.sql);
    cli_list_free(&opt.create.tables);
    cli_list_free(&opt.create.exclude);
    return rc;
}

static int run_restore(int argc, const char *const *argv, void *context, struct err *err)
{
    int rc;

    (void)argc;
    (void)context;
    opt.restore.common = &opt.common;
    opt.restore.file = argv[0];
    rc = recover_run(&opt.restore, err);
    cli_list_free(&opt.restore.tables);
    return rc;
}

static const char *const scopes[] = {"default", "tables", "loss", NULL};
static const char *const restore_modes[] = {"default", "empty", "missing", "merge", "replace", "columns", NULL};
static const char *const conflicts[] = {"fail", "keep", "overwrite", NULL};
static const char *const verifications[] = {"quick", "full", NULL};

static const struct cli_option create_options[] = {
    {.name = "", .help = "What to save (default: what the upgrade to the heads would touch):"},
    {"for-downgrade", 0, CLI_STRING, &opt.create.downgrade, "REV", "what the downgrade to REV would destroy or change", NULL, 0, 0},
    {"for-upgrade", 0, CLI_STRING, &opt.create.upgrade, "REV", "what the upgrade to REV would destroy or change", NULL, 0, 0},
    {"for-sql", 0, CLI_LIST, &opt.create.sql, "FILE|-", "what another tool's script would destroy or change", NULL, 0, 0},
    {"table", 't', CLI_LIST, &opt.create.tables, "PATTERN", "tables by name; psql's patterns", NULL, 0, 0},
    {"all", 0, CLI_FLAG, &opt.create.all, NULL, "every table", NULL, 0, 0},
    {"exclude", 0, CLI_LIST, &opt.create.exclude, "PATTERN", "but not these", NULL, 0, 0},
    {"scope", 0, CLI_CHOICE, &opt.create.scope, "SCOPE", "tables: the affected tables whole; loss: only what would be destroyed", scopes, 0, 0},
    {"allow-opaque", 0, CLI_FLAG, &opt.create.allow_opaque, NULL, "save what can be seen of a script with DO, CALL or functions", NULL, 0, 0},
    {"current", 0, CLI_STRING, &opt.create.current, "REV,...", "plan from these version rows, not the database's", NULL, 0, 0},
    {"current-from", 0, CLI_STRING, &opt.create.current_from, "DIR", "plan from the heads of another checkout", NULL, 0, 0},
    {.name = "", .help = "Where to and how:"},
    {"output", 'o', CLI_STRING, &opt.create.output, "FILE|-", "this file, not a name on the shelf", NULL, 0, 0},
    {"name", 0, CLI_STRING, &opt.create.name, "NAME", "a name for people, in the clear", NULL, 0, 0},
    {"receipt", 0, CLI_STRING, &opt.create.receipt, "FILE", "write the signed receipt there", NULL, 0, 0},
    {"require-ddl", 0, CLI_FLAG, &opt.create.require_ddl, NULL, "fail where pg_dump cannot give the DDL", NULL, 0, 0},
    {"no-ddl", 0, CLI_FLAG, &opt.create.no_ddl, NULL, "leave the DDL out", NULL, 0, 0},
    {"lock-timeout", 0, CLI_DURATION, &opt.create.lock_timeout_ms, "DURATION", "longest wait for a table (default 2s)", NULL, 0, 0},
    {.name = NULL},
};

static const struct cli_option restore_options[] = {
    {.name = "", .help = "What to put back (default: every table of the file):"},
    {"table", 't', CLI_LIST, &opt.restore.tables, "TABLE[:COLUMN,...]", "this table, or these columns of it", NULL, 0, 0},
    {"mode", 0, CLI_CHOICE, &opt.restore.mode, "MODE", "empty (default): refuse a table with rows; missing: rows whose key is absent; merge: also rows that differ; replace: the table as it was; columns: values by key", restore_modes, 0, 0},
    {"on-conflict", 0, CLI_CHOICE, &opt.restore.on_conflict, "WHAT", "rows with other values by now: fail (default), keep or overwrite them", conflicts, 0, 0},
    {"where", 0, CLI_STRING, &opt.restore.where, "SQL", "only saved rows for which this holds", NULL, 0, 0},
    {"into", 0, CLI_STRING, &opt.restore.into, "SCHEMA", "into tables of the same names in this schema", NULL, 0, 0},
    {"create", 0, CLI_FLAG, &opt.restore.create, NULL, "make missing tables again", NULL, 0, 0},
    {.name = "", .help = "How:"},
    {"dry-run", 'n', CLI_FLAG, &opt.restore.dry_run, NULL, "restore, compare, roll back", NULL, 0, 0},
    {"verify", 0, CLI_CHOICE, &opt.restore.verify_full, "HOW", "quick (default): what was sent; full: read the tables again", verifications, 0, 0},
    {"from-env", 0, CLI_STRING, &opt.restore.from_env, "NAME", "the backup is from this other environment, and that is meant", NULL, 0, 0},
    {"no-safety-copy", 0, CLI_FLAG, &opt.restore.no_safety_copy, NULL, "do not save first the rows that will change", NULL, 0, 0},
    {.name = NULL},
};

static const struct cli_option keygen_options[] = {
    {"output", 'o', CLI_STRING, &opt.keygen.path, "FILE|-", "where the key goes (default ~/.config/mig/key; never overwritten)", NULL, 0, 0},
    {"protect", 0, CLI_FLAG, &opt.keygen.protect, NULL, "protect it by a passphrase (typed, or --passphrase-file)", NULL, 0, 0},
    {"sign-only", 0, CLI_FLAG, &opt.keygen.sign_only, NULL, "a key that signs backups and cannot read them", NULL, 0, 0},
    {"passphrase-file", 0, CLI_STRING, &opt.common.passphrase_file, "FILE", "the passphrase, with --protect", NULL, 0, 0},
    {"quiet", 'q', CLI_FLAG, &opt.common.quiet, NULL, "errors only", NULL, 0, 0},
    {"verbose", 'v', CLI_FLAG, &opt.common.verbose, NULL, "say more", NULL, 0, 0},
    {.name = NULL},
};

static const struct cli_option verify_options[] = {
    {"against-db", 0, CLI_FLAG, &opt.against_db, NULL, "compare with the database too: rows gone, added and changed since, by table (--show-values: some keys)", NULL, 0, 0},
    {.name = NULL},
};

static const struct cli_option cat_options[] = {
    {"table", 't', CLI_STRING, &opt.table, "TABLE", "which table (needed where there are several)", NULL, 0, 0},
    {"objects", 0, CLI_FLAG, &opt.objects, NULL, "each row an object, for jq", NULL, 0, 0},
    {.name = NULL},
};

static const struct cli_option prune_options[] = {
    {"keep-last", 0, CLI_INT, &opt.prune.last, "N", "keep the newest N of each database", NULL, 0, 1000000},
    {"keep-within", 0, CLI_DURATION, &opt.prune.within_ms, "DURATION", "keep all that are younger", NULL, 0, 0},
    {"keep-daily", 0, CLI_INT, &opt.prune.daily, "N", "keep the newest of each of the last N days that have one", NULL, 0, 1000000},
    {"keep-weekly", 0, CLI_INT, &opt.prune.weekly, "N", "likewise, weeks", NULL, 0, 1000000},
    {"keep-monthly", 0, CLI_INT, &opt.prune.monthly, "N", "likewise, months", NULL, 0, 1000000},
    {"keep-yearly", 0, CLI_INT, &opt.prune.yearly, "N", "likewise, years", NULL, 0, 1000000},
    {"keep-name", 0, CLI_LIST, &opt.prune_names, "PATTERN", "keep those whose name, or file's name, matches (as a shell matches)", NULL, 0, 0},
    {"max-age", 0, CLI_DURATION, &opt.prune.max_age_ms, "DURATION", "remove all that are older, whatever else says keep", NULL, 0, 0},
    {"dry-run", 'n', CLI_FLAG, &opt.prune.dry_run, NULL, "only say what would be removed", NULL, 0, 0},
    {.name = NULL},
};

static const struct cli_option rekey_options[] = {
    {"remove", 0, CLI_LIST, &opt.remove, "PUB", "who shall no longer read it: mig-pub-..., or passphrase", NULL, 0, 0},
    {.name = NULL},
};

static const struct cli_option reencrypt_options[] = {
    {"output", 'o', CLI_STRING, &opt.output, "FILE", "the new file (default: a name beside the old one)", NULL, 0, 0},
    {.name = NULL},
};

static const struct cli_option log_options[] = {
    {"head", 0, CLI_STRING, &opt.head, "HASH", "the head that a result printed: it must be in the chain", NULL, 0, 0},
    {.name = NULL},
};

int main(int argc, char **argv)
{
    const struct cli_option *none[] = {NULL};
    const struct cli_option *file_tables[] = {cli_key_options(&opt.common), cli_house_options(&opt.common),
                                              cli_connection_options(&opt.common), NULL};
    const struct cli_option *create_tables[] = {cli_connection_options(&opt.common), cli_alembic_options(&opt.common),
                                                cli_key_options(&opt.common), cli_house_options(&opt.common), NULL};
    const struct cli_option *restore_tables[] = {cli_connection_options(&opt.common), cli_key_options(&opt.common),
                                                 cli_confirm_options(&opt.common), cli_house_options(&opt.common), NULL};
    const struct cli_command commands[] = {
        {"create", "", "save tables into one encrypted, signed file", 0, 0, create_options, run_create, create_tables},
        {"restore", "FILE", "put rows back, all or nothing", 1, 1, restore_options, run_restore, restore_tables},
        {"list", "", "what stands on the shelf, newest first", 0, 0, NULL, run_list, NULL},
        {"show", "FILE", "what is in a backup", 1, 1, NULL, run_show, NULL},
        {"verify", "FILE...", "is it whole, authentic, and what it says", 1, -1, verify_options, run_verify, NULL},
        {"cat", "FILE", "the rows of one table, to standard output", 1, 1, cat_options, run_cat, NULL},
        {"prune", "", "remove old backups by rules", 0, 0, prune_options, run_prune, NULL},
        {"rekey", "FILE", "change who can read a backup", 1, 1, rekey_options, run_rekey, NULL},
        {"reencrypt", "FILE", "the same backup anew, under a new data key", 1, 1, reencrypt_options, run_reencrypt, NULL},
        {"keygen", "", "make a key", 0, 0, keygen_options, run_keygen, none},
        {"log", "verify FILE", "is the operation log's chain unbroken", 2, 2, log_options, run_log, none},
        {.name = NULL},
    };
    const struct cli_program program = {
        "mig-backup",
        "Snapshots of the tables that a migration would touch: compressed, encrypted, signed, and put back.",
        commands, file_tables};

    return cli_main(&program, &opt.common, argc, argv, NULL);
}
