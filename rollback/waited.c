#include "rollback/waited.h"

#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "rollback/blockers.h"

static const char waited_sql[] =
#include "rollback/sql/waited.sql.h"
    ;

enum { SOONEST_MS = 20, LATEST_MS = 500 };

static void look(void *arg)
{
    struct waited *w = arg;
    struct err ignored = {0};
    struct buf now = {0};
    char pid[16];
    const char *param = pid;
    struct query q = {.name = "mig_waited", .sql = waited_sql, .params = &param, .nparams = 1, .columns = 11};
    struct result *r;

    (void)snprintf(pid, sizeof(pid), "%d", conn_pid(w->c));
    conn_shield(w->watch, 1);
    r = query_run(w->watch, &q, &ignored);
    conn_shield(w->watch, 0);
    for (int i = 0; r != NULL && i < result_rows(r); i++)
        if (blockers_describe(r, i, &now, &ignored) != 0)
            break;
    result_free(r);
    /* Those who were seen last are the ones, until there are others. */
    if (now.len == 0) {
        buf_free(&now);
        return;
    }
    buf_free(&w->text);
    w->text = now;
    if (w->aloud && !w->told++)
        log_info("waiting for %s", w->text.data);
}

void waited_begin(struct waited *w, struct conn *c, struct conn *watch, int64_t timeout_ms, int aloud)
{
    int64_t every = timeout_ms / 4;

    memset(w, 0, sizeof(*w));
    w->c = c;
    w->watch = watch;
    w->aloud = aloud;
    if (timeout_ms == 0 || every > LATEST_MS)
        every = LATEST_MS;
    conn_watch(c, every < SOONEST_MS ? SOONEST_MS : every, look, w);
}

void waited_end(struct waited *w, struct err *err)
{
    conn_watch(w->c, 0, NULL, NULL);
    if (err->kind != ERR_NONE && (strcmp(err->sqlstate, "55P03") == 0 || strcmp(err->sqlstate, "40P01") == 0)) {
        struct err more = *err;

        err->detail[0] = '\0';
        if (w->text.len > 0)
            err_detail(err, "in the way: %s%s%s", w->text.data, more.detail[0] != '\0' ? "; " : "", more.detail);
        else
            err_detail(err, "%s%swho was in the way was gone before it could be seen", more.detail, more.detail[0] != '\0' ? "; " : "");
        err->hint[0] = '\0';
        err_hint(err, "nothing of this transaction was kept. Wait until they have ended, or end them, and try again; --lock-timeout "
                      "(rollback.lock_timeout) waits longer");
    }
    buf_free(&w->text);
}
