#include "prodcheck/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/report.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "script/shown.h"

#define SQL(name) static const char name##_sql[] =
SQL(advisory_locks)
#include "prodcheck/sql/advisory_locks.sql.h"
    ;
SQL(archiving)
#include "prodcheck/sql/archiving.sql.h"
    ;
SQL(baseline)
#include "prodcheck/sql/baseline.sql.h"
    ;
SQL(checkpoint)
#include "prodcheck/sql/checkpoint.sql.h"
    ;
SQL(connections)
#include "prodcheck/sql/connections.sql.h"
    ;
SQL(disabled_triggers)
#include "prodcheck/sql/disabled_triggers.sql.h"
    ;
SQL(extensions)
#include "prodcheck/sql/extensions.sql.h"
    ;
SQL(idle_transactions)
#include "prodcheck/sql/idle_transactions.sql.h"
    ;
SQL(invalid_indexes)
#include "prodcheck/sql/invalid_indexes.sql.h"
    ;
SQL(lock_waits)
#include "prodcheck/sql/lock_waits.sql.h"
    ;
SQL(long_queries)
#include "prodcheck/sql/long_queries.sql.h"
    ;
SQL(long_transactions)
#include "prodcheck/sql/long_transactions.sql.h"
    ;
SQL(not_valid)
#include "prodcheck/sql/not_valid.sql.h"
    ;
SQL(prepared_transactions)
#include "prodcheck/sql/prepared_transactions.sql.h"
    ;
SQL(privileges)
#include "prodcheck/sql/privileges.sql.h"
    ;
SQL(progress)
#include "prodcheck/sql/progress.sql.h"
    ;
SQL(replication)
#include "prodcheck/sql/replication.sql.h"
    ;
SQL(sequences)
#include "prodcheck/sql/sequences.sql.h"
    ;
SQL(settings)
#include "prodcheck/sql/settings.sql.h"
    ;
SQL(sizes)
#include "prodcheck/sql/sizes.sql.h"
    ;
SQL(slots)
#include "prodcheck/sql/slots.sql.h"
    ;
SQL(standby)
#include "prodcheck/sql/standby.sql.h"
    ;
SQL(superuser)
#include "prodcheck/sql/superuser.sql.h"
    ;
SQL(target_locks)
#include "prodcheck/sql/target_locks.sql.h"
    ;
SQL(tls)
#include "prodcheck/sql/tls.sql.h"
    ;
SQL(tool_state)
#include "prodcheck/sql/tool_state.sql.h"
    ;
SQL(vacuum)
#include "prodcheck/sql/vacuum.sql.h"
    ;
SQL(vacuum_soon)
#include "prodcheck/sql/vacuum_soon.sql.h"
    ;
SQL(wraparound)
#include "prodcheck/sql/wraparound.sql.h"
    ;
SQL(xmin_horizon)
#include "prodcheck/sql/xmin_horizon.sql.h"
    ;

#define GB (1024.0 * 1024 * 1024)

