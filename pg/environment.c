#define _GNU_SOURCE /* FNM_CASEFOLD */
#include "pg/environment.h"

#include <fnmatch.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/config.h"
#include "pg/catalog.h"
#include "pg/conn_internal.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/session.h"

static const char environment_sql[] =
#include "pg/sql/environment.sql.h"
    ;

void environment_free(struct environment *e)
{
    if (e == NULL)
        return;
    free(e->name);
    free(e->confirm);
    free(e->system_id);
    free(e->database);
    free(e->why);
    free(e);
}

static int set(char **to, const char *text, struct err *err)
{
    free(*to);
    if ((*to = strdup(text)) == NULL)
        return err_oom(err);
    return 0;
}

/* The first contradiction is the one that is told. */
static int contradict(struct environment *e, struct buf *why, struct err *err)
{
    e->contradiction = 1;
    if (e->why != NULL)
        return 0;
    return (e->why = buf_take(why, err)) != NULL ? 0 : -1;
}

static const struct query questions[SESSION_ALONG] = {
    {.sql = environment_sql, .columns = 4, .min_rows = 1, .max_rows = 1},
    {.sql = "SELECT system_identifier FROM pg_catalog.pg_control_system()", .columns = 1, .min_rows = 1, .max_rows = 1},
};

struct session_along *environment_along(struct err *err)
{
    struct session_along *along = calloc(1, sizeof(*along));

    if (along != NULL)
        memcpy(along->queries, questions, sizeof(questions));
    else
        (void)err_oom(err);
    return along;
}

/* Outside of a transaction both questions go in one round trip, the session's first where it was opened for that,
 * and the identifier may be refused; inside, a refusal would abort what the caller does. */
static int ask_server(struct conn *c, struct environment *e, struct err *err)
{
    struct session_along *along = conn_take_along(c);
    struct result *r[SESSION_ALONG] = {NULL};
    struct err each[SESSION_ALONG] = {{0}};
    const char *id = NULL;
    int rc = -1;

    if (along != NULL) {
        memcpy(r, along->results, sizeof(r));
        memcpy(each, along->errs, sizeof(each));
        memset(along->results, 0, sizeof(along->results));
        session_along_free(along);
    } else if (PQtransactionStatus(conn_raw(c)) == PQTRANS_IDLE) {
        if (query_pipeline(c, questions, SESSION_ALONG, r, each, err) != 0)
            return -1;
    } else {
        if ((r[0] = query_run(c, &questions[0], err)) == NULL)
            return -1;
        if (result_bool(r[0], 0, 3) && (r[1] = query_run(c, &questions[1], err)) == NULL)
            goto out;
    }
    if (r[0] == NULL) {
        *err = each[0];
        goto out;
    }
    if (r[1] == NULL && each[1].kind != ERR_NONE && strcmp(each[1].sqlstate, "42501") != 0) {
        *err = each[1];
        goto out;
    }
    e->database_oid = (uint32_t)result_int(r[0], 0, 1);
    e->standby = result_bool(r[0], 0, 2);
    e->pooled = conn_pooled(c);
    if (r[1] != NULL)
        id = result_text(r[1], 0, 0);
    if (set(&e->database, result_text(r[0], 0, 0), err) == 0)
        rc = set(&e->system_id, id != NULL ? id : "", err);
out:
    result_free(r[0]);
    result_free(r[1]);
    return rc;
}

static int any_matches(const json_t *patterns, const char *text, int flags)
{
    const json_t *p;
    size_t i;

    if (json_is_string(patterns))
        return fnmatch(json_string_value(patterns), text, 0) == 0;
    json_array_foreach(patterns, i, p) {
        if (json_is_string(p) && fnmatch(json_string_value(p), text, flags) == 0)
            return 1;
    }
    return 0;
}

/* A list of strings, or one. */
static int said(const json_t *patterns)
{
    return json_is_string(patterns) || json_array_size(patterns) > 0;
}

