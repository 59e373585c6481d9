#include "backup/recover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup/archive.h"
#include "backup/keys.h"
#include "backup/keysource.h"
#include "backup/manifest.h"
#include "backup/restore.h"
#include "backup/shelf.h"
#include "core/audit.h"
#include "core/config.h"
#include "core/confirm.h"
#include "core/log.h"
#include "core/report.h"
#include "core/state.h"
#include "core/strings.h"
#include "pg/conn.h"
#include "pg/environment.h"

enum { TEXT, JSON };
static const char *const forms[] = {"text", "json", NULL};
static const char *const modes[] = {
    [RESTORE_EMPTY] = "empty",     [RESTORE_MISSING] = "missing", [RESTORE_MERGE] = "merge",
    [RESTORE_REPLACE] = "replace", [RESTORE_COLUMNS] = "columns",
};

/* One -t, taken apart. */
struct named {
    char *schema, *name, **columns;
};

struct recover {
    const struct recover_options *o;
    struct config *config;
    struct keyring *keys;
    struct audit *audit;
    struct conn *conn;
    struct environment *environment;
    struct named *named;
    struct restore_target *targets;
    struct restore_options r;
    struct restore_result result;
    struct archive_reader *reader;
    char *path, *command;
    char *saved_environment, *saved_database, *saved_created, *saved_system;
    int64_t began;
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- -t ---- */

/* One identifier as psql reads it: folded to lower case unless quoted. */
static int read_word(const char **p, char **out, struct err *err)
{
    size_t n = 0, room = strlen(*p) + 1;

    if ((*out = malloc(room)) == NULL)
        return err_oom(err);
    if (**p == '"') {
        for ((*p)++; **p != '\0'; (*p)++) {
            if (**p == '"' && *++(*p) != '"')
                break;
            (*out)[n++] = **p;
        }
    } else {
        for (; **p != '\0' && strchr(".:,", **p) == NULL; (*p)++)
            (*out)[n++] = **p >= 'A' && **p <= 'Z' ? (char)(**p + 32) : **p;
    }
    (*out)[n] = '\0';
    return 0;
}

static int read_named(const char *text, struct named *t, struct err *err)
{
    const char *p = text;

    if (read_word(&p, &t->name, err) != 0)
        return -1;
    if (*p == '.') {
        p++;
        t->schema = t->name;
        t->name = NULL;
        if (read_word(&p, &t->name, err) != 0)
            return -1;
    }
    if (*p == ':')
        do {
            char *column = NULL;
            int rc;

            p++;
            if (read_word(&p, &column, err) != 0)
                return -1;
            rc = column[0] == '\0' ? err_set(err, ERR_USAGE, "-t %s: a column's name is missing", text)
                                   : strings_add(&t->columns, column, err);
            free(column);
            if (rc != 0)
                return -1;
        } while (*p == ',');
    if (*p != '\0' || t->name[0] == '\0') {
        err_set(err, ERR_USAGE, "-t %s is not TABLE or TABLE:COLUMN,...", text);
        err_hint(err, "names with other characters are quoted: -t '\"my table\":\"my column\"'");
        return -1;
    }
    return 0;
}

static int read_targets(struct recover *k, struct err *err)
{
    const struct cli_list *l = &k->o->tables;

    k->named = calloc(l->count + 1, sizeof(*k->named));
    k->targets = calloc(l->count + 1, sizeof(*k->targets));
    if (k->named == NULL || k->targets == NULL)
        return err_oom(err);
    for (size_t i = 0; i < l->count; i++) {
        struct restore_target *t = &k->targets[i];

        if (read_named(l->items[i], &k->named[i], err) != 0)
            return -1;
        t->schema = k->named[i].schema;
        t->name = k->named[i].name;
        t->columns = (const char *const *)k->named[i].columns;
        t->mode = k->o->mode > 0       ? (enum restore_mode)(k->o->mode - 1)
                  : t->columns != NULL ? RESTORE_COLUMNS
                                       : RESTORE_EMPTY;
    }
    return 0;
}

/* ---- the guard ---- */

static int connect_to(struct recover *k, struct err *err)
{
    const struct cli_common *c = k->o->common;
    struct conn_options o = conn_options_of(c, "mig-backup");
    const struct environment *e;

    if ((k->conn = conn_open(&o, CONN_OWN, err)) == NULL ||
        (k->environment = environment_read(k->conn, k->config, c->env, err)) == NULL)
        return -1;
    e = k->environment;
    if (e->standby) {
        err_set(err, ERR_REFUSED, "%s is a standby: nothing can be restored there", conn_title(k->conn));
        err_hint(err, "connect to the primary");
        return -1;
    }
    if (e->pooled) {
        err_set(err, ERR_REFUSED, "%s is a pooler in transaction mode", conn_title(k->conn));
        err_hint(err, "use the server's own address: $MIG_DATABASE_URL or --dbname");
        return -1;
    }
    if (e->contradiction) {
        err_set(err, ERR_REFUSED, "%s", e->why);
        err_hint(err, "correct --env, $MIG_ENV or the address");
        return -1;
    }
    return 0;
}

static int copy_label(const json_t *label, const char *key, char **out, struct err *err)
{
    return strings_dup(out, json_string_value(json_object_get(label, key)), err);
}

static void put_name(const char *schema, const char *name, FILE *out)
{
    report_put_plain(out, schema);
    fputc('.', out);
    report_put_plain(out, name);
}

static int print_target(const struct recover *k, const struct manifest_table *t,
                        const struct restore_target *asked)
{
    char rows[64];
    int mode = asked != NULL ? (int)asked->mode : (int)k->r.mode;

    fputs("  ", stderr);
    put_name(k->o->into != NULL ? k->o->into : t->schema, t->name, stderr);
    fprintf(stderr, ": %s, mode %s", report_things(t->rows, "row", rows), modes[mode]);
    for (size_t i = 0; asked != NULL && asked->columns != NULL && asked->columns[i] != NULL; i++) {
        fputs(i == 0 ? ", columns " : ", ", stderr);
        report_put_plain(stderr, asked->columns[i]);
    }
    if (t->filter != NULL)
        fprintf(stderr, ", only the rows that would have lost a value");
    fputc('\n', stderr);
    return 0;
}

/* What will happen, before it is confirmed. */
static void announce(const struct recover *k, const struct manifest *m)
{
    const struct environment *e = k->environment;

    fprintf(stderr, "%s %s, saved %s from %s%s%s\n", k->o->dry_run ? "trying to restore" : "restoring",
            k->path, k->saved_created != NULL ? k->saved_created : "?",
            k->saved_database != NULL ? k->saved_database : "?",
            k->saved_environment != NULL ? " in " : "",
            k->saved_environment != NULL ? k->saved_environment : "");
    fprintf(stderr, "into %s%s%s%s\n", conn_title(k->conn), e->name != NULL ? " (" : "",
            e->name != NULL ? e->name : "", e->name != NULL ? ")" : "");
    for (size_t i = 0; i < m->ntables; i++) {
        const struct manifest_table *t = &m->tables[i];
        int shown = k->r.ntargets == 0 && t->stream != 0 && print_target(k, t, NULL) == 0;

        for (size_t n = 0; !shown && n < k->r.ntargets; n++) {
            const struct restore_target *a = &k->targets[n];

            if (strcmp(a->name, t->name) == 0 && (a->schema == NULL || strcmp(a->schema, t->schema) == 0))
                shown = print_target(k, t, a) == 0;
        }
    }
}

static int check_origin(const struct recover *k, struct err *err)
{
    const char *saved = k->saved_environment, *now = k->environment->name;

    if (k->o->from_env != NULL && (saved == NULL || strcmp(saved, k->o->from_env) != 0))
        return err_set(err, ERR_REFUSED, "the backup is from %s, not from %s as --from-env says",
                       saved != NULL ? saved : "an environment without a name", k->o->from_env);
    if (saved != NULL && k->o->from_env == NULL && (now == NULL || strcmp(saved, now) != 0)) {
        err_set(err, ERR_REFUSED, "the backup is from the environment %s, this is %s", saved,
                now != NULL ? now : "none that is configured");
        err_hint(err, "if that is meant: --from-env %s", saved);
        return -1;
    }
    if (saved == NULL && k->saved_system != NULL && k->saved_system[0] != '\0' &&
        k->environment->system_id != NULL && k->environment->system_id[0] != '\0' &&
        strcmp(k->saved_system, k->environment->system_id) != 0)
        log_warn("the backup is from another server (system identifier %s, this one has %s)",
                 k->saved_system, k->environment->system_id);
    return 0;
}

/* The file is opened and checked before anything is asked. */
static int look_at_file(struct recover *k, struct err *err)
{
    struct archive_reader *a = k->reader = archive_open(k->path, k->keys, err);
    struct manifest *m = NULL;
    const json_t *label;
    int rc = -1;

    if (a == NULL || (m = manifest_read(archive_manifest(a), err)) == NULL)
        goto out;
    label = archive_label_json(a);
    if (copy_label(label, "environment", &k->saved_environment, err) != 0 ||
        copy_label(label, "database", &k->saved_database, err) != 0 ||
        copy_label(label, "created", &k->saved_created, err) != 0 ||
        copy_label(label, "system_id", &k->saved_system, err) != 0 || check_origin(k, err) != 0)
        goto out;
    if (!k->o->common->quiet)
        announce(k, m);
    rc = 0;
out:
    manifest_free(m);
    return rc;
}

static int ask(const struct recover *k, struct err *err)
{
    const struct cli_common *c = k->o->common;
    struct confirm_options o = {.name = k->environment->confirm,
                                .what = "restore into",
                                .required = k->environment->production || k->environment->name == NULL,
                                .yes = c->yes,
                                .given = c->confirm};

    return k->o->dry_run ? 0 : confirm_ask(&o, err);
}

/* ---- what to say ---- */

static void print_text(const struct recover *k, const char *head, FILE *out)
{
    char n[64];

    if (k->o->dry_run)
        fprintf(out, "dry run: restored, compared and rolled back; nothing has changed\n");
    for (size_t i = 0; i < k->result.ntables; i++) {
        const struct restore_table *t = &k->result.tables[i];

        put_name(t->schema, t->name, out);
        fprintf(out, ": %s in the backup", report_things(t->rows, "row", n));
        if (t->inserted > 0)
            fprintf(out, ", %s put back", report_count(t->inserted, n));
        if (t->updated > 0)
            fprintf(out, ", %s changed", report_count(t->updated, n));
        if (t->deleted > 0)
            fprintf(out, ", %s removed", report_count(t->deleted, n));
        if (t->unchanged > 0)
            fprintf(out, ", %s left as %s", report_count(t->unchanged, n),
                    t->unchanged == 1 ? "it is" : "they are");
        if (t->vanished > 0)
            fprintf(out, ", %s whose row is gone", report_count(t->vanished, n));
        fprintf(out, "; digest %s\n", t->digest_equal ? "equal" : "not compared");
    }
    if (k->result.ntables == 0)
        fprintf(out, "the backup holds no rows to restore\n");
    if (k->result.safety_file != NULL)
        fprintf(out, "the rows as they were: %s\n", k->result.safety_file);
    if (head[0] != '\0')
        fprintf(out, "log head %s\n", head);
}

static int print_json(const struct recover *k, const char *head, FILE *out, struct err *err)
{
    json_t *tables = json_array(), *o;
    int rc = -1;

    for (size_t i = 0; i < k->result.ntables; i++) {
        const struct restore_table *t = &k->result.tables[i];
        char name[300];

        (void)snprintf(name, sizeof(name), "%s.%s", t->schema, t->name);
        (void)json_array_append_new(
            tables, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "name", name, "rows",
                              (json_int_t)t->rows, "inserted", (json_int_t)t->inserted, "updated",
                              (json_int_t)t->updated, "deleted", (json_int_t)t->deleted, "unchanged",
                              (json_int_t)t->unchanged, "vanished", (json_int_t)t->vanished, "changed_since",
                              (json_int_t)t->changed, "digest_equal", t->digest_equal));
    }
    o = json_pack("{s:s, s:s, s:s, s:b, s:o, s:s?, s:I, s:s}", "schema", "mig-backup/1", "file", k->path,
                  "database", conn_database(k->conn), "dry_run", k->o->dry_run, "tables", tables,
                  "safety_file", k->result.safety_file, "milliseconds", (json_int_t)(now_ms() - k->began),
                  "log_head", head);
    if (o == NULL)
        err_oom(err);
    else
        rc = report_json(out, o, err);
    json_decref(o);
    return rc;
}

