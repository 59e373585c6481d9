#include "pg/conn.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/cli.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/strings.h"
#include "pg/address.h"
#include "pg/cancel.h"
#include "pg/complaint.h"
#include "pg/conn_internal.h"
#include "pg/dial.h"
#include "pg/environment.h"
#include "pg/password.h"
#include "pg/session.h"

/* How long a server may take to answer a cancel request before the connection is given up. */
#define CANCEL_PATIENCE_MS 5000
#define SLICE_MS 500

struct conn {
    PGconn *raw;
    struct address address;
    char *application, *role, *title;
    int connect_timeout_s;
    int64_t lock_timeout_ms, time_limit_ms;
    int answering_pid; /* pg_backend_pid() of the first query */
    int lost, shielded;
    int64_t watch_ms;
    void (*look)(void *arg);
    void *look_arg;
    enum conn_profile profile;
    char **prepared; /* names */
    struct session_along *along; /* asked with the settings, or NULL */
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_notice(void *arg, const PGresult *r)
{
    const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    (void)arg;
    if (message == NULL)
        return;
    /* A rollback outside a transaction is how clean-up works, not news. */
    if (severity == NULL || strcmp(severity, "WARNING") != 0 ||
        (state != NULL && strcmp(state, "25P01") == 0)) {
        log_debug("server: %s", message);
        return;
    }
    log_warn("server: %s", message);
    if (hint != NULL)
        log_hint("%s", hint);
}

char ***conn_prepared(struct conn *c)
{
    return &c->prepared;
}

PGconn *conn_raw(const struct conn *c)
{
    return c->raw;
}

struct session_along *conn_take_along(struct conn *c)
{
    struct session_along *along = c->along;

    c->along = NULL;
    return along;
}

int conn_check(struct conn *c, struct err *err)
{
    return c->shielded ? 0 : interrupt_check(err);
}

int conn_wait(struct conn *c, int write, struct err *err)
{
    int64_t start = now_ms(), cancelled = 0, looked = start;
    struct pollfd p = {.fd = PQsocket(c->raw), .events = POLLIN};

    if (write)
        p.events |= POLLOUT;
    for (;;) {
        int64_t left = c->time_limit_ms > 0 ? start + c->time_limit_ms - now_ms() : SLICE_MS;
        int n;

        if (left <= 0) {
            c->lost = 1;
            err_set(err, ERR_FAILED, "the server at %s did not answer within %.3g s", conn_title(c),
                    (double)c->time_limit_ms / 1000);
            return -1;
        }
        if (left > SLICE_MS)
            left = SLICE_MS;
        if (c->look != NULL && left > c->watch_ms)
            left = c->watch_ms;
        n = poll(&p, 1, (int)left);
        if (n > 0)
            return 0;
        if (n == 0 && c->look != NULL && now_ms() - looked >= c->watch_ms) {
            c->look(c->look_arg);
            looked = now_ms();
        }
        if (n < 0 && errno != EINTR)
            return err_set_errno(err, ERR_FAILED, "cannot wait for the server at %s",
                                 conn_title(c));
        if (c->shielded || !interrupt_pending())
            continue;
        if (cancelled == 0)
            cancelled = now_ms();
        else if (now_ms() - cancelled > CANCEL_PATIENCE_MS) {
            c->lost = 1;
            return interrupt_check(err);
        } else if (n == 0)
            cancel_again(); /* the first request may have come before the query */
    }
}

int conn_next(struct conn *c, PGresult **r, struct err *err)
{
    int flushed;

    *r = NULL;
    while ((flushed = PQflush(c->raw)) == 1) {
        if (conn_wait(c, 1, err) != 0)
            return -1;
        if (!PQconsumeInput(c->raw))
            return conn_failure(c, NULL, err);
    }
    if (flushed < 0)
        return conn_failure(c, NULL, err);
    while (PQisBusy(c->raw)) {
        if (conn_wait(c, 0, err) != 0)
            return -1;
        if (!PQconsumeInput(c->raw))
            return conn_failure(c, NULL, err);
    }
    *r = PQgetResult(c->raw);
    return 0;
}

void conn_drain(struct conn *c)
{
    struct err ignored = {0};
    PGresult *r = NULL;

    while (!conn_lost(c) && conn_next(c, &r, &ignored) == 0 && r != NULL) {
        ExecStatusType status = PQresultStatus(r);

        PQclear(r);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_BOTH) {
            if (PQputCopyEnd(c->raw, "not expected here") < 0)
                c->lost = 1;
        } else if (status == PGRES_COPY_OUT) {
            char *data = NULL;

            while (PQgetCopyData(c->raw, &data, 0) > 0)
                PQfreemem(data);
        }
    }
}