/* As DNS sees names: PROD.example.com. is prod.example.com. */
static int host_matches(const json_t *hosts, const struct conn *c)
{
    struct buf with_port = {0}, host = {0};
    struct err ignored = {0};
    int yes = 0;

    if (conn_local(c) && any_matches(hosts, "localhost", FNM_CASEFOLD))
        return 1;
    if (buf_adds(&host, conn_host(c), &ignored) != 0)
        goto out;
    if (host.len > 1 && host.data[0] != '/' && host.data[host.len - 1] == '.')
        host.data[--host.len] = '\0';
    yes = any_matches(hosts, conn_host(c), FNM_CASEFOLD) ||
          any_matches(hosts, host.data, FNM_CASEFOLD) ||
          (buf_addf(&with_port, &ignored, "%s:%s", host.data, conn_port(c)) == 0 &&
           any_matches(hosts, with_port.data, FNM_CASEFOLD));
out:
    buf_free(&with_port);
    buf_free(&host);
    return yes;
}

/* 1: the address is this environment's; 0: it is not; -1: nothing is said of addresses. */
static int address_matches(const json_t *one, const struct conn *c, const char *database)
{
    const json_t *hosts = json_object_get(one, "hosts");
    const json_t *databases = json_object_get(one, "databases");

    if (!said(hosts) && !said(databases))
        return -1;
    return (!said(hosts) || host_matches(hosts, c)) &&
           (!said(databases) || any_matches(databases, database, 0));
}

/* Names of the environments whose address this is, as "a, b"; *LAST is one of them. */
static size_t owners(const json_t *all, const struct conn *c, const char *database,
                     struct buf *names, const char **last, int *production, struct err *err)
{
    const char *name;
    const json_t *one;
    size_t n = 0;

    json_object_foreach((json_t *)(uintptr_t)all, name, one) {
        if (address_matches(one, c, database) != 1)
            continue;
        if (buf_addf(names, err, "%s%s", n > 0 ? ", " : "", name) != 0)
            return 0;
        *last = name;
        n++;
        if (json_is_true(json_object_get(one, "production")))
            *production = 1;
    }
    return n;
}

static int known_names(const json_t *all, struct buf *names, struct err *err)
{
    const char *name;
    const json_t *one;

    json_object_foreach((json_t *)(uintptr_t)all, name, one) {
        (void)one;
        if (buf_addf(names, err, "%s%s", names->len > 0 ? ", " : "", name) != 0)
            return -1;
    }
    return 0;
}

/* From the name and mig.json's hosts and databases. */
static int settle(struct conn *c, struct environment *e, const json_t *all, const char *named,
                  struct err *err)
{
    struct buf names = {0}, why = {0};
    const char *last = NULL;
    const json_t *one = named != NULL ? json_object_get(all, named) : NULL;
    int production = 0, rc = -1;
    size_t n = owners(all, c, e->database, &names, &last, &production, err);

    if (err->kind != ERR_NONE)
        goto out;
    if (named != NULL && one == NULL && json_object_size(all) > 0) {
        buf_reset(&names);
        if (known_names(all, &names, err) == 0) {
            err_set(err, ERR_USAGE, "mig.json has no environment \"%s\"", named);
            err_hint(err, "it has: %s", names.data);
        }
        goto out;
    }
    if (named != NULL) {
        if (set(&e->name, named, err) != 0)
            goto out;
        /* A name alone is believed where it makes us more careful. */
        e->production = json_is_true(json_object_get(one, "production")) ||
                        (one == NULL && (strcmp(named, "production") == 0 ||
                                         strcmp(named, "prod") == 0));
        if (one != NULL && address_matches(one, c, e->database) == 0) {
            e->production |= production;
            if (buf_addf(&why, err, "the environment is named %s, but %s is %s%s", named,
                         conn_title(c), n > 0 ? "that of " : "not among its hosts and databases",
                         n > 0 ? names.data : "") != 0 ||
                contradict(e, &why, err) != 0)
                goto out;
        }
    } else if (n == 1) {
        e->production = production;
        if (set(&e->name, last, err) != 0)
            goto out;
    } else if (n > 1) {
        e->production = production;
        if (buf_addf(&why, err, "%s belongs to more than one environment of mig.json: %s; name one "
                                "with --env", conn_title(c), names.data) != 0 ||
            contradict(e, &why, err) != 0)
            goto out;
    }
    rc = 0;
out:
    buf_free(&names);
    buf_free(&why);
    return rc;
}