static const struct check checks[] = {
    {"connection", NULL, CHECK_LOCAL, UNIT_NONE, 0, 0, 0, 0, "connected",
     "without a connection nothing can be checked", NULL},
    {"version", NULL, CHECK_LOCAL, UNIT_NONE, 0, 0, 0, 0, "supported",
     "a release past its end of life gets no fixes for the bugs that DDL meets",
     "upgrade PostgreSQL"},
    {"standby", standby_sql, 0, UNIT_NONE, 0, 0, 0, 0, "this server takes writes",
     "a migration on a read-only server fails, or it is the wrong server",
     "connect to the primary (target_session_attrs=read-write)"},
    {"environment", NULL, CHECK_LOCAL, UNIT_NONE, 0, 0, 0, 0, NULL,
     "the right migration on the wrong database is the worst of accidents",
     "check --env, $MIG_ENV, the address, and mig.json's environments"},
    {"pooler", NULL, CHECK_LOCAL, UNIT_NONE, 0, 0, 0, 0, "a session of our own",
     "behind a pooler that hands out transactions, session locks and settings go astray",
     "give the server's own address in $MIG_DATABASE_URL"},
    {"revision", NULL, CHECK_LOCAL | CHECK_AFTER, UNIT_NONE, 0, 0, 0, 0, NULL,
     "files and database that disagree make a migration start from the wrong place",
     "deploy the files that the database was migrated with, or stamp the right revision"},
    {"long-queries", long_queries_sql,
     CHECK_NEEDS_STATS | CHECK_VOLATILE | CHECK_ON_TABLES, UNIT_SECONDS, 60, 300, 30, 120,
     "no long queries", "DDL waits behind it, and everyone else behind the DDL",
     "wait, or cancel it: SELECT pg_cancel_backend(PID)"},
    {"long-transactions", long_transactions_sql,
     CHECK_NEEDS_STATS | CHECK_VOLATILE | CHECK_ON_TABLES, UNIT_SECONDS, 30, 300, 30, 120,
     "no long transactions", "it keeps its locks until it ends: DDL waits, and everyone behind it",
     "end it in its session, or: SELECT pg_terminate_backend(PID)"},
    {"idle-transactions", idle_transactions_sql,
     CHECK_NEEDS_STATS | CHECK_VOLATILE | CHECK_ON_TABLES, UNIT_SECONDS, 30, 300, 10, 60,
     "no session idles in a transaction",
     "nobody knows when an idle transaction will let go of its locks",
     "end it in its session, or: SELECT pg_terminate_backend(PID); set "
     "idle_in_transaction_session_timeout"},
    {"lock-waits", lock_waits_sql, CHECK_NEEDS_STATS | CHECK_VOLATILE | CHECK_ON_TABLES,
     UNIT_SECONDS, 5, 60, 2, 30, "nobody waits for a lock",
     "the migration would join the queue and hold up all who come after it",
     "let the blocker finish, or end it: SELECT pg_terminate_backend(PID)"},
    {"target-locks", target_locks_sql, CHECK_NEEDS_STATS | CHECK_VOLATILE | CHECK_FOR_PLAN,
     UNIT_SECONDS, 10, 60, 5, 30, "no lasting locks on the affected tables",
     "the plan needs these very tables", "wait until it ends, or end it"},
    {"prepared-transactions", prepared_transactions_sql, CHECK_VOLATILE, UNIT_SECONDS, 1, 30, 0, 0,
     "no prepared transactions", "its locks survive every restart until someone decides",
     "COMMIT PREPARED or ROLLBACK PREPARED it"},
    {"migration-locks", advisory_locks_sql, CHECK_VOLATILE, UNIT_NONE, 0, 0, 0, 0,
     "no other migration is running", "two migrations at once corrupt each other's assumptions",
     "wait for the other migration, or end its session if it is dead"},
    {"tool-state", tool_state_sql, CHECK_VOLATILE, UNIT_NONE, 0, 0, 0, 0,
     "no other tool's migration stands halfway",
     "a lock that is a row, or a migration that stopped halfway, of another tool in this database",
     "finish or repair it with that tool first"},
    {"vacuum", vacuum_sql, CHECK_NEEDS_STATS | CHECK_VOLATILE | CHECK_ON_TABLES, UNIT_NONE, 0, 0, 0,
     0, "no vacuum in the way", "it holds a lock that DDL waits for; against wraparound it does not yield",
     "wait until it is through"},
    {"vacuum-soon", vacuum_soon_sql, CHECK_ON_TABLES, UNIT_PERCENT, 90, 0, 0, 0,
     "no forced vacuum is near", "a vacuum that does not yield may begin at any moment",
     "VACUUM (FREEZE) the table beforehand"},
    {"wraparound", wraparound_sql, 0, UNIT_COUNT, 1.3e9, 1.6e9, 0, 0,
     "transaction ids are far from their end",
     "a rewrite uses transactions and time that freezing needs",
     "find what holds back vacuum, then VACUUM (FREEZE) the oldest tables"},
    {"xmin-horizon", xmin_horizon_sql, CHECK_NEEDS_STATS | CHECK_VOLATILE, UNIT_SECONDS, 900, 3600, 0,
     0, "no old snapshot is held",
     "CREATE INDEX CONCURRENTLY waits for it, and dead rows of a mass update cannot be cleaned",
     "end the session, or drop the slot"},
    {"progress", progress_sql, CHECK_NEEDS_STATS | CHECK_VOLATILE | CHECK_ON_TABLES, UNIT_NONE, 0, 0,
     0, 0, "no other heavy work is running", "it holds locks or eats the I/O that the plan needs",
     "wait until it is through"},
    {"invalid-indexes", invalid_indexes_sql, CHECK_ON_TABLES | CHECK_AFTER, UNIT_NONE, 0, 0, 0, 0,
     "all indexes are valid",
     "left by an earlier failure: it slows every write, and its name is taken",
     "DROP INDEX CONCURRENTLY it, or REINDEX INDEX CONCURRENTLY it"},
    {"not-valid-constraints", not_valid_sql, CHECK_ON_TABLES | CHECK_AFTER, UNIT_NONE, 0, 0, 0, 0,
     "all constraints are validated", "an earlier migration was not finished",
     "ALTER TABLE ... VALIDATE CONSTRAINT ..."},
    {"disabled-triggers", disabled_triggers_sql, CHECK_ON_TABLES | CHECK_AFTER, UNIT_COUNT, 0, 0, 0,
     0, "all triggers are enabled", "a restore may have stopped halfway, or rows go unchecked",
     "ALTER TABLE ... ENABLE TRIGGER ..."},
    {"sequences", sequences_sql, CHECK_ON_TABLES, UNIT_PERCENT, 85, 95, 0, 0,
     "no sequence is near its end", "a migration that inserts or restores rows may use it up",
     "widen the column and the sequence to bigint"},
    {"sizes", sizes_sql, CHECK_FOR_PLAN, UNIT_SECONDS, 60, 0, 0, 0, "the affected tables are small",
     "what must be copied or rewritten is locked for that long",
     "plan a window; mig-validate says which statements rewrite"},
    {"privileges", privileges_sql, 0, UNIT_NONE, 0, 0, 0, 0, "the role may do all that the plan needs",
     "a migration that fails half-way for a missing right has held its locks for nothing",
     "run as the owner, or GRANT it"},
    {"extensions", extensions_sql, 0, UNIT_NONE, 0, 0, 0, 0, "the plan needs no extension that is missing",
     "CREATE EXTENSION fails", "install the extension's package, or create it as a superuser"},
    {"connections", connections_sql, CHECK_VOLATILE, UNIT_PERCENT, 90, 95, 80, 95,
     "connections to spare", "the migration, its workers or the operator may not get in",
     "close idle sessions, or raise the limit"},
    {"replication", replication_sql, CHECK_NEEDS_STATS | CHECK_VOLATILE, UNIT_SECONDS, 10, 60, 5, 30,
     "standbys keep up", "a burst of WAL makes a late standby later, and a failover lose more",
     "wait until the standby has caught up"},
    {"slots", slots_sql, 0, UNIT_BYTES, 1 * GB, 10 * GB, 0, 0, "no slot keeps WAL for nobody",
     "a rewrite's WAL fills the disk that an idle slot already fills",
     "SELECT pg_drop_replication_slot('NAME') if its consumer is gone"},
    {"archiving", archiving_sql, 0, UNIT_COUNT, 0, 0, 0, 0, "archiving works",
     "without the archive there is no point to recover to", "look at the server's log and repair "
                                                            "archive_command"},
    {"checkpoint", checkpoint_sql, 0, UNIT_TIMES, 2, 0, 0, 0, "checkpoints are on time",
     "the disk is busy already", "wait, or CHECKPOINT"},
    {"disk", NULL, CHECK_LOCAL, UNIT_PERCENT, 90, 95, 0, 0, "room on the disk",
     "a rewrite needs the table's size again, and its WAL", "free or add disk space"},
    {"settings", settings_sql, 0, UNIT_NONE, 0, 0, 0, 0, "timeouts are set",
     "DDL that waits without a limit stops the application",
     "ALTER ROLE migrator SET lock_timeout = '2s'"},
    {"tls", tls_sql, 0, UNIT_NONE, 0, 0, 0, 0, NULL,
     "data and password travel in the clear, or to whoever says that it is the server", "sslmode=verify-full"},
    {"superuser", superuser_sql, 0, UNIT_NONE, 0, 0, 0, 0, "an ordinary role",
     "no privilege stops a mistake", "migrate as the owner of the tables"},
    {"backup", NULL, CHECK_LOCAL, UNIT_SECONDS, 3600, 86400, 0, 0, NULL, "it is the only way back",
     "mig-backup create"},
    {"window", NULL, CHECK_LOCAL, UNIT_NONE, 0, 0, 0, 0, NULL,
     "outside of the window nobody is there to help", "wait for the window"},
    {"flag-file", NULL, CHECK_LOCAL, UNIT_NONE, 0, 0, 0, 0, NULL, "someone asked to hold off",
     "ask who made it; remove it when it is over"},
    {"baseline", baseline_sql, CHECK_AFTER, UNIT_COUNT, 0, 0, 0, 0, NULL,
     "what changed around a deployment, and was not meant to",
     "look at what changed; remove the file to begin anew"},
    {"health", NULL, CHECK_LOCAL | CHECK_AFTER, UNIT_NONE, 0, 0, 0, 0, NULL,
     "an application that is ill already hides what a migration does to it",
     "look at the application first"},
};

