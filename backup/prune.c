#include "backup/prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/keys.h"
#include "backup/shelf.h"
#include "backup/verify.h"
#include "core/buf.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/interrupt.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/outfile.h"
#include "core/report.h"
#include "core/strings.h"

static int same(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static int is_safety(const struct shelf_entry *e)
{
    return same(e->purpose, SHELF_SAFETY);
}

/* A restore's safety copy holds a part of some tables: it takes no backup's place. */
static int same_group(const struct shelf_entry *a, const struct shelf_entry *b)
{
    return is_safety(a) == is_safety(b) && same(a->database, b->database) && same(a->system_id, b->system_id) &&
           same(a->environment, b->environment);
}

static int is_good(const struct shelf_entry *e)
{
    return e->problem == NULL && e->trusted;
}

/* ---- what runs that could still be undone need ---- */

static int add_needed(const char *state_dir, const char *key, char ***ids, struct err *err)
{
    char **runs = NULL;
    size_t n = 0;
    int rc = -1;

    if (journal_list(state_dir, key, &runs, &n, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct journal_record *j = journal_read(state_dir, key, runs[i], err);
        const char *id, *outcome;

        if (j == NULL)
            goto out;
        id = json_string_value(json_object_get(journal_last(j, "backup"), "archive_id"));
        outcome = json_string_value(json_object_get(journal_last(j, "outcome"), "outcome"));
        /* Nothing was changed, or it was undone: nobody will ask for it.  What is not known counts
         * as needed. */
        if (j->damaged && id == NULL)
            log_warn("the journal of run %s is damaged: which backup it needs, if any, is not known", runs[i]);
        if (id != NULL &&
            (j->damaged || (journal_last(j, "undone") == NULL &&
                            (outcome == NULL || (strcmp(outcome, "rolled-back") != 0 && strcmp(outcome, "not-started") != 0)))) &&
            strings_add(ids, id, err) != 0) {
            journal_record_free(j);
            goto out;
        }
        journal_record_free(j);
    }
    rc = 0;
out:
    journal_list_free(runs, n);
    return rc;
}

static int needed(const char *state_dir, char ***ids, struct err *err)
{
    struct buf path = {0};
    struct dirent *f;
    DIR *d = NULL;
    int rc = -1;

    if (state_dir == NULL)
        return 0;
    if (buf_addf(&path, err, "%s/runs", state_dir) != 0)
        goto out;
    if ((d = opendir(path.data)) == NULL) {
        rc = errno == ENOENT || errno == ENOTDIR
                 ? 0
                 : err_set_errno(err, ERR_FAILED, "cannot read \"%s\", where it says which backups are needed", path.data);
        goto out;
    }
    while ((f = readdir(d)) != NULL)
        if (f->d_name[0] != '.' && add_needed(state_dir, f->d_name, ids, err) != 0)
            goto out;
    rc = 0;
out:
    if (d != NULL)
        (void)closedir(d);
    buf_free(&path);
    return rc;
}

/* ---- rules ---- */

enum period { DAY, WEEK, MONTH, YEAR };

/* A number that is the same for two times in one period (UTC; weeks begin on Monday). */
static long period_of(time_t when, enum period p)
{
    struct tm tm;
    long days = (long)(when / 86400);

    if (p == DAY)
        return days;
    if (p == WEEK)
        return (days + 3) / 7; /* 1970-01-01 was a Thursday */
    (void)gmtime_r(&when, &tm);
    return p == MONTH ? tm.tm_year * 12L + tm.tm_mon : tm.tm_year;
}

/* Made by a clock that was wrong: it must not stand in the place of the newest for ever. */
static int is_from_the_future(const struct prune_options *o, const struct shelf_entry *e)
{
    return e->when > o->now + 86400;
}

/* The newest of each of the last N periods that have one. */
static void keep_periods(const struct prune_options *o, const struct shelf *s, size_t first, const char **keep, int n, enum period p,
                         const char *why)
{
    long last = -1;

    for (size_t i = first; n > 0 && i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];

        if (!is_good(e) || is_from_the_future(o, e) || !same_group(e, &s->entries[first]) ||
            period_of(e->when, p) == last)
            continue;
        last = period_of(e->when, p);
        n--;
        if (keep[i] == NULL)
            keep[i] = why;
    }
}

static int name_matches(const struct shelf_entry *e, const struct cli_list *names)
{
    for (size_t i = 0; names != NULL && i < names->count; i++)
        if (fnmatch(names->items[i], e->name, 0) == 0 ||
            (e->label != NULL && fnmatch(names->items[i], e->label, 0) == 0))
            return 1;
    return 0;
}

/* A copy of a backup that stands before it in S: it counts once. */
static int is_copy(const struct shelf *s, size_t first, size_t i)
{
    for (size_t k = first; k < i; k++)
        if (is_good(&s->entries[k]) && strcmp(s->entries[k].archive_id, s->entries[i].archive_id) == 0)
            return 1;
    return 0;
}

/* FIRST is the newest of its database. */
static void apply_rules(const struct prune_options *o, const struct shelf *s, size_t first,
                        const char **keep)
{
    int n = 0;

    for (size_t i = first; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];

        if (!is_good(e) || !same_group(e, &s->entries[first]))
            continue;
        if (is_from_the_future(o, e)) {
            keep[i] = "its time is in the future";
            continue;
        }
        if (n < o->last)
            keep[i] = "among the newest";
        else if (o->within_ms > 0 && (int64_t)(o->now - e->when) * 1000 <= o->within_ms)
            keep[i] = "young enough";
        else if (name_matches(e, o->names))
            keep[i] = "its name";
        n += !is_copy(s, first, i);
    }
    keep_periods(o, s, first, keep, o->daily, DAY, "newest of its day");
    keep_periods(o, s, first, keep, o->weekly, WEEK, "newest of its week");
    keep_periods(o, s, first, keep, o->monthly, MONTH, "newest of its month");
    keep_periods(o, s, first, keep, o->yearly, YEAR, "newest of its year");
}

