/*
 * mig-backup: options -> one call per sub-command -> the error -> the exit code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup/archive.h"
#include "backup/cat.h"
#include "backup/describe.h"
#include "backup/keygen.h"
#include "backup/keys.h"
#include "backup/shelf.h"
#include "backup/verify.h"
#include "core/audit.h"
#include "core/cli.h"
#include "core/config.h"
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
};
static struct options opt;

/* What every sub-command but keygen needs. */
struct session {
    struct config *config;
    struct keyring *keys;
    const char *dir;
};

static void session_end(struct session *s)
{
    keyring_free(s->keys);
    config_free(s->config);
}

static int session_begin(struct session *s, struct err *err)
{
    memset(s, 0, sizeof(*s));
    if ((s->config = config_load(opt.common.config, err)) == NULL ||
        (s->keys = keyring_load(&opt.common, s->config, err)) == NULL) {
        session_end(s);
        return -1;
    }
    s->dir = state_shelf(&opt.common, s->config);
    return 0;
}

/* FILE as an argument: a path, a name, an id, or "latest" of the database that flags or variables
 * name.  Owned. */
static char *find(const struct session *s, const char *file, struct err *err)
{
    struct conn_options o = {.dbname = opt.common.dbname, .host = opt.common.host, .port = opt.common.port, .user = opt.common.user};
    struct address a = {0};
    const char *database = NULL;
    char *path = NULL;

    if (strcmp(file, "latest") == 0 &&
        (opt.common.dbname != NULL || getenv("MIG_DATABASE_URL") != NULL ||
         getenv("DATABASE_URL") != NULL || getenv("PGDATABASE") != NULL)) {
        if (address_resolve(&o, &a, err) != 0)
            goto out;
        database = address_get(&a, "dbname");
    }
    path = shelf_find(s->dir, file, database, err);
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
    if (session_begin(&s, err) != 0)
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
        verify_report((const char *const *)paths, s.keys, &report, err) != 0)
        goto out;
    rc = report_close(&report, err);
out:
    report_discard(&report);
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
        (path = find(&s, argv[0], err)) == NULL || (a = archive_open(path, s.keys, err)) == NULL)
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
    session_end(&s);
    return rc;
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

static const struct cli_option keygen_options[] = {
    {"output", 'o', CLI_STRING, &opt.keygen.path, "FILE|-", "where the key goes (default ~/.config/mig/key; never overwritten)", NULL, 0, 0},
    {"protect", 0, CLI_FLAG, &opt.keygen.protect, NULL, "protect it by a passphrase (typed, or --passphrase-file)", NULL, 0, 0},
    {"sign-only", 0, CLI_FLAG, &opt.keygen.sign_only, NULL, "a key that signs backups and cannot read them", NULL, 0, 0},
    {"passphrase-file", 0, CLI_STRING, &opt.common.passphrase_file, "FILE", "the passphrase, with --protect", NULL, 0, 0},
    {"quiet", 'q', CLI_FLAG, &opt.common.quiet, NULL, "errors only", NULL, 0, 0},
    {"verbose", 'v', CLI_FLAG, &opt.common.verbose, NULL, "say more", NULL, 0, 0},
    {.name = NULL},
};

static const struct cli_option cat_options[] = {
    {"table", 't', CLI_STRING, &opt.table, "TABLE", "which table (needed where there are several)", NULL, 0, 0},
    {"objects", 0, CLI_FLAG, &opt.objects, NULL, "each row an object, for jq", NULL, 0, 0},
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
    const struct cli_command commands[] = {
        {"list", "", "what stands on the shelf, newest first", 0, 0, NULL, run_list, NULL},
        {"show", "FILE", "what is in a backup", 1, 1, NULL, run_show, NULL},
        {"verify", "FILE...", "is it whole, authentic, and what it says", 1, -1, NULL, run_verify, NULL},
        {"cat", "FILE", "the rows of one table, to standard output", 1, 1, cat_options, run_cat, NULL},
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
