#include "rollback/estimate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "backup/keys.h"
#include "core/buf.h"
#include "core/report.h"
#include "core/state.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "rollback/guard.h"
#include "rollback/refusal.h"
#include "script/closure.h"

static const char sizes_sql[] =
#include "rollback/sql/sizes.sql.h"
    ;

/* What a copy does on a slow machine; an estimate that is too short would break its promise. */
enum { COPY_BYTES_PER_MS = 40000, SHORT_MS = 1000 };

int64_t estimate_copy_ms(uint64_t bytes)
{
    return (int64_t)(bytes / COPY_BYTES_PER_MS);
}

int estimate_sizes(struct guard *g, struct err *err)
{
    const struct closure *c = g->closure;
    struct query q = {.sql = sizes_sql, .nparams = 1, .columns = 4};
    struct catalog_table **catalog = NULL;
    struct result *r = NULL;
    struct buf oids = {0};
    uint32_t *numbers = calloc(c->ntables + 1, sizeof(*numbers));
    const char *param;
    int rc = -1;

    g->tables = calloc(c->ntables + 1, sizeof(*g->tables));
    if (numbers == NULL || g->tables == NULL) {
        (void)err_oom(err);
        goto out;
    }
    if (buf_addc(&oids, '{', err) != 0)
        goto out;
    for (size_t i = 0; i < c->ntables; i++) {
        numbers[i] = c->tables[i].oid;
        g->tables[i].rows = -1;
        if (buf_addf(&oids, err, "%s%u", i > 0 ? "," : "", numbers[i]) != 0)
            goto out;
    }
    if (buf_addc(&oids, '}', err) != 0)
        goto out;
    param = oids.data;
    q.params = &param;
    if ((r = query_run(g->control, &q, err)) == NULL)
        goto out;
    for (int k = 0; k < result_rows(r); k++)
        for (size_t i = 0; i < c->ntables; i++)
            if (numbers[i] == (uint32_t)result_int(r, k, 0)) {
                g->tables[i].bytes = result_int(r, k, 1);
                g->tables[i].rows = result_int(r, k, 2);
            }
    if (c->ntables > 0 &&
        (catalog = catalog_tables_get(g->control, numbers, c->ntables, err)) == NULL)
        goto out;
    for (size_t i = 0; i < c->ntables; i++) {
        g->tables[i].key = SELECTION_KEY_NONE;
        if (catalog[i] != NULL)
            (void)selection_key(catalog[i], &c->tables[i], &g->tables[i].key);
        if (closure_table_at_risk(&c->tables[i]))
            g->bytes += (uint64_t)g->tables[i].bytes;
    }
    g->copy_ms = estimate_copy_ms(g->bytes);
    g->short_copy = g->copy_ms < SHORT_MS;
    rc = 0;
out:
    catalog_tables_free(catalog, c->ntables);
    result_free(r);
    buf_free(&oids);
    free(numbers);
    return rc;
}

int estimate_room(struct guard *g, struct err *err)
{
    const char *dir = state_shelf(g->request->common, g->request->config);
    struct statvfs fs;
    struct err why = {0};
    char have[32], need[32];
    /* Compressed at least two to one, or the disk is not the bottleneck. */
    uint64_t bytes = g->bytes / 2 + (8U << 20);

    if (g->request->backup == ROLLBACK_NONE)
        return 0;
    if (keyring_can_write(g->request->keys, &why) != 0 &&
        refusal_add(g, err, "key", 0, why.hint[0] != '\0' ? why.hint : NULL, "%s", why.message) != 0)
        return -1;
    if (statvfs(dir, &fs) != 0 && (errno != ENOENT || statvfs(".", &fs) != 0))
        return 0;
    if ((uint64_t)fs.f_bavail * fs.f_frsize < bytes &&
        refusal_add(g, err, "room", 1, "free some, or name another folder with --dir",
                     "the shelf \"%s\" has %s left, the backup may need %s", dir,
                     report_bytes((uint64_t)fs.f_bavail * fs.f_frsize, have),
                     report_bytes(bytes, need)) != 0)
        return -1;
    return 0;
}

int estimate_block(struct guard *g, struct err *err)
{
    char is[32], max[32];

    if (g->command || g->request->backup != ROLLBACK_LOCKED || g->copy_ms <= g->request->max_block_ms)
        return 0;
    return refusal_add(g, err, "max-block", 1,
                        "--scope loss saves only what is lost; --backup before copies first and locks "
                        "shortly; --max-block allows more",
                        "writers would wait about %s for the copy, more than --max-block %s",
                        report_duration(g->copy_ms, is), report_duration(g->request->max_block_ms, max));
}
