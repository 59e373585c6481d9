#include "rollback/stale.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/log.h"
#include "pg/array.h"
#include "pg/query.h"
#include "rollback/proof.h"
#include "script/closure.h"

static const char stale_sql[] =
#include "rollback/sql/stale.sql.h"
    ;

/* NULL where nothing was rewritten. */
static char *rewritten(const struct closure *closure, const struct proof *before, const struct proof *after,
                       struct err *err)
{
    struct buf oids = {0};

    for (size_t i = 0; i < closure->ntables; i++)
        if (proof_rewritten(before, after, closure->tables[i].oid) &&
            array_number(&oids, closure->tables[i].oid, err) != 0) {
            buf_free(&oids);
            return NULL;
        }
    return oids.len > 0 ? array_take(&oids, err) : NULL;
}

void stale_analyze(struct conn *c, const struct closure *closure, const struct proof *before, const struct proof *after)
{
    struct err err = {0};
    char *oids = rewritten(closure, before, after, &err);
    const char *const params[] = {oids};
    struct query q = {.sql = stale_sql, .params = params, .nparams = 1, .columns = 1};
    struct result *r = oids != NULL ? query_run(c, &q, &err) : NULL;

    for (int i = 0; r != NULL && i < result_rows(r); i++) {
        struct err why = {0};

        if (query_exec(c, result_text(r, i, 0), "ANALYZE", &why) != 0)
            log_warn("%s: %s", result_text(r, i, 0), why.message);
    }
    if (err.kind != ERR_NONE)
        log_warn("ANALYZE of what was rewritten: %s", err.message);
    result_free(r);
    free(oids);
}