const struct check *check_table(size_t *n)
{
    *n = sizeof(checks) / sizeof(checks[0]);
    return checks;
}

const struct check *check_find(const char *id)
{
    size_t i;

    for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (strcmp(checks[i].id, id) == 0)
            return &checks[i];
    return NULL;
}

const char *check_unit_name(enum check_unit unit)
{
    static const char *const names[] = {
        [UNIT_NONE] = "",   [UNIT_SECONDS] = "s", [UNIT_PERCENT] = "%",
        [UNIT_BYTES] = "B", [UNIT_COUNT] = "",    [UNIT_TIMES] = "",
    };

    return names[unit];
}

/* --- thresholds --- */

/* A number, or for seconds a duration ("5min"). */
static int read_limit(const json_t *value, const struct check *k, const char *word, double *limit,
                      struct err *err)
{
    int64_t ms;

    if (value == NULL)
        return 0;
    if (json_is_number(value)) {
        *limit = json_number_value(value);
        return 0;
    }
    if (json_is_string(value) && k->unit == UNIT_SECONDS) {
        if (cli_duration(json_string_value(value), &ms, err) != 0)
            return err_prefix(err, "mig.json: prodcheck.thresholds.%s.%s", k->id, word);
        *limit = (double)ms / 1000;
        return 0;
    }
    return err_set(err, ERR_USAGE, "mig.json: prodcheck.thresholds.%s.%s must be a number%s", k->id,
                   word, k->unit == UNIT_SECONDS ? " of seconds, or a duration such as \"5min\"" : "");
}

