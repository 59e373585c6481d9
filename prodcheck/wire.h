/*
 * wire: can anybody between here and the server read along, or be taken for the server?
 */
#ifndef MIG_PRODCHECK_WIRE_H
#define MIG_PRODCHECK_WIRE_H

#include "prodcheck/check.h"

struct conn;
struct result;

/* Both ends of the connection: behind a pooler or a tunnel they differ. */
struct wire {
    int socket, loopback, encrypted, proven; /* as seen from here; PROVEN: the certificate is checked */
    const char *sslmode;
    const char *arrives; /* at the server (sql/tls.sql): "socket", "loopback", "encrypted", "plain" */
    const char *cipher;  /* or NULL */
};

int wire_check(const struct conn *c, int production, const struct check *k, const struct result *r,
               struct check_result *out, struct err *err) MIG_MUST_CHECK;
int wire_judge(const struct wire *w, int production, const struct check *k, struct check_result *out,
               struct err *err) MIG_MUST_CHECK;

#endif
