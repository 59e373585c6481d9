#include "pg/address.h"

#include <libpq-fe.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "core/hex.h"
#include "pg/conn.h"

/* Parameters of Python drivers that change how the driver works, not where it connects. */
static const char *const driver_only[] = {
    "prepared_statement_cache_size", "prepared_statement_name_func", "statement_cache_size",
    "max_cached_statement_lifetime", "max_cacheable_statement_size", "command_timeout",
    "async_fallback", "prepare_threshold", "executemany_mode", "executemany_batch_page_size",
    "executemany_values_page_size", "use_native_unicode", "use_native_hstore", "use_native_uuid",
    "client_encoding", "native_inet_types", "tcp_keepalive", "plugin", NULL,
};

static const char *const drivers[] = {
    "psycopg2", "psycopg", "psycopg_async", "psycopg2cffi", "asyncpg", "pg8000", "pygresql",
    "pypostgresql", NULL,
};

static int listed(const char *const *list, const char *word, size_t len)
{
    for (; *list != NULL; list++)
        if (strlen(*list) == len && strncmp(*list, word, len) == 0)
            return 1;
    return 0;
}

/* libpq's own spelling of KEY, for the life of the process; NULL where libpq does not know it. */
static const char *keyword(const char *key)
{
    static PQconninfoOption *options;
    const PQconninfoOption *o;

    if (options == NULL)
        options = PQconndefaults();
    for (o = options; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, key) == 0)
            return o->keyword;
    return NULL;
}

static void wipe(char *s)
{
    if (s != NULL)
        sodium_memzero(s, strlen(s));
    free(s);
}

int address_set(struct address *a, const char *key, const char *value, struct err *err)
{
    char *copy = NULL;
    size_t i;

    if (value != NULL && (copy = strdup(value)) == NULL)
        return err_oom(err);
    for (i = 0; i < a->count && strcmp(a->keys[i], key) != 0; i++)
        ;
    if (i < a->count) {
        wipe(a->values[i]);
        a->values[i] = copy;
        if (copy == NULL) {
            a->count--;
            a->keys[i] = a->keys[a->count];
            a->values[i] = a->values[a->count];
            a->keys[a->count] = NULL;
            a->values[a->count] = NULL;
        }
        return 0;
    }
    if (copy == NULL)
        return 0;
    if (a->count == ADDRESS_MAX || (a->keys[i] = keyword(key)) == NULL) {
        wipe(copy);
        return err_set(err, ERR_USAGE, "libpq does not know the connection parameter \"%s\"", key);
    }
    a->values[i] = copy;
    a->count++;
    return 0;
}

const char *address_get(const struct address *a, const char *key)
{
    size_t i;

    for (i = 0; i < a->count; i++)
        if (strcmp(a->keys[i], key) == 0)
            return a->values[i];
    return NULL;
}

void address_free(struct address *a)
{
    size_t i;

    for (i = 0; i < a->count; i++)
        wipe(a->values[i]);
    memset(a, 0, sizeof(*a));
}

/* Percent-decoded, owned.  PLUS: `+` is a space, as Python's parse_qsl reads queries. */
static char *decode(const char *s, size_t len, int plus, struct err *err)
{
    char *out = strndup(s, len);
    size_t i, n = 0;

    if (out == NULL) {
        err_oom(err);
        return NULL;
    }
    for (i = 0; i < len; i++) {
        if (s[i] == '%' && i + 2 < len && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            out[n++] = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
            i += 2;
        } else {
            out[n++] = plus && s[i] == '+' ? ' ' : s[i];
        }
    }
    out[n] = '\0';
    if (strlen(out) != n) {
        wipe(out);
        err_set(err, ERR_USAGE, "a connection URL may not hold %%00");
        return NULL;
    }
    return out;
}

static int set_decoded(struct address *a, const char *key, const char *s, size_t len, int plus,
                       struct err *err)
{
    char *value = decode(s, len, plus, err);
    int rc;

    if (value == NULL)
        return -1;
    rc = address_set(a, key, value, err);
    wipe(value);
    return rc;
}

/* Append ",VALUE" to what KEY holds (several host= parameters make a list). */
static int append(struct address *a, const char *key, const char *value, int first, struct err *err)
{
    const char *old = first ? NULL : address_get(a, key);
    struct buf b = {0};
    int rc = -1;

    if (old != NULL && (buf_adds(&b, old, err) != 0 || buf_addc(&b, ',', err) != 0))
        goto out;
    if (buf_adds(&b, value, err) != 0)
        goto out;
    rc = address_set(a, key, b.data, err);
out:
    buf_free(&b);
    return rc;
}

/* asyncpg and pg8000 say ssl where libpq says sslmode. */
static const char *sslmode(const char *value)
{
    if (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0 || strcasecmp(value, "on") == 0)
        return "require";
    if (strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0 || strcasecmp(value, "off") == 0)
        return "disable";
    return value;
}