int check_limits(const struct check *k, const struct verdict_options *o, struct check_limits *limits,
                 struct err *err)
{
    const struct environment *e = o->environment;
    int production = e != NULL && e->production;
    const json_t *said;

    limits->warn = production && k->production_warn > 0 ? k->production_warn : k->warn;
    limits->fail = production && k->production_fail > 0 ? k->production_fail : k->fail;
    if (strcmp(k->id, "backup") == 0 && o->config != NULL &&
        config_integer(o->config, "prodcheck.backup_max_age") > 0)
        limits->fail = (double)config_integer(o->config, "prodcheck.backup_max_age") / 1000;
    said = o->config != NULL
               ? json_object_get(config_json(o->config, "prodcheck.thresholds"), k->id)
               : NULL;
    if (read_limit(json_object_get(said, "warn"), k, "warn", &limits->warn, err) != 0)
        return -1;
    return read_limit(json_object_get(said, "fail"), k, "fail", &limits->fail, err);
}

int check_thresholds(const struct config *config, struct err *err)
{
    const json_t *all = config != NULL ? config_json(config, "prodcheck.thresholds") : NULL, *one;
    const char *id, *word;
    const json_t *value;

    json_object_foreach((json_t *)(uintptr_t)all, id, one) {
        if (check_find(id) == NULL)
            return err_set(err, ERR_USAGE, "mig.json: prodcheck.thresholds: there is no check \"%s\"",
                           id);
        json_object_foreach((json_t *)(uintptr_t)one, word, value) {
            (void)value;
            if (strcmp(word, "warn") != 0 && strcmp(word, "fail") != 0)
                return err_set(err, ERR_USAGE,
                               "mig.json: prodcheck.thresholds.%s has \"%s\"; it may have \"warn\" and "
                               "\"fail\"", id, word);
        }
    }
    return 0;
}

