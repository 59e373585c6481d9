#include "rollback/standing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/array.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/aftermath.h"
#include "rollback/objections.h"
#include "rollback/proof.h"
#include "script/closure.h"

static const char readable_sql[] =
#include "rollback/sql/readable.sql.h"
    ;

struct one {
    uint32_t oid;
    char *from; /* the quoted name, before the change; NULL: not ours to read */
};

struct standing {
    struct one *items;
    size_t count;
};

/* Candidates: tables with a file that is not empty. */
static int find(struct standing *s, struct conn *c, const struct closure *closure, struct err *err)
{
    struct query q = {.sql = readable_sql, .nparams = 1, .columns = 4};
    struct buf oids = {0};
    struct result *r = NULL;
    const char *param;
    int rc = -1;

    for (size_t i = 0; i < closure->ntables; i++)
        if (closure->tables[i].kind == 'r' && (closure->tables[i].fate & (CLOSURE_DROPPED | CLOSURE_EMPTIED)) == 0 &&
            array_number(&oids, closure->tables[i].oid, err) != 0)
            goto out;
    if (array_end(&oids, err) != 0)
        goto out;
    param = oids.data;
    q.params = &param;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    if ((s->items = calloc((size_t)result_rows(r) + 1, sizeof(*s->items))) == NULL) {
        (void)err_oom(err);
        goto out;
    }
    for (int i = 0; i < result_rows(r); i++) {
        struct one *one = &s->items[s->count++];
        struct buf name = {0};

        one->oid = (uint32_t)result_int(r, i, 0);
        if (!result_bool(r, i, 3))
            continue;
        if (quote_name(&name, result_text(r, i, 1), result_text(r, i, 2), err) != 0 ||
            (one->from = buf_take(&name, err)) == NULL) {
            buf_free(&name);
            goto out;
        }
    }
    rc = 0;
out:
    result_free(r);
    buf_free(&oids);
    return rc;
}

/* Which of the items FROM.. have a row; TO: behind the last one asked about. */
static struct result *ask_filled(const struct standing *s, struct conn *c, size_t from, size_t *to, struct err *err)
{
    enum { AT_ONCE = 200 };
    struct buf sql = {0};
    struct query q = {.columns = 1};
    struct result *r = NULL;
    size_t n = 0;

    for (*to = from; *to < s->count && n < AT_ONCE; ++*to)
        if (s->items[*to].from != NULL && buf_addf(&sql, err, "%sSELECT %zu AS n WHERE EXISTS (SELECT FROM ONLY %s)",
                                                   n++ > 0 ? " UNION ALL " : "", *to, s->items[*to].from) != 0)
            goto out;
    if (buf_adds(&sql, n > 0 ? " ORDER BY n" : "SELECT 0 WHERE false", err) != 0)
        goto out;
    q.sql = sql.data;
    r = query_run(c, &q, err);
out:
    buf_free(&sql);
    return r;
}

/* Of those that can be read, only the ones with a row are kept. */
static int keep_filled(struct standing *s, struct conn *c, struct err *err)
{
    size_t kept = 0, i = 0, to, count = s->count;

    while (i < count) {
        struct result *r = ask_filled(s, c, i, &to, err);
        int at = 0;

        if (r == NULL)
            return -1;
        for (; i < to; i++) {
            int filled = at < result_rows(r) && result_int(r, at, 0) == (int64_t)i;
            struct one one = s->items[i];

            at += filled;
            s->items[i].from = NULL;
            if (filled || one.from == NULL)
                s->items[kept++] = one;
            else
                free(one.from);
        }
        result_free(r);
    }
    s->count = kept;
    return 0;
}

struct standing *standing_read(struct conn *c, const struct closure *closure, struct err *err)
{
    struct standing *s = calloc(1, sizeof(*s));

    if (s == NULL)
        (void)err_oom(err);
    else if (find(s, c, closure, err) == 0 && keep_filled(s, c, err) == 0)
        return s;
    standing_free(s);
    return NULL;
}

/* What the transaction inserted into OID and deleted from it; TRUNCATE sets both back. */
static void written(const struct result *writes, uint32_t oid, int64_t *inserted, int64_t *deleted)
{
    *inserted = *deleted = 0;
    for (int i = 0; i < result_rows(writes); i++)
        if ((uint32_t)result_int(writes, i, 0) == oid) {
            *inserted = result_int(writes, i, 2);
            *deleted = result_int(writes, i, 4);
        }
}

/* A new file is a rewrite, which keeps the rows, or TRUNCATE, which leaves no more than what came after it. */
static int is_emptied(const struct one *one, const char *name, struct conn *c, const struct result *writes, int *yes,
                      struct err *err)
{
    int64_t inserted, deleted;
    uint64_t now;

    *yes = 1;
    if (one->from == NULL)
        return 0;
    written(writes, one->oid, &inserted, &deleted);
    if (query_countf(c, &now, err, "SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY %s LIMIT %lld) x", name,
                     (long long)inserted + 1) != 0)
        return -1;
    *yes = (int64_t)now <= inserted && deleted == 0;
    return 0;
}

/* What relation OID is called now, if its file is another one; else NULL. */
static const char *replaced(const struct proof *before, const struct result *locked, uint32_t oid)
{
    for (int i = 0; i < result_rows(locked); i++)
        if (strcmp(result_text(locked, i, 0), "relation") == 0 && (uint32_t)result_int(locked, i, 1) == oid)
            return result_int(locked, i, 6) != proof_file(before, oid) ? result_text(locked, i, 4) : NULL;
    return NULL;
}

int standing_check(const struct standing *s, struct conn *c, const struct proof *before, const struct aftermath *e,
                   struct err *err)
{
    struct objections said = {.count = 0};
    int rc = -1;

    for (size_t i = 0; i < s->count; i++) {
        const char *name = replaced(before, e->locked, s->items[i].oid);
        int yes = 0;

        if (name != NULL && (is_emptied(&s->items[i], name, c, e->writes, &yes, err) != 0 ||
                             (yes && objections_add(&said, err, name, "lost all its rows") != 0)))
            goto out;
    }
    if (said.count > 0) {
        (void)err_set(err, ERR_REFUSED, "the script emptied what its plan keeps (%d table%s)", said.count,
                      said.count == 1 ? "" : "s");
        err_detail(err, "%s", said.text.data);
        err_hint(err, "a trigger, a function or a DO block did it (TRUNCATE); nothing was committed");
        goto out;
    }
    rc = 0;
out:
    objections_free(&said);
    return rc;
}

void standing_free(struct standing *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; s->items != NULL && i < s->count; i++)
        free(s->items[i].from);
    free(s->items);
    free(s);
}