static int set_parameter(struct address *a, const char *key, const char *value, const char *source,
                         int *hosts, struct err *err)
{
    if (strcmp(key, "host") == 0) {
        const char *colon = value[0] == '/' || value[0] == '[' ? NULL : strrchr(value, ':');
        char host[256];
        int rc;

        if (colon == NULL || strchr(value, ':') != colon || strchr(value, ',') != NULL)
            return append(a, "host", value, (*hosts)++ == 0, err);
        (void)snprintf(host, sizeof(host), "%.*s", (int)(colon - value), value);
        rc = append(a, "host", host, *hosts == 0, err);
        if (rc == 0)
            rc = append(a, "port", colon + 1, (*hosts)++ == 0, err);
        return rc;
    }
    if (strcmp(key, "ssl") == 0)
        return address_set(a, "sslmode", sslmode(value), err);
    if (strcmp(key, "timeout") == 0)
        return address_set(a, "connect_timeout", value, err);
    if (strcmp(key, "user") == 0 || strcmp(key, "password") == 0)
        return address_set(a, key, value, err);
    if (strcmp(key, "database") == 0)
        return address_set(a, "dbname", value, err);
    if (listed(driver_only, key, strlen(key)))
        return 0;
    if (keyword(key) != NULL)
        return address_set(a, key, value, err);
    err_set(err, ERR_USAGE, "the URL in %s has the parameter \"%s\", which mig does not know",
            source, key);
    err_hint(err, "remove it, or give the address in libpq's form, for example "
                  "postgresql://user@host:5432/dbname?sslmode=require");
    return -1;
}

static int set_query(struct address *a, const char *s, const char *source, struct err *err)
{
    int hosts = 0;

    while (*s != '\0') {
        size_t len = strcspn(s, "&"), eq = strcspn(s, "=");
        char *key = NULL, *value = NULL;
        int rc = -1;

        if (len == 0) {
            s++;
            continue;
        }
        if (eq >= len)
            eq = len;
        if ((key = decode(s, eq, 1, err)) != NULL &&
            (value = decode(s + eq + (eq < len), len - eq - (eq < len), 1, err)) != NULL)
            rc = set_parameter(a, key, value, source, &hosts, err);
        free(key);
        wipe(value);
        if (rc != 0)
            return -1;
        s += len + (s[len] == '&');
    }
    return 0;
}

/* As SQLAlchemy reads a URL: a password may hold anything but @, an unescaped / included. */
static int parse_sqlalchemy(const char *rest, const char *source, struct address *a,
                            struct err *err)
{
    const char *query = strchr(rest, '?'), *at = NULL, *p, *host, *end;
    size_t user = strcspn(rest, ":/@");

    if (rest[user] == ':')
        at = strchr(rest + user, '@');
    else if (rest[user] == '@')
        at = rest + user;
    if (at != NULL && query != NULL && query < at)
        query = strchr(at, '?');
    end = query != NULL ? query : rest + strlen(rest);
    if (at != NULL && at > end)
        at = NULL;
    host = at != NULL ? at + 1 : rest;
    if (at != NULL) {
        if (user > 0 && set_decoded(a, "user", rest, user, 0, err) != 0)
            return -1;
        if (rest[user] == ':' && rest + user + 1 < at &&
            set_decoded(a, "password", rest + user + 1, (size_t)(at - rest) - user - 1, 0, err) != 0)
            return -1;
    }
    if (*host == '[') {
        for (p = host; p < end && *p != ']'; p++)
            ;
        if (p == end)
            return err_set(err, ERR_USAGE, "the URL in %s has a [ without a ]", source);
        if (set_decoded(a, "host", host + 1, (size_t)(p - host) - 1, 0, err) != 0)
            return -1;
        p++;
    } else {
        for (p = host; p < end && *p != ':' && *p != '/'; p++)
            ;
        if (p > host && set_decoded(a, "host", host, (size_t)(p - host), 0, err) != 0)
            return -1;
    }
    if (p < end && *p == ':') {
        size_t n = 0;

        p++;
        while (p + n < end && p[n] != '/')
            n++;
        if (strspn(p, "0123456789") < n) {
            err_set(err, ERR_USAGE, "the URL in %s has a port that is not a number", source);
            err_hint(err, "percent-encode special characters in the user's name and the password: "
                          "%%40 for @, %%2F for /, %%3A for :");
            return -1;
        }
        if (n > 0 && set_decoded(a, "port", p, n, 0, err) != 0)
            return -1;
        p += n;
    }
    if (p < end && *p == '/')
        p++;
    if (p < end && set_decoded(a, "dbname", p, (size_t)(end - p), 0, err) != 0)
        return -1;
    return query != NULL ? set_query(a, query + 1, source, err) : 0;
}