/* --- results --- */

void check_result_wipe(struct check_result *r)
{
    free(r->value);
    free(r->threshold);
    free(r->message);
    free(r->remedy);
    json_decref(r->evidence);
    memset(r, 0, sizeof(*r));
}

static char *format_value(enum check_unit unit, double v, struct err *err)
{
    char text[64], part[32];
    char *copy;

    switch (unit) {
    case UNIT_SECONDS:
        if (v < 10)
            (void)snprintf(text, sizeof(text), "%.1f s", v);
        else
            (void)snprintf(text, sizeof(text), "%s", report_duration((int64_t)(v * 1000), part));
        break;
    case UNIT_PERCENT:
        (void)snprintf(text, sizeof(text), "%.0f %%", v);
        break;
    case UNIT_BYTES:
        (void)snprintf(text, sizeof(text), "%s", report_bytes(v > 0 ? (uint64_t)v : 0, part));
        break;
    case UNIT_TIMES:
        (void)snprintf(text, sizeof(text), "%.1fx", v);
        break;
    case UNIT_COUNT:
    case UNIT_NONE:
    default:
        (void)snprintf(text, sizeof(text), "%s", report_count(v > 0 ? (uint64_t)v : 0, part));
        break;
    }
    if ((copy = strdup(text)) == NULL)
        err_oom(err);
    return copy;
}

static int set_threshold(struct check_result *out, const struct check *k,
                         const struct check_limits *l, struct err *err)
{
    struct buf b = {0};
    char *warn = NULL, *fail = NULL;
    int rc = -1;

    out->warn = l->warn;
    out->fail = l->fail;
    out->unit = check_unit_name(k->unit);
    if (l->warn <= 0 && l->fail <= 0)
        return 0;
    if ((warn = format_value(k->unit, l->warn, err)) == NULL ||
        (fail = format_value(k->unit, l->fail, err)) == NULL)
        goto out;
    if (buf_addf(&b, err, "%s%s%s%s%s", l->warn > 0 ? "warn " : "", l->warn > 0 ? warn : "",
                 l->warn > 0 && l->fail > 0 ? ", " : "", l->fail > 0 ? "fail " : "",
                 l->fail > 0 ? fail : "") != 0)
        goto out;
    free(out->threshold);
    rc = (out->threshold = buf_take(&b, err)) != NULL ? 0 : -1;
out:
    buf_free(&b);
    free(warn);
    free(fail);
    return rc;
}

int check_say(struct check_result *out, const struct check *k, enum check_status status,
              struct err *err, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    int n;

    out->id = k->id;
    out->status = status;
    out->why = k->why;
    out->unit = check_unit_name(k->unit);
    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || buf_reserve(&b, (size_t)n, err) != 0)
        return -1;
    va_start(ap, fmt);
    (void)vsnprintf(b.data, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b.len = (size_t)n;
    free(out->message);
    if ((out->message = buf_take(&b, err)) == NULL)
        return -1;
    if (out->remedy == NULL && k->remedy != NULL && status != CHECK_OK && status != CHECK_SKIPPED &&
        (out->remedy = strdup(k->remedy)) == NULL)
        return err_oom(err);
    return 0;
}

int check_evidence(struct check_result *out, const char *object, const double *value,
                   const char *detail, const char *query, struct err *err)
{
    json_t *row = json_object();
    char *shown = query != NULL && query[0] != '\0' && query[0] != '<' ? shown_normalize(query) : NULL;
    int rc = 0;

    if (out->evidence == NULL)
        out->evidence = json_array();
    if (row == NULL || out->evidence == NULL ||
        json_object_set_new(row, "object", json_string(object != NULL ? object : "")) != 0 ||
        json_object_set_new(row, "value", value != NULL && isfinite(*value) ? json_real(*value)
                                                                            : json_null()) != 0 ||
        json_object_set_new(row, "detail", json_string(detail != NULL ? detail : "")) != 0 ||
        (shown != NULL && json_object_set_new(row, "query", json_string(shown)) != 0) ||
        json_array_append(out->evidence, row) != 0)
        rc = err_oom(err);
    json_decref(row);
    free(shown);
    return rc;
}

