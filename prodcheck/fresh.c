#include "prodcheck/fresh.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/keys.h"
#include "backup/receipt.h"
#include "backup/shelf.h"
#include "backup/verify.h"
#include "core/buf.h"
#include "core/report.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/environment.h"
#include "script/closure.h"

/* Hashed in a few hundredths of a second. */
#define QUICK_BYTES (16 << 20)

/* What a file, a receipt or a line of the shelf says of itself. */
struct candidate {
    const char *path, *name, *database, *system_id, *environment, *signer;
    char *const *from;
    time_t when;
    int trusted, is_receipt;
};

static int same_rows(char *const *a, char *const *b)
{
    size_t i, n = strings_count(a);

    if (n != strings_count(b))
        return 0;
    for (i = 0; i < n; i++)
        if (strings_find(b, a[i]) < 0)
            return 0;
    return 1;
}

static int join(struct buf *b, char *const *rows, struct err *err)
{
    size_t i;

    if (strings_count(rows) == 0)
        return buf_adds(b, "base", err);
    for (i = 0; rows[i] != NULL; i++)
        if (buf_addf(b, err, "%s%s", i > 0 ? ", " : "", rows[i]) != 0)
            return -1;
    return 0;
}

/* The first table that the plan would hurt and the file does not hold; *NAME is owned.  A machine that
 * cannot decrypt cannot know: *LOOKED stays 0. */
static int uncovered(const char *path, const struct verdict_options *o, char **name, int *looked,
                     struct err *err)
{
    struct err why = {0};
    struct archive_reader *r;
    const json_t *tables, *one;
    size_t i, j;
    int rc = 0;

    *name = NULL;
    *looked = 0;
    if (o->closure == NULL || o->keys == NULL || keyring_can_read(o->keys, &why) != 0)
        return 0;
    if ((r = archive_open(path, o->keys, err)) == NULL)
        return -1;
    tables = json_object_get(archive_manifest(r), "tables");
    *looked = 1;
    for (i = 0; i < o->closure->ntables && *name == NULL; i++) {
        const struct closure_table *t = &o->closure->tables[i];
        int held = 0;

        if (!closure_table_at_risk(t) || (t->kind != 'r' && t->kind != 'm'))
            continue;
        json_array_foreach(tables, j, one) {
            const char *s = json_string_value(json_object_get(one, "schema"));
            const char *n = json_string_value(json_object_get(one, "name"));

            if (s != NULL && n != NULL && strcmp(s, t->schema) == 0 && strcmp(n, t->name) == 0)
                held = 1;
        }
        if (!held) {
            struct buf b = {0};

            if (buf_addf(&b, err, "%s.%s", t->schema, t->name) != 0 ||
                (*name = buf_take(&b, err)) == NULL)
                rc = -1;
        }
    }
    archive_reader_free(r);
    return rc;
}

/* Why C does not belong to this database, or NULL. */
static const char *foreign(const struct candidate *c, const struct verdict_options *o,
                           const char *database)
{
    const struct environment *e = o->environment;

    if (c->database != NULL && strcmp(c->database, database) != 0)
        return "is of another database";
    if (e == NULL)
        return NULL;
    if (c->system_id != NULL && c->system_id[0] != '\0' && e->system_id[0] != '\0' &&
        strcmp(c->system_id, e->system_id) != 0)
        return "is of another server";
    if (c->environment != NULL && e->name != NULL && strcmp(c->environment, e->name) != 0)
        return "is of another environment";
    return NULL;
}

/* How much of a file was looked at. */
enum depth { DEPTH_SIGNATURE, DEPTH_STORED, DEPTH_ROWS };

static const char *depth_name(enum depth depth)
{
    static const char *const names[] = {
        [DEPTH_SIGNATURE] = "its rows were not read (--verify-backup does)",
        [DEPTH_STORED] = "every stored byte is as signed",
        [DEPTH_ROWS] = "every row was read back",
    };

    return names[depth];
}