/* What libpq says of a string may quote a piece of an unquoted password: then it is not shown. */
static int take_conninfo(const char *text, const char *source, int quiet, struct address *a,
                         struct err *err)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(text, &why), *o;
    int rc = -1;

    if (parsed == NULL) {
        if (!quiet && why != NULL && strstr(text, "password") == NULL) {
            why[strcspn(why, "\n")] = '\0';
            err_set(err, ERR_USAGE, "cannot read the connection string in %s: %s", source, why);
        } else if (!quiet) {
            err_set(err, ERR_USAGE, "cannot read the connection string in %s", source);
            err_hint(err, "values with spaces or quotes stand in single quotes: password='a b'");
        }
        goto out;
    }
    for (o = parsed; o->keyword != NULL; o++)
        if (o->val != NULL && address_set(a, o->keyword, o->val, err) != 0)
            goto out;
    rc = 0;
out:
    PQfreemem(why);
    for (o = parsed; o != NULL && o->keyword != NULL; o++)
        if (o->val != NULL)
            sodium_memzero(o->val, strlen(o->val));
    PQconninfoFree(parsed);
    return rc;
}

int address_parse(const char *text, const char *source, struct address *a, struct err *err)
{
    const char *rest = strstr(text, "://");
    size_t scheme, plus;
    struct err ignored = {0};

    (void)snprintf(a->source, sizeof(a->source), "%s", source);
    if (rest == NULL || strcspn(text, "= '") < (size_t)(rest - text)) {
        if (strchr(text, '=') != NULL)
            return take_conninfo(text, source, 0, a, err);
        return address_set(a, "dbname", text, err);
    }
    scheme = (size_t)(rest - text);
    rest += 3;
    plus = strcspn(text, "+");
    if (plus > scheme)
        plus = scheme;
    if (!(plus == 10 && strncmp(text, "postgresql", 10) == 0) &&
        !(plus == 8 && strncmp(text, "postgres", 8) == 0)) {
        err_set(err, ERR_USAGE, "the URL in %s is for \"%.*s\", which mig does not serve", source,
                scheme > 30 ? 30 : (int)scheme, text);
        err_hint(err, "mig works with PostgreSQL: postgresql://user@host:5432/dbname");
        return -1;
    }
    if (plus < scheme && !listed(drivers, text + plus + 1, scheme - plus - 1)) {
        err_set(err, ERR_USAGE, "the URL in %s names the driver \"%.*s\", which mig does not know",
                source, scheme > 60 ? 60 : (int)(scheme - plus - 1), text + plus + 1);
        err_hint(err, "drop the +driver: postgresql://user@host:5432/dbname");
        return -1;
    }
    if (plus == scheme && take_conninfo(text, source, 1, a, &ignored) == 0)
        return 0;
    return parse_sqlalchemy(rest, source, a, err);
}

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A user given by a flag does not get the password that the URL holds for another. */
static int overlay(const struct conn_options *o, struct address *a, struct err *err)
{
    if (o->user != NULL) {
        const char *old = address_get(a, "user");

        if (old != NULL && strcmp(old, o->user) != 0 && address_set(a, "password", NULL, err) != 0)
            return -1;
        if (address_set(a, "user", o->user, err) != 0)
            return -1;
    }
    if (o->host != NULL && address_set(a, "host", o->host, err) != 0)
        return -1;
    return o->port != NULL ? address_set(a, "port", o->port, err) : 0;
}

int address_resolve(const struct conn_options *o, struct address *a, struct err *err)
{
    static const char *const urls[] = {"MIG_DATABASE_URL", "DATABASE_URL"};
    char source[32];
    size_t i;

    if (o->dbname != NULL) {
        if (address_parse(o->dbname, "--dbname", a, err) != 0)
            return -1;
        return overlay(o, a, err);
    }
    if (o->host != NULL) {
        (void)snprintf(a->source, sizeof(a->source), "--host");
        return overlay(o, a, err);
    }
    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        if (env(urls[i]) != NULL) {
            (void)snprintf(source, sizeof(source), "$%s", urls[i]);
            if (address_parse(env(urls[i]), source, a, err) != 0)
                return -1;
            return overlay(o, a, err);
        }
    if (env("PGSERVICE") != NULL || env("PGHOST") != NULL || env("PGHOSTADDR") != NULL ||
        env("PGDATABASE") != NULL) {
        (void)snprintf(a->source, sizeof(a->source), "%s",
                       env("PGSERVICE") != NULL ? "$PGSERVICE"
                       : env("PGHOST") != NULL  ? "$PGHOST"
                       : env("PGDATABASE") != NULL ? "$PGDATABASE"
                                                : "$PGHOSTADDR");
        return overlay(o, a, err);
    }
    if (o->fallback_url != NULL && o->fallback_url[0] != '\0') {
        if (address_parse(o->fallback_url,
                          o->fallback_source != NULL ? o->fallback_source : "the configuration", a,
                          err) != 0)
            return -1;
        return overlay(o, a, err);
    }
    (void)snprintf(a->source, sizeof(a->source), "libpq's defaults");
    return overlay(o, a, err);
}
