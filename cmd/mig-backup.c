/*
 * mig-backup: options -> one call per sub-command -> the error -> the exit code.
 */
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
#include "core/audit.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/log.h"
#include "core/report.h"
#include "core/state.h"
#include "pg/address.h"
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

/* What every sub-command but keygen needs. */
struct session {
    struct config *config;
    struct keyring *keys;
    const char *dir;
    char *state;
    struct audit *audit; /* of what changes something or shows rows */
};

static void session_end(struct session *s)
{
    audit_free(s->audit);
    free(s->state);
    keyring_free(s->keys);
    config_free(s->config);
}

static int session_begin_with(struct session *s,
                              struct keyring *(*load)(const struct cli_common *, const struct config *, struct err *),
                              struct err *err)
{
    memset(s, 0, sizeof(*s));
    if ((s->config = config_load(opt.common.config, err)) == NULL ||
        (s->keys = load(&opt.common, s->config, err)) == NULL) {
        session_end(s);
        return -1;
    }
    s->dir = state_shelf(&opt.common, s->config);
    return 0;
}

static int session_begin(struct session *s, struct err *err)
{
    return session_begin_with(s, keyring_load, err);
}

/* From here on it will be in the log, however it ends. */
static int session_log(struct session *s, const char *operation, struct err *err)
{
    if ((s->state = state_dir(&opt.common, s->config, err)) == NULL ||
        (s->audit = state_audit(&opt.common, s->config, operation, err)) == NULL)
        return -1;
    return 0;
}

/* session_end, with the line in the log.  RC, or -1 where the log could not be written. */
static int session_close(struct session *s, int rc, struct err *err)
{
    struct err why = {0};
    char head[65];

    if (s->audit != NULL) {
        if (audit_end(s->audit, err, NULL, head, &why) == 0)
            log_info("log head %s", head);
        else if (rc != 0)
            log_warn("%s", why.message);
        else {
            *err = why;
            rc = -1;
        }
    }
    session_end(s);
    return rc;
}

/* FILE as an argument: a path, a name, an id, or "latest" of the database that flags or variables
 * name.  Owned. */
static char *find(const struct session *s, const char *file, struct err *err)
{
    struct conn_options o = conn_options_of(&opt.common, "mig-backup");
    struct address a = {0};
    const char *database = NULL;
    char *path = NULL;

    if (strcmp(file, "latest") == 0) {
        if (address_resolve(&o, &a, err) != 0)
            goto out;
        database = address_get(&a, "dbname");
        if (database == NULL) /* libpq's to find */
            database = getenv("PGDATABASE");
        if (database != NULL && database[0] == '\0')
            database = NULL;
    }
    path = shelf_find(s->dir, file, &(struct shelf_whose){.keys = s->keys, .database = database}, err);
out:
    address_free(&a);
    return path;
}

static const char *const text_or_json[] = {"text", "json", NULL};

static int run_keygen(int argc, const char *const *argv, void *context, struct err *err)
{
    (void)argc;
    (void)argv;
    (void)context;
    opt.keygen.passphrase_file = opt.common.passphrase_file;
    return keygen_run(&opt.keygen, stdout, stderr, err);
}

static int run_list(int argc, const char *const *argv, void *context, struct err *err)
{
    struct session s;
    struct report report = {0};
    struct shelf *shelf = NULL;
    time_t now = time(NULL);
    int rc = -1;

    (void)argc;
    (void)argv;
    (void)context;
    if (session_begin_with(&s, keyring_load_public, err) != 0)
        return -1;
    if (report_open(&report, &opt.common.formats, text_or_json, err) != 0 ||
        (shelf = shelf_read(s.dir, s.keys, err)) == NULL)
        goto out;
    for (size_t i = 0; i < report.count; i++) {
        if (report.outputs[i].format == 0)
            shelf_print(shelf, s.dir, now, report.outputs[i].out);
        else if (shelf_print_json(shelf, s.dir, now, report.outputs[i].out, err) != 0)
            goto out;
    }
    rc = report_close(&report, err);
out:
    report_discard(&report);
    shelf_free(shelf);
    session_end(&s);
    return rc;
}

static int run_show(int argc, const char *const *argv, void *context, struct err *err)
{
    struct session s;
    struct report report = {0};
    struct archive_reader *a = NULL;
    struct err closed = {0};
    char *path = NULL;
    int rc = -1;

    (void)argc;
    (void)context;
    if (session_begin(&s, err) != 0)
        return -1;
    if (report_open(&report, &opt.common.formats, text_or_json, err) != 0 ||
        (path = find(&s, argv[0], err)) == NULL ||
        (a = describe_open(path, s.keys, &closed, err)) == NULL)
        goto out;
    for (size_t i = 0; i < report.count; i++)
        if ((report.outputs[i].format == 0
                 ? describe_print(a, path, &closed, report.outputs[i].out, err)
                 : describe_print_json(a, path, report.outputs[i].out, err)) != 0)
            goto out;
    rc = report_close(&report, err);
out:
    report_discard(&report);
    archive_reader_free(a);
    free(path);
    session_end(&s);
    return rc;
}