int conn_failure(struct conn *c, const PGresult *r, struct err *err)
{
    const char *message = r != NULL ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *state = r != NULL ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;

    if (err->kind != ERR_NONE)
        return -1;
    if (PQstatus(c->raw) == CONNECTION_BAD)
        c->lost = 1;
    if ((state == NULL || strcmp(state, "57014") == 0) && !c->shielded && interrupt_pending())
        return interrupt_check(err);
    if (message == NULL) {
        char line[900];

        complaint_line(line, sizeof(line), r != NULL ? PQresultErrorMessage(r) : PQerrorMessage(c->raw));
        err_set(err, ERR_FAILED, "%s", line[0] != '\0' ? line : "the server gave no answer");
        return -1;
    }
    return complaint_of(r, err);
}

/* "user@host:port/dbname" of what libpq settled on. */
static char *title_of(const char *user, const char *host, const char *port, const char *dbname,
                      struct err *err)
{
    struct buf b = {0};

    if (buf_addf(&b, err, "%s@%s%s%s/%s", user != NULL ? user : "", host != NULL ? host : "",
                 port != NULL && port[0] != '\0' ? ":" : "", port != NULL ? port : "",
                 dbname != NULL ? dbname : "") != 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, err);
}

static const char *first(const char *a, const char *b)
{
    return a != NULL && a[0] != '\0' ? a : b;
}

static int set_title(struct conn *c, struct err *err)
{
    const char *host = PQhost(c->raw), *user = PQuser(c->raw);

    free(c->title);
    c->title = title_of(first(user, address_get(&c->address, "user")),
                        first(host, address_get(&c->address, "host")),
                        first(PQport(c->raw), address_get(&c->address, "port")),
                        first(PQdb(c->raw), address_get(&c->address, "dbname")), err);
    return c->title != NULL ? 0 : -1;
}

static int timeout_s(const struct conn *c)
{
    const char *said = address_get(&c->address, "connect_timeout");
    int s;

    if (c->connect_timeout_s > 0)
        return c->connect_timeout_s;
    if (said == NULL)
        said = getenv("PGCONNECT_TIMEOUT");
    s = said != NULL ? atoi(said) : 10;
    return s > 0 ? s : 10;
}

static int establish(struct conn *c, struct err *err)
{
    int silent;

    if ((c->raw = dial(&c->address, timeout_s(c), c->shielded, &silent, err)) == NULL)
        return -1;
    if (!silent)
        return 0;
    if (set_title(c, err) != 0)
        return -1;
    err_set(err, ERR_FAILED, "cannot connect to %s (from %s): no answer within %d s", c->title,
            c->address.source, timeout_s(c));
    err_hint(err, "check the address and the network; $PGCONNECT_TIMEOUT sets the limit");
    return -1;
}

static int ask_password(struct conn *c, struct err *err)
{
    char *password;
    int rc;

    if (set_title(c, err) != 0 || (password = password_ask(c->title, err)) == NULL)
        return -1;
    rc = address_set(&c->address, "password", password, err);
    sodium_memzero(password, strlen(password));
    free(password);
    return rc;
}

/* Why libpq could not connect, with a hint for the cases that everybody meets. */
static int refuse(struct conn *c, struct err *err)
{
    const char *text = PQerrorMessage(c->raw);
    char line[900];

    complaint_line(line, sizeof(line), text);
    if (set_title(c, err) != 0)
        return -1;
    err_set(err, ERR_FAILED, "cannot connect to %s (from %s): %s", c->title, c->address.source,
            line);
    if (PQconnectionNeedsPassword(c->raw) || strstr(text, "no password supplied") != NULL)
        err_hint(err, "no password was given: use ~/.pgpass, $PGPASSWORD or -W");
    else if (strstr(text, "password authentication failed") != NULL)
        err_hint(err, "the server refused the password%s",
                 PQconnectionUsedPassword(c->raw) ? "" : ": none was asked for");
    else if (strstr(text, "does not exist") != NULL)
        err_hint(err, "check the database's and the role's name; `psql -l` lists databases");
    else if (strstr(text, "Connection refused") != NULL || strstr(text, "No such file") != NULL)
        err_hint(err, "is the server running there, and does it listen on that address and port?");
    return -1;
}

