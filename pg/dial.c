#include "pg/dial.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "pg/address.h"

#define SLICE_MS 500

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The host that libpq tries just now. */
static void current(const PGconn *raw, char *where, size_t size)
{
    const char *host = PQhost(raw), *addr = PQhostaddr(raw), *port = PQport(raw);

    (void)snprintf(where, size, "%s %s %s", host != NULL ? host : "", addr != NULL ? addr : "",
                   port != NULL ? port : "");
}

/* Entry I of a list, whose length is *N; a missing one is "". */
static const char *entry(const char *list, size_t i, size_t *n)
{
    while (i-- > 0 && (list = strchr(list, ',')) != NULL)
        list++;
    *n = list != NULL ? strcspn(list, ",") : 0;
    return list != NULL ? list : "";
}

static size_t entries(const char *list)
{
    size_t n = 1;

    for (; list != NULL && *list != '\0'; list++)
        n += *list == ',';
    return n;
}

static int is_entry(const char *list, size_t i, const char *text)
{
    size_t n;
    const char *e;

    if (list == NULL || list[0] == '\0')
        return 1;
    e = entry(list, i, &n);
    return n == 0 || (strlen(text) == n && strncmp(e, text, n) == 0);
}

/* KEY's LIST without entry I of N. */
static int shorten(struct address *a, const char *key, const char *list, size_t i, size_t n,
                   struct err *err)
{
    struct buf b = {0};
    size_t k, len;
    int rc = -1;

    /* One port is for all. */
    if (list == NULL || list[0] == '\0' || entries(list) != n)
        return 0;
    for (k = 0; k < n; k++) {
        const char *e = entry(list, k, &len);

        if (k != i && buf_addf(&b, err, "%s%.*s", k == (i == 0 ? 1u : 0u) ? "" : ",", (int)len, e) != 0)
            goto out;
    }
    rc = address_set(a, key, b.data != NULL ? b.data : "", err);
out:
    buf_free(&b);
    return rc;
}

/* Take the host that RAW waits for off A's list: 1, or 0 where it is the only one.  libpq knows the
 * whole list, wherever it came from. */
static int skip(struct address *a, const PGconn *raw, struct err *err)
{
    PQconninfoOption *options = PQconninfo((PGconn *)(uintptr_t)raw), *o;
    const char *host = NULL, *addr = NULL, *port = NULL;
    size_t n, i;
    int rc = -1;

    if (options == NULL)
        return err_oom(err);
    for (o = options; o->keyword != NULL; o++) {
        if (strcmp(o->keyword, "host") == 0)
            host = o->val;
        else if (strcmp(o->keyword, "hostaddr") == 0)
            addr = o->val;
        else if (strcmp(o->keyword, "port") == 0)
            port = o->val;
    }
    n = entries(host != NULL && host[0] != '\0' ? host : addr);
    for (i = 0; i < n; i++)
        if (is_entry(host, i, PQhost(raw)) &&
            is_entry(port, entries(port) == n ? i : 0, PQport(raw)))
            break;
    if (n == 1 || i == n)
        rc = 0;
    else if (shorten(a, "host", host, i, n, err) == 0 && shorten(a, "hostaddr", addr, i, n, err) == 0 &&
             shorten(a, "port", port, i, n, err) == 0)
        rc = 1;
    for (o = options; o->keyword != NULL; o++)
        if (o->val != NULL)
            sodium_memzero(o->val, strlen(o->val));
    PQconninfoFree(options);
    return rc;
}

/* 0: there is an answer, good or bad; 1: the host that it is at does not answer. */
static int wait_for(PGconn *raw, int seconds, int shielded, struct err *err)
{
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    int64_t deadline = now_ms() + (int64_t)seconds * 1000;
    char here[512], before[512];

    current(raw, before, sizeof(before));
    while (PQstatus(raw) != CONNECTION_BAD && want != PGRES_POLLING_OK && want != PGRES_POLLING_FAILED) {
        struct pollfd p = {.fd = PQsocket(raw), .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int64_t left;
        int n;

        current(raw, here, sizeof(here));
        if (strcmp(here, before) != 0) { /* the next host has its own time */
            memcpy(before, here, sizeof(before));
            deadline = now_ms() + (int64_t)seconds * 1000;
        }
        if (!shielded && interrupt_check(err) != 0)
            return -1;
        if ((left = deadline - now_ms()) <= 0)
            return 1;
        n = poll(&p, 1, left < SLICE_MS ? (int)left : SLICE_MS);
        if (n < 0 && errno != EINTR)
            return err_set_errno(err, ERR_FAILED, "cannot wait for the server");
        if (n > 0)
            want = PQconnectPoll(raw);
    }
    return 0;
}

PGconn *dial(struct address *a, int seconds, int shielded, int *silent, struct err *err)
{
    for (;;) {
        PGconn *raw = PQconnectStartParams((const char *const *)a->keys, (const char *const *)a->values, 0);
        int waited, others = 0;

        *silent = 0;
        if (raw == NULL) {
            err_oom(err);
            return NULL;
        }
        waited = wait_for(raw, seconds, shielded, err);
        if (waited > 0 && (others = skip(a, raw, err)) > 0)
            log_warn("%s port %s did not answer within %d s; trying the other hosts", PQhost(raw), PQport(raw),
                     seconds);
        if (waited < 0 || others < 0) {
            PQfinish(raw);
            return NULL;
        }
        *silent = waited;
        if (!others)
            return raw;
        PQfinish(raw);
    }
}
