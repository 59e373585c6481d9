#include "pg/child.h"

#include <sodium.h>
#include <string.h>

#include "core/strings.h"
#include "pg/conn_internal.h"

static int is_any(const char *s, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(s, *list) == 0)
            return 1;
    return 0;
}

char **child_environment(struct conn *c, struct err *err)
{
    /* Said from the connection itself: of several hosts, only one has the snapshot. */
    static const char *const ours[] = {"host", "hostaddr", "port", "user", "dbname", "service",
                                       "application_name", "client_encoding", "options", NULL};
    PQconninfoOption *options = PQconninfo(conn_raw(c));
    char **env = NULL;
    int rc = -1;

    if (options == NULL) {
        err_oom(err);
        return NULL;
    }
    for (PQconninfoOption *o = options; o->keyword != NULL; o++)
        if (o->envvar != NULL && o->val != NULL && o->val[0] != '\0' && !is_any(o->keyword, ours) &&
            strings_addf(&env, err, "%s=%s", o->envvar, o->val) != 0)
            goto out;
    if (strings_addf(&env, err, "PGHOST=%s", PQhost(conn_raw(c))) != 0 ||
        strings_addf(&env, err, "PGPORT=%s", PQport(conn_raw(c))) != 0 ||
        strings_addf(&env, err, "PGUSER=%s", PQuser(conn_raw(c))) != 0 ||
        strings_addf(&env, err, "PGDATABASE=%s", PQdb(conn_raw(c))) != 0 ||
        strings_add(&env, "PGAPPNAME=mig-backup", err) != 0)
        goto out;
    rc = 0;
out:
    for (PQconninfoOption *o = options; o->keyword != NULL; o++)
        if (o->val != NULL)
            sodium_memzero(o->val, strlen(o->val));
    PQconninfoFree(options);
    if (rc != 0) {
        child_environment_free(env);
        return NULL;
    }
    return env;
}

void child_environment_free(char **env)
{
    for (char **e = env; e != NULL && *e != NULL; e++)
        sodium_memzero(*e, strlen(*e));
    strings_free(env);
}