/* Before anything of a database goes, one that stays must be proven good: every stored byte is as it
 * was signed. */
static int prove_one(const struct prune_options *o, const struct shelf *s, size_t first,
                     const char **keep, struct err *err)
{
    int going = 0;

    for (size_t i = first; i < s->count; i++)
        going += is_good(&s->entries[i]) && same_group(&s->entries[i], &s->entries[first]) &&
                 keep[i] == NULL;
    if (going == 0)
        return 0;
    for (size_t i = first; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];
        struct err why = {0};

        if (!is_good(e) || !same_group(e, &s->entries[first]))
            continue;
        if (verify_stored(e->path, o->keys, &why) == 0) {
            if (keep[i] == NULL)
                keep[i] = "the newest that is proven good";
            return 0;
        }
        if (why.kind == ERR_INTERRUPTED) {
            *err = why;
            return -1;
        }
        log_warn("%s", why.message);
        keep[i] = "not good: look at it";
    }
    return 0;
}

static int remove_file(const char *path, struct err *err)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return err_set_errno(err, ERR_FAILED, "cannot remove \"%s\"", path);
    return 0;
}

static int decide(const struct prune_options *o, const struct shelf *s, const char **keep,
                  struct err *err)
{
    int rules = o->last > 0 || o->daily > 0 || o->weekly > 0 || o->monthly > 0 || o->yearly > 0 ||
                o->within_ms > 0 || (o->names != NULL && o->names->count > 0);
    char **ids = NULL;
    int rc = -1;

    if (!rules && o->max_age_ms <= 0) {
        err_set(err, ERR_USAGE, "no rule says what to keep");
        err_hint(err, "--keep-last N, --keep-within 30d, --keep-daily N, --keep-weekly N, --keep-monthly N, --keep-yearly N, --keep-name PATTERN, or --max-age D; backup.keep in mig.json");
        return -1;
    }
    if (needed(o->state_dir, &ids, err) != 0)
        goto out;
    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_entry *e = &s->entries[i];
        size_t first = 0;

        if (e->problem != NULL) {
            keep[i] = "cannot be read";
            continue;
        }
        if (!e->trusted) {
            keep[i] = "its signer is not trusted here";
            continue;
        }
        while (!is_good(&s->entries[first]) || !same_group(&s->entries[first], e))
            first++;
        if (first == i && rules)
            apply_rules(o, s, first, keep);
        if (keep[i] == NULL && !rules)
            keep[i] = "young enough";
        if (keep[i] == NULL && strings_find(ids, e->archive_id) >= 0)
            keep[i] = "a run could still be undone with it";
    }
    /* The greatest age goes over every rule, and over what cannot be read; not over the last good one. */
    for (size_t i = 0; o->max_age_ms > 0 && i < s->count; i++)
        if ((int64_t)(o->now - s->entries[i].when) * 1000 > o->max_age_ms)
            keep[i] = NULL;
    for (size_t i = 0; i < s->count; i++) {
        size_t first = 0;

        if (!is_good(&s->entries[i]))
            continue;
        while (!is_good(&s->entries[first]) || !same_group(&s->entries[first], &s->entries[i]))
            first++;
        if (first == i && prove_one(o, s, i, keep, err) != 0)
            goto out;
    }
    rc = 0;
