#include "rollback/aftermath.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "pg/session.h"
#include "rollback/arrived.h"
#include "rollback/execute.h"
#include "rollback/expected.h"
#include "rollback/footprint.h"
#include "rollback/proof.h"
#include "rollback/sums.h"

enum { CONSTRAINTS, SETTINGS, COUNTING, LOCKS, WRITES, SPACES, LOCKED, ALWAYS, QUERIES = ALWAYS + 3 };

int aftermath_prepare(struct conn *c, const struct expected *expected, char **spaces, struct err *err)
{
    static const char *const none[] = {"{}"};
    const char *param;
    const struct query queries[] = {footprint_locks_query(), footprint_writes_query(), proof_locked_query(),
                                    sums_shapes_query(none),
                                    expected->count > 0 ? arrived_query(expected, &param) : proof_spaces_query(),
                                    proof_spaces_query()};
    enum { LAST = sizeof(queries) / sizeof(queries[0]) - 1 };

    free(*spaces);
    *spaces = NULL;
    for (size_t i = 0; i <= LAST; i++) {
        struct result *r = query_run(c, &queries[i], err);

        if (r == NULL || (i == LAST && strings_dup(spaces, result_text(r, 0, 0), err) != 0)) {
            result_free(r);
            return -1;
        }
        result_free(r);
    }
    return 0;
}

int aftermath_gather(struct conn *c, const struct plan *plan, const struct expected *expected, const char *oids,
                     struct aftermath *e, struct err *err)
{
    struct buf settings = {0}, versions = {0};
    const char *param;
    /* Deferred triggers and keys would else fire in COMMIT, after all that is proved here. */
    struct query queries[QUERIES] = {
        [CONSTRAINTS] = {.sql = "SET CONSTRAINTS ALL IMMEDIATE"},
        [SETTINGS] = {.columns = -1, .min_rows = 1, .max_rows = 1},
        [COUNTING] = {.sql = "SELECT pg_catalog.current_setting('track_counts')", .columns = 1, .min_rows = 1, .max_rows = 1},
        [LOCKS] = footprint_locks_query(),
        [WRITES] = footprint_writes_query(),
        [SPACES] = proof_spaces_query(),
        [LOCKED] = proof_locked_query(),
    };
    struct result *results[QUERIES] = {0};
    struct err errs[QUERIES];
    /* The table may be gone where no row is expected. */
    int asks_versions = plan->version_table != NULL && plan->to != NULL && plan->to[0] != NULL;
    int n = ALWAYS, versions_at = -1, arrived_at = -1, shapes_at = -1, rc = -1;

    memset(e, 0, sizeof(*e));
    memset(errs, 0, sizeof(errs));
    if (session_own_sql(c, &settings, err) != 0)
        goto out;
    queries[SETTINGS].sql = settings.data;
    if (asks_versions) {
        if (execute_version_sql(plan, &versions, err) != 0)
            goto out;
        versions_at = n;
        queries[n++] = (struct query){.sql = versions.data, .columns = 1};
    }
    if (expected->count > 0) {
        arrived_at = n;
        queries[n++] = arrived_query(expected, &param);
    }
    if (oids != NULL) {
        shapes_at = n;
        queries[n++] = sums_shapes_query(&oids);
    }
    if (query_pipeline(c, queries, n, results, errs, err) != 0)
        goto out;
    for (int i = 0; i < n; i++)
        if (results[i] == NULL) {
            *err = errs[i];
            (void)err_prefix(err, i == CONSTRAINTS   ? "a check or trigger that was put off to the end"
                                  : i == versions_at ? "cannot read the version table"
                                                     : "cannot verify the change");
            goto out;
        }
    *e = (struct aftermath){.versions = versions_at > 0 ? results[versions_at] : NULL, .counting = results[COUNTING],
                           .locks = results[LOCKS], .writes = results[WRITES], .spaces = results[SPACES],
                           .locked = results[LOCKED], .arrived = arrived_at > 0 ? results[arrived_at] : NULL,
                           .shapes = shapes_at > 0 ? results[shapes_at] : NULL};
    for (int i = COUNTING; i < QUERIES; i++)
        results[i] = NULL;
    rc = 0;
out:
    for (int i = 0; i < QUERIES; i++)
        result_free(results[i]);
    buf_free(&settings);
    buf_free(&versions);
    return rc;
}

void aftermath_free(struct aftermath *e)
{
    result_free(e->versions);
    result_free(e->counting);
    result_free(e->locks);
    result_free(e->writes);
    result_free(e->spaces);
    result_free(e->locked);
    result_free(e->arrived);
    result_free(e->shapes);
    memset(e, 0, sizeof(*e));
}