/* --- judging rows --- */

static enum check_status by_limits(const struct check_limits *l, double v)
{
    if (l->fail > 0 && v >= l->fail)
        return CHECK_FAIL;
    return l->warn > 0 && v >= l->warn ? CHECK_WARN : CHECK_OK;
}

static enum check_status level_of(const struct check_limits *l, const char *level, double v,
                                  int has_value)
{
    enum check_status s = has_value ? by_limits(l, v) : CHECK_OK;

    if (level == NULL)
        return s;
    if (strcmp(level, "fail") == 0)
        return CHECK_FAIL;
    if (strcmp(level, "error") == 0)
        return CHECK_ERROR;
    if (strcmp(level, "cap-warn") == 0)
        return s == CHECK_FAIL ? CHECK_WARN : s;
    if (strcmp(level, "warn-at-least") == 0)
        return s == CHECK_FAIL ? CHECK_FAIL : CHECK_WARN;
    if (strcmp(level, "warn") == 0)
        return CHECK_WARN;
    return CHECK_OK;
}

/* fail over error over warn over ok */
static int rank(enum check_status s)
{
    static const int ranks[] = {
        [CHECK_OK] = 0, [CHECK_SKIPPED] = 0, [CHECK_WARN] = 1, [CHECK_ERROR] = 2, [CHECK_FAIL] = 3,
    };

    return ranks[s];
}

/* "OBJECT: DETAIL (VALUE), and 3 more" */
static int tell(const struct check *k, const struct result *r, int row, int more,
                struct check_result *out, struct err *err)
{
    const char *object = result_text(r, row, 0), *detail = result_text(r, row, 2);
    char tail[48] = "";

    if (more > 0)
        (void)snprintf(tail, sizeof(tail), ", and %d more", more);
    return check_say(out, k, out->status, err, "%s: %s%s%s%s%s%s", object != NULL ? object : "?",
                     detail != NULL ? detail : "?",
                     k->unit == UNIT_SECONDS && out->value != NULL ? ", for " : "",
                     k->unit == UNIT_SECONDS && out->value != NULL ? out->value : "",
                     k->unit == UNIT_PERCENT && out->value != NULL ? ", " : "",
                     k->unit == UNIT_PERCENT && out->value != NULL ? out->value : "", tail);
}

int check_judge(const struct check *k, const struct check_limits *limits, const struct result *r,
                struct check_result *out, struct err *err)
{
    int i, worst = -1, more = 0;

    out->id = k->id;
    out->status = CHECK_OK;
    if (set_threshold(out, k, limits, err) != 0)
        return -1;
    for (i = 0; i < result_rows(r); i++) {
        int has = result_text(r, i, 1) != NULL;
        double v = result_double(r, i, 1);
        enum check_status s = level_of(limits, result_text(r, i, 3), v, has);

        if (has && (!out->has_number || v > out->number)) {
            out->has_number = 1;
            out->number = v;
        }
        if (s != CHECK_OK) {
            if (check_evidence(out, result_text(r, i, 0), has ? &v : NULL, result_text(r, i, 2),
                               result_text(r, i, 4), err) != 0)
                return -1;
            more++;
        }
        if (s != CHECK_OK && (worst < 0 || rank(s) > rank(out->status))) {
            worst = i;
            out->status = s;
        }
    }
    /* What is said is said of the worst row; the number is the greatest of all. */
    if (worst >= 0 && result_text(r, worst, 1) != NULL)
        out->number = result_double(r, worst, 1);
    if (out->has_number && (out->value = format_value(k->unit, out->number, err)) == NULL)
        return -1;
    if (worst >= 0)
        return tell(k, r, worst, more - 1, out, err);
    return check_say(out, k, CHECK_OK, err, "%s", k->ok != NULL ? k->ok : "nothing to say");
}
