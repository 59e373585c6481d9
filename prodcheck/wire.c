#include "prodcheck/wire.h"

#include <string.h>

#include "pg/conn.h"
#include "pg/link.h"
#include "pg/query.h"

int wire_judge(const struct wire *w, int production, const struct check *k, struct check_result *out,
               struct err *err)
{
    int whole = strcmp(w->arrives, "encrypted") == 0, plain = strcmp(w->arrives, "plain") == 0;

    if (!w->encrypted && !w->socket && !w->loopback)
        return check_say(out, k, CHECK_WARN, err, "this connection is not encrypted (sslmode=%s)",
                         w->sslmode);
    if (plain)
        return check_say(out, k, CHECK_WARN, err,
                         "this connection arrives at the server unencrypted: whatever stands between "
                         "(a pooler, a tunnel) does not go on encrypted");
    if (w->encrypted && !w->proven && production)
        return check_say(out, k, CHECK_WARN, err,
                         "encrypted%s%s, but nobody checked whose server it is (sslmode=%s)",
                         w->cipher != NULL ? " with " : "", w->cipher != NULL ? w->cipher : "", w->sslmode);
    if (w->encrypted)
        return check_say(out, k, CHECK_OK, err, "encrypted%s%s (sslmode=%s)",
                         w->cipher != NULL ? " with " : "", w->cipher != NULL ? w->cipher : "", w->sslmode);
    if (w->socket)
        return check_say(out, k, CHECK_OK, err, "a Unix socket");
    if (whole)
        return check_say(out, k, CHECK_OK, err, "over the loopback, and encrypted at the server");
    /* The way to production seldom ends on this machine: what listens here is a tunnel or a proxy. */
    return check_say(out, k, production ? CHECK_WARN : CHECK_OK, err,
                     "over the loopback, not encrypted%s",
                     production ? ": if a tunnel or a proxy listens here, what it does cannot be seen" : "");
}

int wire_check(const struct conn *c, int production, const struct check *k, const struct result *r,
               struct check_result *out, struct err *err)
{
    struct wire w = {
        .socket = conn_host(c)[0] == '/' || conn_host(c)[0] == '@',
        .loopback = conn_local(c),
        .encrypted = link_encrypted(c),
        .proven = link_proven(c),
        .sslmode = link_sslmode(c),
        .arrives = result_rows(r) == 1 ? result_text(r, 0, 3) : NULL,
        .cipher = result_rows(r) == 1 ? result_text(r, 0, 2) : NULL,
    };

    if (w.arrives == NULL)
        return check_say(out, k, CHECK_ERROR, err, "the server does not say how this connection arrives");
    return wire_judge(&w, production, k, out, err);
}