/* All of it where that was asked for; what is stored where that takes no time; else what the footer
 * says, which receipt_read and the shelf have checked. */
static int look_inside(const char *path, const struct verdict_options *o, enum depth *depth,
                       struct err *err)
{
    struct verify_result r = {0};
    struct stat st;

    if (o->verify_backup) {
        int rc = verify_file(path, o->keys, &r, err);

        *depth = r.decoded ? DEPTH_ROWS : DEPTH_STORED;
        verify_result_free(&r);
        if (rc != 0)
            return -1;
    } else if (stat(path, &st) == 0 && st.st_size <= QUICK_BYTES) {
        if (verify_stored(path, o->keys, err) != 0)
            return -1;
        *depth = DEPTH_STORED;
    }
    return 0;
}

static int judge(const struct check *k, const struct check_limits *limits,
                 const struct verdict_options *o, const struct candidate *c,
                 struct check_result *out, struct err *err)
{
    double age = difftime(time(NULL), c->when);
    struct buf have = {0}, want = {0};
    struct err why = {0};
    char *missing = NULL, ago[32];
    enum depth depth = DEPTH_SIGNATURE;
    int looked = 0, rc = -1;

    (void)report_duration((int64_t)(age > 0 ? age * 1000 : 0), ago);
    out->has_number = 1;
    out->number = age;
    if (!c->trusted) {
        rc = check_say(out, k, CHECK_FAIL, err, "%s is signed by %s, whom nothing here trusts", c->name,
                       c->signer != NULL ? c->signer : "nobody known");
        if (rc == 0) {
            free(out->remedy);
            out->remedy = strdup("--key or $MIG_KEY_FILE with the key that signed it, or --trust PUB");
        }
        goto out;
    }
    if (o->plan != NULL && o->plan->version_table != NULL && o->plan->version_column == NULL && c->from != NULL &&
        !same_rows(c->from, o->plan->from)) {
        if (join(&have, c->from, err) == 0 && join(&want, o->plan->from, err) == 0)
            rc = check_say(out, k, CHECK_FAIL, err,
                           "%s was taken at revision %s, but the database is at %s", c->name,
                           have.data, want.data);
        goto out;
    }
    if (!c->is_receipt && uncovered(c->path, o, &missing, &looked, &why) != 0) {
        rc = check_say(out, k, why.kind == ERR_BACKUP ? CHECK_FAIL : CHECK_ERROR, err, "%s: %s",
                       c->name, why.message);
        goto out;
    }
    if (missing != NULL) {
        rc = check_say(out, k, CHECK_FAIL, err, "%s does not hold %s", c->name, missing);
        goto out;
    }
    if (!c->is_receipt && look_inside(c->path, o, &depth, &why) != 0) {
        if (why.kind == ERR_INTERRUPTED)
            *err = why;
        else
            rc = check_say(out, k, why.kind == ERR_BACKUP ? CHECK_FAIL : CHECK_ERROR, err, "%s: %s",
                           c->name, why.message);
        goto out;
    }
    if (c->is_receipt && o->verify_backup) {
        rc = check_say(out, k, CHECK_ERROR, err, "%s is a receipt: the file itself is not here to be read",
                       c->name);
        goto out;
    }
    rc = check_say(out, k,
                   limits->fail > 0 && age >= limits->fail   ? CHECK_FAIL
                   : limits->warn > 0 && age >= limits->warn ? CHECK_WARN
                                                             : CHECK_OK,
                   err, "%s is %s old and signed by someone trusted; %s%s", c->name, ago,
                   c->is_receipt ? "a receipt: the file itself was not looked at" : depth_name(depth),
                   o->closure != NULL && !looked ? "; its tables are not known here" : "");
out:
    free(missing);
    buf_free(&have);
    buf_free(&want);
    return rc;
}

static int check_file(const struct check *k, const struct check_limits *limits,
                      const struct verdict_options *o, const char *database,
                      struct check_result *out, struct err *err)
{
    struct receipt r = {0};
    struct candidate c = {0};
    struct err why = {0};
    char *path = NULL;
    const char *not_ours;
    int rc;

