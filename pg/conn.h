/*
 * conn: one session with a PostgreSQL server.
 *
 * Not a general client: it knows where to connect (conninfo, URI, SQLAlchemy
 * URL, environment, service and password files), secures the session before
 * the first query (session.h), keeps notices, and lets Ctrl-C cancel.
 */
#ifndef MIG_PG_CONN_H
#define MIG_PG_CONN_H

#include <stdint.h>

#include "core/err.h"

struct conn;

/* Who will use the session (DESIGN.md, section 5). */
enum conn_profile {
    CONN_OWN,       /* our settings, whatever the role's: catalog, COPY */
    CONN_MIGRATION, /* the role's own settings, but for timeouts and synchronous_commit */
};

/* Zeroed: everything from the environment.  Strings are borrowed until conn_open returns. */
struct conn_options {
    const char *dbname, *host, *port, *user, *role;
    int no_password, ask_password;
    const char *fallback_url;    /* the last source: alembic.ini's sqlalchemy.url */
    const char *fallback_source; /* "alembic.ini", for messages */
    const char *application;     /* application_name: "mig-backup" */
    int connect_timeout_s;       /* 0: PGCONNECT_TIMEOUT, else 10 */
    int64_t lock_timeout_ms;     /* 0: 2 s */
    int64_t time_limit_ms;       /* conn_time_limit from the first query on */
    int identify;                /* environment_read comes next: its questions travel with the session's settings */
};

struct cli_common;
/* What the common flags say of the address; the rest zeroed.  Strings are C's. */
struct conn_options conn_options_of(const struct cli_common *c, const char *application);

/* Errors: ERR_USAGE for an unusable address (an unknown driver parameter is named; mysql and sqlite
 * URLs are told not to be served), ERR_FAILED when the server cannot be reached or refuses; the
 * address is named, the password never. */
struct conn *conn_open(const struct conn_options *o, enum conn_profile profile, struct err *err)
    MIG_MUST_CHECK;
/* Another session at the same address with the same credentials, shielded where the model is. */
struct conn *conn_again(const struct conn *model, enum conn_profile profile, struct err *err)
    MIG_MUST_CHECK;
/* Closes; NULL is harmless.  An open transaction is rolled back by the server. */
void conn_free(struct conn *c);

int conn_version(const struct conn *c);         /* 150020 */
int conn_untested(const struct conn *c);        /* 18: a major newer than what mig knows; else 0 */
const char *conn_title(const struct conn *c);   /* "user@host:port/dbname", for messages */
const char *conn_source(const struct conn *c);  /* "--dbname", "$MIG_DATABASE_URL", "alembic.ini" */
const char *conn_database(const struct conn *c);
const char *conn_user(const struct conn *c);
const char *conn_host(const struct conn *c);    /* or the socket's folder */
const char *conn_port(const struct conn *c);
int conn_pid(const struct conn *c);             /* as the protocol said at login */
/* Lost: the server closed the connection (tx_commit then answers ERR_UNKNOWN). */
int conn_lost(const struct conn *c);
/* 1 when the address is a Unix socket or loopback. */
int conn_local(const struct conn *c);

/* The backend that answered the first query is not the one that logged in: a pooler.  The session then
 * has none of our settings (they would stay with a backend that the application gets next); tx_begin
 * makes them for its transaction. */
int conn_pooled(const struct conn *c);
/* No wait for the server lasts longer than MS (0: no limit); past it C is lost and the error says so. */
void conn_time_limit(struct conn *c, int64_t ms);
/* While the server works on what C asked, LOOK is called every MS (0: no more).  It must not use C. */
void conn_watch(struct conn *c, int64_t ms, void (*look)(void *arg), void *arg);
/* Clean-up that must run after Ctrl-C too: while ON, signals neither cancel nor refuse what C runs. */
void conn_shield(struct conn *c, int on);

/* "user@host:5432/db" of a URL without connecting; NULL and *ERR for one that is not served. */
char *conn_url_to_conninfo(const char *url, struct err *err) MIG_MUST_CHECK;

#endif