/* ---- the run ---- */

static int open_log(struct recover *k, struct err *err)
{
    const struct cli_common *c = k->o->common;

    if ((k->command = audit_mask(c->argc, c->argv, err)) == NULL ||
        (k->audit = state_audit(c, k->config, k->o->dry_run ? "backup restore (drill)" : "backup restore", err)) == NULL)
        return -1;
    return 0;
}

/* -1 where the line could not be written. */
static int log_result(struct recover *k, const struct err *err, char head[65], struct err *why)
{
    if (k->audit == NULL)
        return 0;
    if (k->conn != NULL) {
        audit_add(k->audit, "database", json_string(conn_title(k->conn)));
        audit_add(k->audit, "role", json_string(conn_user(k->conn)));
    }
    if (k->environment != NULL && k->environment->name != NULL)
        audit_add(k->audit, "environment", json_string(k->environment->name));
    if (k->path != NULL)
        audit_add(k->audit, "backup", json_string(k->path));
    if (k->result.safety_file != NULL)
        audit_add(k->audit, "safety_copy", json_string(k->result.safety_file));
    return audit_end(k->audit, err, NULL, head, why);
}

static void fill(struct recover *k)
{
    const struct recover_options *o = k->o;

    k->r.keys = k->keys;
    k->r.file = k->path;
    k->r.targets = k->targets;
    k->r.ntargets = o->tables.count;
    k->r.mode = o->mode > 0 ? (enum restore_mode)(o->mode - 1) : RESTORE_EMPTY;
    k->r.on_conflict = (enum restore_conflict)o->on_conflict;
    k->r.where = o->where;
    k->r.into = o->into;
    k->r.create = o->create;
    k->r.dry_run = o->dry_run;
    k->r.verify_full = o->verify_full;
    k->r.safety_dir = o->no_safety_copy ? NULL : state_shelf(o->common, k->config);
    k->r.environment = k->environment->name;
    k->r.command = k->command;
    k->r.reason = o->common->reason;
}

