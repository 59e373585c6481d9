#include "backup/visit.h"

#include <stdlib.h>
#include <string.h>

#include "backup/keys.h"
#include "backup/keysource.h"
#include "backup/shelf.h"
#include "core/audit.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/log.h"
#include "core/report.h"
#include "core/state.h"
#include "pg/address.h"
#include "pg/conn.h"

char *visit_find(const struct visit *v, const char *file, struct err *err)
{
    struct conn_options o = conn_options_of(v->common, "mig-backup");
    struct address a = {0};
    const char *database = NULL;
    char *path = NULL;

    if (strcmp(file, "latest") == 0) {
        if (address_resolve(&o, &a, err) != 0)
            goto out;
        database = address_get(&a, "dbname");
        if (database == NULL) /* libpq's to find */
            database = getenv("PGDATABASE");
        if (database != NULL && database[0] == '\0')
            database = NULL;
    }
    path = shelf_find(v->dir, file, &(struct shelf_whose){.keys = v->keys, .database = database}, err);
out:
    address_free(&a);
    return path;
}

/* From here on it will be in the log, however it ends. */
static int begin_log(struct visit *v, const char *operation, struct err *err)
{
    if ((v->state = state_dir(v->common, v->config, err)) == NULL ||
        (v->audit = state_audit(v->common, v->config, operation, err)) == NULL)
        return -1;
    if (v->path != NULL)
        audit_add(v->audit, "file", json_string(v->path));
    return 0;
}

/* RC, or -1 where the log could not be written. */
static int end_log(struct visit *v, int rc, struct err *err)
{
    struct err why = {0};
    char head[65];

    if (v->audit == NULL)
        return rc;
    if (audit_end(v->audit, err, NULL, head, &why) == 0)
        log_info("log head %s", head);
    else if (rc != 0)
        log_warn("%s", why.message);
    else {
        *err = why;
        return -1;
    }
    return rc;
}

int visit_run(const struct cli_common *common, const struct visit_task *t, void *context, struct err *err)
{
    struct visit v = {.common = common};
    struct report report = {0};
    int found, rc = -1;

    if ((v.config = config_load(common->config, err)) == NULL ||
        (v.keys = (t->keys != NULL ? t->keys : keyring_load)(common, v.config, err)) == NULL)
        goto out;
    v.dir = state_shelf(common, v.config);
    if (report_open(&report, &common->formats, t->forms, err) != 0 ||
        (t->file != NULL && (v.path = visit_find(&v, t->file, err)) == NULL) ||
        (t->operation != NULL && begin_log(&v, t->operation, err) != 0))
        goto out;
    found = t->work(&v, &report, context, err);
    if (found >= 0 && report_close(&report, err) == 0 && found == 0)
        rc = 0;
out:
    report_discard(&report);
    rc = end_log(&v, rc, err);
    audit_free(v.audit);
    free(v.state);
    free(v.path);
    keyring_free(v.keys);
    config_free(v.config);
    return rc;
}
