#include "backup/ddl.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/process.h"
#include "core/strings.h"
#include "pg/child.h"
#include "pg/query.h"

static const char mark_sql[] =
#include "backup/sql/mark.sql.h"
    ;

struct ddl {
    pthread_t thread;
    int running;
    _Atomic int stop;
    char *mark; /* of the catalog before pg_dump looked, or NULL */
    char **argv, **env;
    struct process_result result;
    struct err err;
    int rc;
};

static void *run(void *arg)
{
    struct ddl *d = arg;
    struct process_options o = {.argv = (const char *const *)d->argv,
                                .env = (const char *const *)d->env,
                                .stop = &d->stop};

    d->rc = process_run(&o, &d->result, &d->err);
    return NULL;
}

struct ddl *ddl_start(struct conn *c, const char *snapshot, const char *role, int ascii,
                      int64_t lock_timeout_ms, struct err *err)
{
    struct ddl *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        err_oom(err);
        return NULL;
    }
    if (strings_add(&d->argv, "pg_dump", err) != 0 ||
        strings_add(&d->argv, "--schema-only", err) != 0 ||
        strings_add(&d->argv, "--no-password", err) != 0 ||
        strings_add(&d->argv, "--no-publications", err) != 0 ||
        strings_add(&d->argv, "--no-subscriptions", err) != 0 ||
        (snapshot != NULL && strings_addf(&d->argv, err, "--snapshot=%s", snapshot) != 0) ||
        strings_addf(&d->argv, err, "--lock-wait-timeout=%" PRId64, lock_timeout_ms) != 0 ||
        strings_addf(&d->argv, err, "--role=%s", role) != 0 ||
        strings_addf(&d->argv, err, "--encoding=%s", ascii ? "SQL_ASCII" : "UTF8") != 0 ||
        (d->env = child_environment(c, err)) == NULL)
        goto fail;
    if (pthread_create(&d->thread, NULL, run, d) != 0) {
        err_set(err, ERR_FAILED, "cannot start a thread for pg_dump");
        goto fail;
    }
    d->running = 1;
    return d;
fail:
    ddl_free(d);
    return NULL;
}

struct ddl *ddl_ahead(struct conn *c, int64_t lock_timeout_ms, struct err *err)
{
    static const char who_sql[] = "SELECT current_user, pg_catalog.pg_encoding_to_char(d.encoding) = 'SQL_ASCII' "
                                  "FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()";
    struct query who = {.sql = who_sql, .columns = 2, .min_rows = 1, .max_rows = 1};
    struct result *r = NULL;
    struct ddl *d = NULL;
    char *mark = NULL;

    /* Before pg_dump looks: what changes from here on is seen by ddl_current. */
    if (query_value(c, mark_sql, &mark, err) == 0 && (r = query_run(c, &who, err)) != NULL &&
        (d = ddl_start(c, NULL, result_text(r, 0, 0), result_bool(r, 0, 1), lock_timeout_ms, err)) != NULL) {
        d->mark = mark;
        mark = NULL;
    }
    result_free(r);
    free(mark);
    return d;
}

int ddl_current(const struct ddl *d, struct conn *c, int *current, struct err *err)
{
    char *now = NULL;

    *current = 0;
    if (query_value(c, mark_sql, &now, err) != 0)
        return err_prefix(err, "cannot see whether the schema was changed meanwhile");
    *current = d->mark != NULL && strcmp(d->mark, now) == 0;
    free(now);
    return 0;
}

static size_t line_length(const char *line)
{
    const char *nl = strchr(line, '\n');

    return nl != NULL ? (size_t)(nl - line) + 1 : strlen(line);
}

static void cut_line(char *line)
{
    const char *rest = line + line_length(line);

    memmove(line, rest, strlen(rest) + 1);
}

/* Two lines are psql's, not the server's: \restrict TOKEN under pg_dump's opening comment, and \unrestrict with
 * the same token behind everything.  Any other stands in a literal or a body. */
static void drop_meta(char *text)
{
    static const char restricts[] = "\\restrict ", releases[] = "\\unrestrict ";
    char *first = text, *last = NULL, token[256];
    size_t n;

    while (*first == '\n' || strncmp(first, "--", 2) == 0)
        first += line_length(first);
    if (strncmp(first, restricts, strlen(restricts)) != 0)
        return;
    n = line_length(first + strlen(restricts));
    if (n >= sizeof(token))
        return;
    memcpy(token, first + strlen(restricts), n);
    token[n] = '\0';
    for (char *line = first; *line != '\0'; line += line_length(line))
        if (strncmp(line, releases, strlen(releases)) == 0 && line_length(line + strlen(releases)) == n &&
            strncmp(line + strlen(releases), token, n) == 0)
            last = line;
    if (last != NULL)
        cut_line(last);
    cut_line(first);
}

/* pg_dump's own words, one line. */
static char *complaint(const struct ddl *d, struct err *err)
{
    const char *said = d->result.err.len > 0 ? d->result.err.data : "";
    char line[1100];
    char *copy = NULL;
    size_t n;

    if (d->rc != 0)
        (void)snprintf(line, sizeof(line), "%s", d->err.message);
    else
        (void)snprintf(line, sizeof(line), "pg_dump failed with exit code %d: %s",
                       d->result.status, said);
    for (n = 0; line[n] != '\0'; n++)
        if (line[n] == '\n')
            line[n] = line[n + 1] == '\0' ? '\0' : ' ';
    return strings_dup(&copy, line, err) == 0 ? copy : NULL;
}

static void join(struct ddl *d)
{
    if (d->running)
        (void)pthread_join(d->thread, NULL);
    d->running = 0;
}

int ddl_finish(struct ddl *d, char **text, char **why, struct err *err)
{
    *text = *why = NULL;
    join(d);
    if (d->rc != 0 && d->err.kind == ERR_INTERRUPTED) {
        *err = d->err;
        return -1;
    }
    if (d->rc != 0 || d->result.status != 0 || d->result.out.len == 0)
        return (*why = complaint(d, err)) == NULL ? -1 : 0;
    if ((*text = buf_take(&d->result.out, err)) == NULL)
        return -1;
    drop_meta(*text);
    return 0;
}

void ddl_free(struct ddl *d)
{
    if (d == NULL)
        return;
    d->stop = 1;
    join(d);
    process_result_free(&d->result);
    strings_free(d->argv);
    child_environment_free(d->env);
    free(d->mark);
    free(d);
}