    if (access(o->backup, F_OK) == 0)
        path = strdup(o->backup);
    else
        path = shelf_find(o->dir, o->backup,
                          &(struct shelf_whose){.keys = o->keys, .database = database,
                                                .system_id = o->environment != NULL ? o->environment->system_id : NULL},
                          &why);
    if (path == NULL || receipt_read(path, o->keys, &r, &why) != 0) {
        rc = check_say(out, k, why.kind == ERR_BACKUP ? CHECK_FAIL : CHECK_ERROR, err, "%s",
                       why.kind != ERR_NONE ? why.message : "out of memory");
        goto out;
    }
    c.path = path;
    c.name = r.file != NULL ? r.file : path;
    c.database = r.database;
    c.system_id = r.system_id;
    c.environment = r.environment;
    c.signer = r.signer;
    c.from = r.from;
    c.when = r.when;
    c.trusted = r.trusted;
    c.is_receipt = r.is_receipt;
    if ((not_ours = foreign(&c, o, database)) != NULL)
        rc = check_say(out, k, CHECK_FAIL, err, "%s %s", c.name, not_ours);
    else
        rc = judge(k, limits, o, &c, out, err);
out:
    receipt_free(&r);
    free(path);
    return rc;
}

/* The newest that is ours; one that is damaged or not trusted is passed over, but told if there is no
 * other. */
static int check_shelf(const struct check *k, const struct check_limits *limits,
                       const struct verdict_options *o, const char *database,
                       struct check_result *out, struct err *err)
{
    struct err why = {0};
    struct shelf *s = NULL;
    const struct shelf_entry *rejected = NULL;
    size_t i;
    int rc;

    if (access(o->dir, F_OK) != 0)
        return check_say(out, k, CHECK_FAIL, err, "there is no backup: the shelf %s is not there",
                         o->dir);
    if ((s = shelf_read(o->dir, o->keys, &why)) == NULL)
        return check_say(out, k, CHECK_ERROR, err, "%s", why.message);
    for (i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];
        struct candidate c = {.path = e->path,
                              .name = e->name,
                              .database = e->database,
                              .system_id = e->system_id,
                              .environment = e->environment,
                              .signer = e->signer,
                              .from = e->from,
                              .when = e->when,
                              .trusted = e->trusted};

        if (foreign(&c, o, database) != NULL)
            continue;
        if (e->problem != NULL || !e->trusted) {
            if (rejected == NULL)
                rejected = e;
            continue;
        }
        rc = judge(k, limits, o, &c, out, err);
        goto out;
    }
    if (rejected != NULL)
        rc = check_say(out, k, CHECK_FAIL, err, "no backup here can be relied on; the newest, %s: %s",
                       rejected->name,
                       rejected->problem != NULL ? rejected->problem : "its signer is not trusted");
    else
        rc = check_say(out, k, CHECK_FAIL, err, "there is no backup of %s in %s", database, o->dir);
out:
    shelf_free(s);
    return rc;
}

int fresh_check(const struct check *k, const struct check_limits *limits,
                const struct verdict_options *o, const char *database, struct check_result *out,
                struct err *err)
{
    if (o->no_backup_check)
        return check_say(out, k, CHECK_SKIPPED, err, "a backup is taken by the run itself");
    if (o->after)
        return check_say(out, k, CHECK_SKIPPED, err,
                         "not asked after a migration: its backup is of the revision before");
    if (o->keys == NULL)
        return check_say(out, k, CHECK_ERROR, err, "no key and no --trust: a backup's signature cannot "
                                                   "be checked");
    if (o->backup != NULL)
        return check_file(k, limits, o, database, out, err);
    if (o->dir == NULL)
        return check_say(out, k, CHECK_FAIL, err, "there is no shelf of backups (--dir)");
    return check_shelf(k, limits, o, database, out, err);
}
