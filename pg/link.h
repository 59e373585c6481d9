/*
 * link: how the way to whatever answers at a connection's address is protected.
 */
#ifndef MIG_PG_LINK_H
#define MIG_PG_LINK_H

struct conn;

/* TLS or GSSAPI? */
int link_encrypted(const struct conn *c);
/* libpq's sslmode as it was settled on; static or "". */
const char *link_sslmode(const struct conn *c);
/* sslmode checks the server's certificate, or a root certificate makes "require" check it. */
int link_proven(const struct conn *c);

#endif