static int connect_now(struct conn *c, const struct conn_options *o, struct err *err)
{
    if (o != NULL && o->ask_password && ask_password(c, err) != 0)
        return -1;
    if (establish(c, err) != 0)
        return -1;
    if (PQstatus(c->raw) != CONNECTION_OK && PQconnectionNeedsPassword(c->raw) && o != NULL &&
        !o->no_password) {
        struct err no_terminal = {0};

        if (ask_password(c, &no_terminal) == 0) {
            PQfinish(c->raw);
            c->raw = NULL;
            if (establish(c, err) != 0)
                return -1;
        }
    }
    if (PQstatus(c->raw) != CONNECTION_OK)
        return refuse(c, err);
    return set_title(c, err);
}

/* What every connection of ours says to libpq, unless the address says otherwise. */
static int set_defaults(struct conn *c, struct err *err)
{
    static const struct {
        const char *key, *value;
    } defaults[] = {
        {"keepalives", "1"},          {"keepalives_idle", "30"},       {"keepalives_interval", "10"},
        {"keepalives_count", "3"},    {"tcp_user_timeout", "60000"},
    };
    char seconds[16];
    size_t i;

    for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        if (address_get(&c->address, defaults[i].key) == NULL &&
            address_set(&c->address, defaults[i].key, defaults[i].value, err) != 0)
            return -1;
    (void)snprintf(seconds, sizeof(seconds), "%d", timeout_s(c));
    if (address_set(&c->address, "connect_timeout", seconds, err) != 0 ||
        address_set(&c->address, "client_encoding", "UTF8", err) != 0)
        return -1;
    return address_set(&c->address, "application_name", c->application, err);
}

static int begin_session(struct conn *c, enum conn_profile profile, struct err *err)
{
    (void)PQsetNoticeReceiver(c->raw, on_notice, NULL);
    if (conn_version(c) < 130000) {
        err_set(err, ERR_FAILED, "the server at %s is PostgreSQL %d.%d, which mig does not serve",
                c->title, conn_version(c) / 10000, conn_version(c) % 10000);
        err_hint(err, "mig needs PostgreSQL 13 or later");
        return -1;
    }
    c->profile = profile;
    cancel_register(c->raw);
    return session_secure(c, profile, c->role, c->lock_timeout_ms, &c->answering_pid, c->along, err);
}

static char *copy(const char *s, struct err *err)
{
    char *d = strdup(s);

    if (d == NULL)
        err_oom(err);
    return d;
}

struct conn_options conn_options_of(const struct cli_common *c, const char *application)
{
    return (struct conn_options){.dbname = c->dbname,
                                 .host = c->host,
                                 .port = c->port,
                                 .user = c->user,
                                 .role = c->role,
                                 .no_password = c->no_password,
                                 .ask_password = c->ask_password,
                                 .application = application};
}

struct conn *conn_open(const struct conn_options *o, enum conn_profile profile, struct err *err)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        err_oom(err);
        return NULL;
    }
    c->connect_timeout_s = o->connect_timeout_s;
    c->time_limit_ms = o->time_limit_ms;
    c->lock_timeout_ms = o->lock_timeout_ms > 0 ? o->lock_timeout_ms : 2000;
    if ((c->application = copy(o->application != NULL ? o->application : "mig", err)) == NULL ||
        (o->role != NULL && (c->role = copy(o->role, err)) == NULL) ||
        address_resolve(o, &c->address, err) != 0 || set_defaults(c, err) != 0 ||
        connect_now(c, o, err) != 0)
        goto fail;
    if (conn_untested(c) != 0)
        log_warn("the server at %s is PostgreSQL %d, newer than any that this mig was tested with (13 to 17)",
                 c->title, conn_untested(c));
    /* What a role may ask is not what the login may. */
    if (o->identify && c->role == NULL && (c->along = environment_along(err)) == NULL)
        goto fail;
    if (begin_session(c, profile, err) != 0)
        goto fail;
    return c;
fail:
    conn_free(c);
    return NULL;
}