/* A cluster id or a marker may confirm what the name says; a clone keeps both, so they prove nothing. */
static int confirm_cluster(struct environment *e, const json_t *one, struct err *err)
{
    const char *id = json_string_value(json_object_get(one, "cluster_id"));
    struct buf why = {0};
    int rc = 0;

    if (id == NULL || e->system_id[0] == '\0' || strcmp(id, e->system_id) == 0)
        return 0;
    if (buf_addf(&why, err, "mig.json says that %s is cluster %s, but this server is cluster %s",
                 e->name, id, e->system_id) != 0 ||
        contradict(e, &why, err) != 0)
        rc = -1;
    buf_free(&why);
    return rc;
}

static int marker_of(struct conn *c, const char *table, char **value, struct err *err)
{
    const char *dot = strchr(table, '.');
    struct buf sql = {0}, schema = {0};
    struct catalog_table *t = NULL;
    uint32_t oid = 0;
    int rc = -1;

    *value = NULL;
    if (dot != NULL && buf_add(&schema, table, (size_t)(dot - table), err) != 0)
        goto out;
    if (catalog_find(c, schema.data, dot != NULL ? dot + 1 : table, "public", &oid, err) != 0)
        goto out;
    if (oid == 0) {
        rc = 0;
        goto out;
    }
    if ((t = catalog_table_get(c, oid, err)) == NULL || t->ncolumns == 0)
        goto out;
    if (buf_adds(&sql, "SELECT pg_catalog.min((", err) != 0 ||
        quote_ident(&sql, t->columns[0].name, err) != 0 ||
        buf_adds(&sql, ")::pg_catalog.text) FROM ", err) != 0 ||
        quote_name(&sql, t->schema, t->name, err) != 0)
        goto out;
    rc = query_value(c, sql.data, value, err);
out:
    if (rc != 0 && err->kind != ERR_NONE)
        err_prefix(err, "cannot read the marker table \"%s\"", table);
    catalog_table_free(t);
    buf_free(&schema);
    buf_free(&sql);
    return rc;
}

static int confirm_marker(struct conn *c, struct environment *e, const json_t *one, struct err *err)
{
    const char *table = json_string_value(json_object_get(one, "marker_table"));
    struct buf why = {0};
    char *value = NULL;
    int rc = -1;

    if (table == NULL)
        return 0;
    if (marker_of(c, table, &value, err) != 0)
        goto out;
    if ((value == NULL || strcmp(value, e->name) != 0) &&
        (buf_addf(&why, err, "the marker table %s says \"%s\", but the environment is %s", table,
                  value != NULL ? value : "(nothing)", e->name) != 0 ||
         contradict(e, &why, err) != 0))
        goto out;
    rc = 0;
out:
    free(value);
    buf_free(&why);
    return rc;
}

/* The cluster of a production environment under an address that nobody configured (its IP, another
 * alias): no proof, but reason enough to ask as for production. */
static void be_careful(struct environment *e, const json_t *all)
{
    const char *name, *id;
    const json_t *one;

    json_object_foreach((json_t *)(uintptr_t)all, name, one) {
        (void)name;
        id = json_string_value(json_object_get(one, "cluster_id"));
        if (json_is_true(json_object_get(one, "production")) && id != NULL &&
            e->system_id[0] != '\0' && strcmp(id, e->system_id) == 0)
            e->production = 1;
    }
}

struct environment *environment_read(struct conn *c, const struct config *config, const char *named,
                                     struct err *err)
{
    struct environment *e = calloc(1, sizeof(*e));
    const json_t *all = config != NULL ? config_json(config, "environments") : NULL, *one;
    struct buf confirm = {0};

    if (e == NULL) {
        err_oom(err);
        return NULL;
    }
    if (named == NULL && (named = getenv("MIG_ENV")) != NULL && named[0] == '\0')
        named = NULL;
    if (ask_server(c, e, err) != 0 || settle(c, e, all, named, err) != 0)
        goto fail;
    be_careful(e, all);
    one = e->name != NULL ? json_object_get(all, e->name) : NULL;
    if (one != NULL &&
        (confirm_cluster(e, one, err) != 0 || confirm_marker(c, e, one, err) != 0))
        goto fail;
    if (buf_addf(&confirm, err, "%s%s%s", e->name != NULL ? e->name : "",
                 e->name != NULL ? "/" : "", e->database) != 0 ||
        (e->confirm = buf_take(&confirm, err)) == NULL)
        goto fail;
    return e;
fail:
    buf_free(&confirm);
    environment_free(e);
    return NULL;
}