out:
    strings_free(ids);
    return rc;
}

void prune_defaults(struct prune_options *o, const struct config *config)
{
    if (o->last > 0 || o->daily > 0 || o->weekly > 0 || o->monthly > 0 || o->yearly > 0 ||
        o->within_ms > 0 || o->max_age_ms > 0)
        return;
    o->last = (int)config_integer(config, "backup.keep.last");
    o->daily = (int)config_integer(config, "backup.keep.daily");
    o->weekly = (int)config_integer(config, "backup.keep.weekly");
    o->monthly = (int)config_integer(config, "backup.keep.monthly");
    o->yearly = (int)config_integer(config, "backup.keep.yearly");
    o->within_ms = config_integer(config, "backup.keep.within");
    o->max_age_ms = config_integer(config, "backup.keep.max_age");
}

int prune_run(const struct prune_options *o, struct prune_result *r, struct err *err)
{
    struct shelf *s = shelf_read(o->dir, o->keys, err);
    const char **keep = NULL;
    int rc = -1;

    memset(r, 0, sizeof(*r));
    if (s == NULL)
        return -1;
    keep = calloc(s->count + 1, sizeof(*keep));
    r->entries = calloc(s->count + 1, sizeof(*r->entries));
    if (keep == NULL || r->entries == NULL) {
        err_oom(err);
        goto out;
    }
    if (decide(o, s, keep, err) != 0)
        goto out;
    if (!o->dry_run)
        outfile_sweep(o->dir);
    for (size_t i = 0; i < s->count; i++) {
        struct prune_entry *e = &r->entries[i];

        if (interrupt_check(err) != 0 || strings_dup(&e->path, s->entries[i].path, err) != 0)
            goto out;
        r->count++;
        e->bytes = s->entries[i].bytes;
        e->removed = keep[i] == NULL;
        e->why = keep[i] != NULL        ? keep[i]
                 : o->max_age_ms > 0 && (int64_t)(o->now - s->entries[i].when) * 1000 > o->max_age_ms
                     ? "older than the greatest age"
                     : "no rule keeps it";
        if (!e->removed)
            continue;
        if (!o->dry_run && remove_file(e->path, err) != 0)
            goto out;
        r->removed++;
        r->bytes += e->bytes;
    }
    rc = 0;
out:
    free(keep);
    shelf_free(s);
    return rc;
}

void prune_result_free(struct prune_result *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->entries[i].path);
    free(r->entries);
    memset(r, 0, sizeof(*r));
}

void prune_print(const struct prune_result *r, int dry_run, FILE *out)
{
    char bytes[32];

    for (size_t i = 0; i < r->count; i++)
        fprintf(out, "%-6s  %s  (%s)\n", r->entries[i].removed ? "remove" : "keep", r->entries[i].path,
                r->entries[i].why);
    fprintf(out, "%zu of %zu backups %s, %s%s\n", r->removed, r->count,
            dry_run ? "would be removed" : "removed", report_bytes(r->bytes, bytes),
            dry_run ? " (nothing was)" : "");
}

int prune_print_json(const struct prune_result *r, int dry_run, FILE *out, struct err *err)
{
    json_t *all = json_array(), *o;
    int rc;

    for (size_t i = 0; i < r->count; i++)
        (void)json_array_append_new(all, json_pack("{s:s, s:b, s:s, s:I}", "file", r->entries[i].path,
                                                   "removed", r->entries[i].removed, "why",
                                                   r->entries[i].why, "bytes",
                                                   (json_int_t)r->entries[i].bytes));
    o = json_pack("{s:s, s:b, s:I, s:I, s:o}", "schema", "mig-backup/1", "dry_run", dry_run, "removed",
                  (json_int_t)r->removed, "bytes", (json_int_t)r->bytes, "backups", all);
    rc = o == NULL ? err_oom(err) : report_json(out, o, err);
    json_decref(o);
    return rc;
}
