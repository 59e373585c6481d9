#include "pg/link.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg/conn_internal.h"

int link_encrypted(const struct conn *c)
{
    return PQsslInUse(conn_raw(c)) || PQgssEncInUse(conn_raw(c));
}

/* Copies the value of KEY as libpq settled it. */
static void settled(const struct conn *c, const char *key, char *value, size_t size)
{
    PQconninfoOption *options = PQconninfo(conn_raw(c)), *o;

    value[0] = '\0';
    if (options == NULL)
        return;
    for (o = options; o->keyword != NULL; o++) {
        if (strcmp(o->keyword, key) == 0 && o->val != NULL)
            (void)snprintf(value, size, "%s", o->val);
        if (o->val != NULL)
            sodium_memzero(o->val, strlen(o->val));
    }
    PQconninfoFree(options);
}

const char *link_sslmode(const struct conn *c)
{
    static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
    char mode[32];
    size_t i;

    settled(c, "sslmode", mode, sizeof(mode));
    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(mode, modes[i]) == 0)
            return modes[i];
    return "";
}

int link_proven(const struct conn *c)
{
    const char *mode = link_sslmode(c), *home = getenv("HOME");
    char root[1024];

    if (!PQsslInUse(conn_raw(c)))
        return PQgssEncInUse(conn_raw(c)); /* Kerberos names the server */
    if (strncmp(mode, "verify-", 7) == 0)
        return 1;
    if (strcmp(mode, "require") != 0)
        return 0;
    /* As libpq has it for the sake of older releases: with a root certificate, as verify-ca. */
    settled(c, "sslrootcert", root, sizeof(root));
    if (root[0] == '\0' && home != NULL)
        (void)snprintf(root, sizeof(root), "%s/.postgresql/root.crt", home);
    return root[0] != '\0' && access(root, R_OK) == 0;
}