static int run_verify(int argc, const char *const *argv, void *context, struct err *err)
{
    struct session s;
    struct report report = {0};
    struct conn_options address = conn_options_of(&opt.common, "mig-backup");
    struct conn *conn = NULL;
    char **paths = calloc((size_t)argc + 1, sizeof(*paths));
    int rc = -1;

    (void)context;
    if (paths == NULL)
        return err_oom(err);
    if (session_begin(&s, err) != 0)
        goto no_session;
    for (int i = 0; i < argc; i++)
        if ((paths[i] = find(&s, argv[i], err)) == NULL)
            goto out;
    if (report_open(&report, &opt.common.formats, text_or_json, err) != 0 ||
        (opt.against_db && (keyring_can_read(s.keys, err) != 0 || (conn = conn_open(&address, CONN_OWN, err)) == NULL)))
        goto out;
    /* Differences from the database are a finding, and are told all the same. */
    if (verify_report((const char *const *)paths, s.keys, conn, opt.common.show_values ? 20 : 0, &report, err) != 0 &&
        err->kind != ERR_FINDING && err->kind != ERR_BACKUP)
        goto out;
    if (report_close(&report, err) == 0)
        rc = err->kind == ERR_NONE ? 0 : -1;
out:
    report_discard(&report);
    conn_free(conn);
    session_end(&s);
no_session:
    for (int i = 0; i < argc; i++)
        free(paths[i]);
    free(paths);
    return rc;
}

static int run_cat(int argc, const char *const *argv, void *context, struct err *err)
{
    static const char *const forms[] = {"json", "csv", NULL};
    struct session s;
    struct report report = {0};
    struct archive_reader *a = NULL;
    char *path = NULL;
    int rc = -1;

    (void)argc;
    (void)context;
    if (session_begin(&s, err) != 0)
        return -1;
    if (report_open(&report, &opt.common.formats, forms, err) != 0 ||
        (path = find(&s, argv[0], err)) == NULL || session_log(&s, "backup cat", err) != 0)
        goto out;
    audit_add(s.audit, "file", json_string(path));
    if ((a = archive_open(path, s.keys, err)) == NULL)
        goto out;
    for (size_t i = 0; i < report.count; i++)
        if (cat_table(a, opt.table,
                      report.outputs[i].format == 1 ? CAT_CSV
                      : opt.objects                 ? CAT_OBJECTS
                                                    : CAT_ROWS,
                      report.outputs[i].out, err) != 0)
            goto out;
    rc = report_close(&report, err);
out:
    report_discard(&report);
    archive_reader_free(a);
    free(path);
    return session_close(&s, rc, err);
}

static int run_prune(int argc, const char *const *argv, void *context, struct err *err)
{
    struct prune_options o = opt.prune;
    struct session s;
    struct report report = {0};
    struct prune_result r = {0};
    int rc = -1;

    (void)argc;
    (void)argv;
    (void)context;
    if (session_begin_with(&s, keyring_load_public, err) != 0)
        return -1;
    prune_defaults(&o, s.config);
    if (report_open(&report, &opt.common.formats, text_or_json, err) != 0 ||
        session_log(&s, o.dry_run ? "backup prune --dry-run" : "backup prune", err) != 0)
        goto out;
    o.dir = s.dir;
    o.state_dir = s.state;
    o.keys = s.keys;
    o.names = &opt.prune_names;
    o.now = time(NULL);
    if (prune_run(&o, &r, err) != 0)
        goto out;
    audit_add(s.audit, "removed", json_integer((json_int_t)r.removed));
    for (size_t i = 0; i < report.count; i++) {
        if (report.outputs[i].format == 0)
            prune_print(&r, o.dry_run, report.outputs[i].out);
        else if (prune_print_json(&r, o.dry_run, report.outputs[i].out, err) != 0)
            goto out;
    }
    rc = report_close(&report, err);
out:
    report_discard(&report);
    prune_result_free(&r);
    cli_list_free(&opt.prune_names);
    return session_close(&s, rc, err);
}

static int run_rekey(int argc, const char *const *argv, void *context, struct err *err)
{
    struct rekey_options o = {.add = &opt.common.recipient, .remove = &opt.remove};
    struct session s;
    struct report report = {0};
    struct rekey_result r;
    char *path = NULL;
    int rc = -1;

    (void)argc;
    (void)context;
    if (session_begin(&s, err) != 0)
        return -1;
    if (report_open(&report, &opt.common.formats, text_or_json, err) != 0 ||
        (path = find(&s, argv[0], err)) == NULL || session_log(&s, "backup rekey", err) != 0)
        goto out;
    audit_add(s.audit, "file", json_string(path));
    o.keys = s.keys;
    if (rekey_file(path, &o, &r, err) != 0)
        goto out;
    for (size_t i = 0; i < report.count; i++) {
        if (report.outputs[i].format == 0)
            rekey_print(path, &r, report.outputs[i].out);
        else if (rekey_print_json(path, &r, report.outputs[i].out, err) != 0)
            goto out;
    }
    rc = report_close(&report, err);
out:
    report_discard(&report);
    free(path);
    cli_list_free(&opt.remove);
    return session_close(&s, rc, err);
}

static int run_reencrypt(int argc, const char *const *argv, void *context, struct err *err)
{
    struct session s;
    struct report report = {0};
    struct reencrypt_result r = {0};
    char *path = NULL;
    int rc = -1;

    (void)argc;
    (void)context;
    if (session_begin(&s, err) != 0)
        return -1;
    if (report_open(&report, &opt.common.formats, text_or_json, err) != 0 ||
        (path = find(&s, argv[0], err)) == NULL || session_log(&s, "backup reencrypt", err) != 0)
        goto out;
    audit_add(s.audit, "file", json_string(path));
    if (reencrypt_file(path, opt.output, s.keys, &r, err) != 0)
        goto out;
    audit_add(s.audit, "backup", json_string(r.file));
    for (size_t i = 0; i < report.count; i++) {
        if (report.outputs[i].format == 0)
            reencrypt_print(path, &r, report.outputs[i].out);
        else if (reencrypt_print_json(path, &r, report.outputs[i].out, err) != 0)
            goto out;
    }
    rc = report_close(&report, err);
out:
    report_discard(&report);
    free(r.file);
    free(path);
    return session_close(&s, rc, err);
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
