#include "rollback/aftermath.h"

#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/session.h"
#include "rollback/census.h"
#include "rollback/proof.h"

enum { CONSTRAINTS, SETTINGS, COUNTING, LOCKS, WRITES, CATALOG, CENSUS, VERSIONS, QUERIES };

int aftermath_prepare(struct conn *c, struct err *err)
{
    const struct query queries[] = {proof_locks_query(), proof_writes_query()};

    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct result *r = query_run(c, &queries[i], err);

        if (r == NULL)
            return -1;
        result_free(r);
    }
    return 0;
}

int aftermath_gather(struct conn *c, const struct plan *plan, struct aftermath *e, struct err *err)
{
    struct buf settings = {0}, versions = {0};
    /* Deferred triggers and keys would else fire in COMMIT, after all that is proved here. */
    struct query queries[QUERIES] = {
        [CONSTRAINTS] = {.sql = "SET CONSTRAINTS ALL IMMEDIATE"},
        [SETTINGS] = {.columns = -1, .min_rows = 1, .max_rows = 1},
        [COUNTING] = {.sql = "SELECT pg_catalog.current_setting('track_counts')", .columns = 1, .min_rows = 1, .max_rows = 1},
        [LOCKS] = proof_locks_query(),
        [WRITES] = proof_writes_query(),
        [CATALOG] = proof_catalog_query(),
        [CENSUS] = census_query(),
        [VERSIONS] = {.columns = 1},
    };
    struct result *results[QUERIES] = {0};
    struct err errs[QUERIES];
    /* The table may be gone where no row is expected. */
    int n = plan->version_table != NULL && plan->to != NULL && plan->to[0] != NULL ? QUERIES : VERSIONS, rc = -1;

    memset(e, 0, sizeof(*e));
    memset(errs, 0, sizeof(errs));
    if (session_own_sql(c, &settings, err) != 0)
        goto out;
    queries[SETTINGS].sql = settings.data;
    if (n > VERSIONS) {
        if (buf_adds(&versions, "SELECT version_num FROM ", err) != 0 ||
            quote_name(&versions, plan->version_schema, plan->version_table, err) != 0)
            goto out;
        queries[VERSIONS].sql = versions.data;
    }
    if (query_pipeline(c, queries, n, results, errs, err) != 0)
        goto out;
    for (int i = 0; i < n; i++)
        if (results[i] == NULL) {
            *err = errs[i];
            (void)err_prefix(err, i == CONSTRAINTS ? "a check or trigger that was put off to the end"
                                  : i == VERSIONS  ? "cannot read the version table"
                                                   : "cannot verify the change");
            goto out;
        }
    *e = (struct aftermath){.versions = results[VERSIONS], .counting = results[COUNTING], .locks = results[LOCKS],
                           .writes = results[WRITES], .catalog = results[CATALOG], .census = results[CENSUS]};
    results[VERSIONS] = results[COUNTING] = results[LOCKS] = results[WRITES] = NULL;
    results[CATALOG] = results[CENSUS] = NULL;
    rc = 0;
out:
    for (int i = 0; i < QUERIES; i++)
        result_free(results[i]);
    buf_free(&settings);
    buf_free(&versions);
    return rc;
}

int aftermath_catalog(struct conn *c, struct aftermath *e, struct err *err)
{
    const struct query catalog = proof_catalog_query(), census = census_query();

    result_free(e->catalog);
    result_free(e->census);
    e->census = NULL;
    if ((e->catalog = query_run(c, &catalog, err)) == NULL || (e->census = query_run(c, &census, err)) == NULL)
        return err_prefix(err, "cannot verify the change");
    return 0;
}

void aftermath_free(struct aftermath *e)
{
    result_free(e->versions);
    result_free(e->counting);
    result_free(e->locks);
    result_free(e->writes);
    result_free(e->catalog);
    result_free(e->census);
    memset(e, 0, sizeof(*e));
}