/* The host that was reached, not the list: a second session must be with the same server. */
static int take_address(struct conn *c, const struct conn *model, struct err *err)
{
    PQconninfoOption *options = PQconninfo(model->raw), *o;
    int rc = -1;

    (void)snprintf(c->address.source, sizeof(c->address.source), "%s", model->address.source);
    if (options == NULL)
        return err_oom(err);
    for (o = options; o->keyword != NULL; o++)
        if (o->val != NULL && o->val[0] != '\0' && strcmp(o->keyword, "service") != 0 &&
            address_set(&c->address, o->keyword, o->val, err) != 0)
            goto out;
    if (address_set(&c->address, "host", PQhost(model->raw), err) != 0 ||
        address_set(&c->address, "port", PQport(model->raw), err) != 0)
        goto out;
    if (PQhostaddr(model->raw)[0] != '\0' && PQhost(model->raw)[0] != '/' &&
        address_set(&c->address, "hostaddr", PQhostaddr(model->raw), err) != 0)
        goto out;
    if (PQpass(model->raw) != NULL && PQpass(model->raw)[0] != '\0' &&
        address_set(&c->address, "password", PQpass(model->raw), err) != 0)
        goto out;
    rc = 0;
out:
    for (o = options; o->keyword != NULL; o++)
        if (o->val != NULL)
            sodium_memzero(o->val, strlen(o->val));
    PQconninfoFree(options);
    return rc;
}

struct conn *conn_again(const struct conn *model, enum conn_profile profile, struct err *err)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        err_oom(err);
        return NULL;
    }
    c->shielded = model->shielded;
    c->connect_timeout_s = model->connect_timeout_s;
    c->lock_timeout_ms = model->lock_timeout_ms;
    if ((c->application = copy(model->application, err)) == NULL ||
        (model->role != NULL && (c->role = copy(model->role, err)) == NULL) ||
        take_address(c, model, err) != 0 || set_defaults(c, err) != 0 ||
        connect_now(c, NULL, err) != 0 || begin_session(c, profile, err) != 0) {
        conn_free(c);
        return NULL;
    }
    return c;
}

void conn_free(struct conn *c)
{
    if (c == NULL)
        return;
    if (c->raw != NULL) {
        cancel_forget(c->raw);
        PQfinish(c->raw);
    }
    address_free(&c->address);
    strings_free(c->prepared);
    session_along_free(c->along);
    free(c->application);
    free(c->role);
    free(c->title);
    free(c);
}

int conn_version(const struct conn *c)
{
    return PQserverVersion(c->raw);
}

int conn_untested(const struct conn *c)
{
    enum { NEWEST = 17 };

    return conn_version(c) / 10000 > NEWEST ? conn_version(c) / 10000 : 0;
}

const char *conn_title(const struct conn *c)
{
    return c->title;
}

const char *conn_source(const struct conn *c)
{
    return c->address.source;
}

const char *conn_database(const struct conn *c)
{
    return PQdb(c->raw);
}

const char *conn_user(const struct conn *c)
{
    return PQuser(c->raw);
}

const char *conn_host(const struct conn *c)
{
    return PQhost(c->raw);
}

const char *conn_port(const struct conn *c)
{
    return PQport(c->raw);
}

int conn_pid(const struct conn *c)
{
    return PQbackendPID(c->raw);
}

int conn_lost(const struct conn *c)
{
    return c->lost || PQstatus(c->raw) == CONNECTION_BAD;
}

int conn_local(const struct conn *c)
{
    const char *host = PQhost(c->raw), *addr = PQhostaddr(c->raw);

    return host[0] == '/' || host[0] == '@' || strncmp(addr, "127.", 4) == 0 ||
           strcmp(addr, "::1") == 0;
}

enum conn_profile conn_profile_of(const struct conn *c)
{
    return c->profile;
}

int64_t conn_lock_timeout(const struct conn *c)
{
    return c->lock_timeout_ms;
}

int conn_pooled(const struct conn *c)
{
    return c->answering_pid != PQbackendPID(c->raw);
}

void conn_time_limit(struct conn *c, int64_t ms)
{
    c->time_limit_ms = ms;
}

void conn_watch(struct conn *c, int64_t ms, void (*look)(void *arg), void *arg)
{
    c->watch_ms = ms;
    c->look = ms > 0 ? look : NULL;
    c->look_arg = arg;
}

void conn_shield(struct conn *c, int on)
{
    c->shielded = on;
    if (on)
        cancel_forget(c->raw);
    else
        cancel_register(c->raw);
}

int conn_shielded(const struct conn *c)
{
    return c->shielded;
}

char *conn_url_to_conninfo(const char *url, struct err *err)
{
    struct address a = {0};
    char *title = NULL;

    if (address_parse(url, "the URL", &a, err) == 0)
        title = title_of(address_get(&a, "user"), address_get(&a, "host"), address_get(&a, "port"),
                         address_get(&a, "dbname"), err);
    address_free(&a);
    return title;
}