static int go(struct recover *k, struct err *err)
{
    struct shelf_whose whose = {.keys = k->keys};

    if (connect_to(k, err) != 0)
        return -1;
    whose.database = conn_database(k->conn);
    whose.system_id = k->environment->system_id;
    if ((k->path = shelf_find(state_shelf(k->o->common, k->config), k->o->file, &whose, err)) == NULL ||
        read_targets(k, err) != 0)
        return -1;
    fill(k);
    if (look_at_file(k, err) != 0 || ask(k, err) != 0)
        return -1;
    /* What was looked at and confirmed is what is restored, whatever stands under that name by now. */
    k->r.reader = k->reader;
    if (restore_run(k->conn, &k->r, &k->result, err) == 0)
        return 0;
    if (err->kind == ERR_UNKNOWN)
        err_hint(err, "when the server is back: mig-backup verify %s --against-db says whether the rows are there", k->path);
    else if (conn_lost(k->conn))
        err_hint(err, "nothing was committed, and nothing has changed: start again when the server is back");
    return -1;
}

int recover_run(const struct recover_options *o, struct err *err)
{
    struct recover k = {.o = o, .began = now_ms()};
    struct report report = {0};
    struct err why = {0};
    char head[65] = "";
    int committed = 0, rc = -1;

    if ((k.config = config_load(o->common->config, err)) == NULL ||
        report_open(&report, &o->common->formats, forms, err) != 0 ||
        (k.keys = keyring_load(o->common, k.config, err)) == NULL ||
        keyring_can_read(k.keys, err) != 0 || open_log(&k, err) != 0)
        goto out;
    rc = go(&k, err);
    committed = rc == 0 && !o->dry_run;
    if (log_result(&k, err, head, &why) != 0) {
        if (rc != 0)
            log_warn("%s", why.message);
        else
            *err = why;
        rc = -1;
    }
    for (size_t i = 0; rc == 0 && i < report.count; i++) {
        if (report.outputs[i].format == TEXT)
            print_text(&k, head, report.outputs[i].out);
        else
            rc = print_json(&k, head, report.outputs[i].out, err);
    }
    if (rc == 0)
        rc = report_close(&report, err);
    /* It must not look as if nothing had been done. */
    if (committed && rc != 0) {
        err->kind = ERR_UNFINISHED;
        (void)err_prefix(err, "the rows are restored and committed; but");
    }
out:
    report_discard(&report);
    restore_result_free(&k.result);
    for (size_t i = 0; k.named != NULL && i < o->tables.count; i++) {
        free(k.named[i].schema);
        free(k.named[i].name);
        strings_free(k.named[i].columns);
    }
    free(k.named);
    free(k.targets);
    environment_free(k.environment);
    conn_free(k.conn);
    archive_reader_free(k.reader);
    audit_free(k.audit);
    free(k.path);
    free(k.command);
    free(k.saved_environment);
    free(k.saved_database);
    free(k.saved_created);
    free(k.saved_system);
    keyring_free(k.keys);
    config_free(k.config);
    return rc;
}
