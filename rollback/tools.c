#include "rollback/tools.h"

#include <string.h>

#include "core/log.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "rollback/guard.h"
#include "script/effect.h"

static const char tools_sql[] =
#include "rollback/sql/tools.sql.h"
    ;

static int writes(const struct plan *p, const char *table)
{
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct effects *e = p->steps[i].effects;

        for (size_t k = 0; e != NULL && k < e->count; k++)
            if (e->items[k].name != NULL && strcmp(e->items[k].name, table) == 0)
                return 1;
    }
    return 0;
}

int tools_warn(const struct guard *g, struct err *err)
{
    struct query q = {.sql = tools_sql, .columns = 4};
    struct result *r;

    if (g->plan->direction != PLAN_SQL)
        return 0;
    if ((r = query_run(g->control, &q, err)) == NULL)
        return -1;
    for (int i = 0; i < result_rows(r); i++)
        if (!writes(g->plan, result_text(r, i, 1)))
            log_warn("%s is %s's record of what it has run, and the script does not change it: %s would think that nothing "
                     "was taken back; afterwards: %s",
                     result_text(r, i, 0), result_text(r, i, 2), result_text(r, i, 2), result_text(r, i, 3));
    result_free(r);
    return 0;
}
