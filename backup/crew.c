#include "backup/crew.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "core/log.h"
#include "core/row.h"
#include "pg/conn.h"
#include "pg/copy.h"
#include "pg/query.h"
#include "pg/tx.h"

enum {
    RANGE_PAGES = 4096,     /* 32 MiB; towards a table's end smaller, so that all end together */
    RANGE_PAGES_LEAST = 512,
    SPLIT_PAGES = 2 * 4096, /* a smaller table is one range */
    ALONE_PAGES = 512,      /* under 4 MiB in all a second login costs more than it saves */
    ALONE_TABLES = 64,
    WIDE_BYTES = 32 << 20, /* from here on large reads pay */
};

static const char workers_sql[] =
#include "backup/sql/workers.sql.h"
    ;

/* One range of one table. */
struct task {
    size_t table;
    int64_t from, to;
    int whole;
    int gather; /* by the server's own parallel workers */
};

struct progress {
    struct row_digest digest;
    uint64_t rows, bytes;
    size_t left; /* ranges not yet done */
};

struct crew {
    const struct crew_options *o;
    pthread_mutex_t lock;
    struct task *tasks;
    size_t ntasks, next;
    struct progress *progress; /* one per table */
    char workers[16];
    uint64_t rows, bytes, total;
    int stop;
    struct err err;
};

struct helper {
    struct crew *crew;
    pthread_t thread;
    int started;
};

struct by_size {
    size_t table;
    int64_t pages;
};

static int larger_first(const void *a, const void *b)
{
    const struct by_size *x = a, *y = b;

    if (x->pages != y->pages)
        return x->pages < y->pages ? 1 : -1;
    return x->table < y->table ? -1 : 1;
}

/* What copy_out is told of a table; freed together. */
struct columns {
    const char **names; /* and, behind them, their types */
    unsigned char *marks;
};

static int columns_of(const struct manifest_table *m, struct columns *c, struct copy_out_options *o,
                      struct err *err)
{
    c->names = calloc(2 * m->ncolumns + 1, sizeof(*c->names));
    c->marks = calloc(m->ncolumns + 1, 1);
    if (c->names == NULL || c->marks == NULL)
        return err_oom(err);
    for (size_t i = 0; i < m->ncolumns; i++) {
        c->names[i] = m->columns[i].name;
        c->names[m->ncolumns + i] = m->columns[i].carried;
        c->marks[i] = m->columns[i].base64 != 0;
    }
    *o = (struct copy_out_options){.schema = m->schema, .table = m->name, .only = 1, .filter = m->filter};
    o->columns.names = c->names;
    o->columns.types = c->names + m->ncolumns;
    o->columns.base64 = c->marks;
    o->columns.count = m->ncolumns;
    return 0;
}

static void columns_free(struct columns *c)
{
    free(c->names);
    free(c->marks);
}

/* WORKERS (as text) from here on, *BEFORE until now. */
static int set_workers(struct conn *c, const char *workers, char **before, struct err *err)
{
    const char *params[] = {workers};
    struct query q = {.sql = workers_sql, .params = params, .nparams = 1, .columns = 2, .min_rows = 1, .max_rows = 1};
    struct result *r = query_run(c, &q, err);
    int rc = r == NULL || (before != NULL && (*before = strdup(result_text(r, 0, 0))) == NULL) ? -1 : 0;

    if (r != NULL && rc != 0)
        err_oom(err);
    result_free(r);
    return rc;
}

/* A few rows of many: then the server's parallel scan costs less than our ranges do, which go through
 * the shared buffers.  Its planner knows. */
static int gathers(struct crew *k, size_t table, struct err *err)
{
    const struct crew_options *o = k->o;
    struct copy_out_options copy;
    struct columns columns = {NULL, NULL};
    char *before = NULL;
    int rc = -1;

    if (o->tables[table].filter == NULL || o->jobs < 2 || o->pages[table] < SPLIT_PAGES)
        return 0;
    (void)snprintf(k->workers, sizeof(k->workers), "%d", o->jobs - 1);
    if (columns_of(&o->tables[table], &columns, &copy, err) == 0 &&
        set_workers(o->leader, k->workers, &before, err) == 0 &&
        (rc = copy_out_gathers(o->leader, &copy, err)) >= 0 &&
        set_workers(o->leader, before, NULL, err) != 0)
        rc = -1;
    columns_free(&columns);
    free(before);
    return rc;
}

/* Where the range that begins at FROM ends, of a table of PAGES; 0: with the table. */
static int64_t range_end(int64_t from, int64_t pages, int jobs)
{
    int64_t size = (pages - from) / (2 * jobs);

    if (size > RANGE_PAGES)
        size = RANGE_PAGES;
    if (size < RANGE_PAGES_LEAST)
        size = RANGE_PAGES_LEAST;
    return from + size + size / 2 < pages ? from + size : 0;
}

static int plan(struct crew *k, struct err *err)
{
    const struct crew_options *o = k->o;
    struct by_size *order = calloc(o->ntables + 1, sizeof(*order));
    int can_split = o->jobs > 1 && o->snapshot != NULL && conn_version(o->leader) >= 140000;
    size_t most = 0, n = 0;
    int rc = -1;

    if (order == NULL)
        return err_oom(err);
    for (size_t i = 0; i < o->ntables; i++) {
        if (o->tables[i].stream == 0)
            continue;
        order[n].table = i;
        order[n++].pages = o->pages[i];
        most += 1 + (size_t)(o->pages[i] / RANGE_PAGES_LEAST);
        k->total += (uint64_t)o->pages[i] * 8192;
    }
    qsort(order, n, sizeof(*order), larger_first);
    if ((k->tasks = calloc(most + 1, sizeof(*k->tasks))) == NULL ||
        (k->progress = calloc(o->ntables + 1, sizeof(*k->progress))) == NULL) {
        err_oom(err);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t pages = can_split && order[i].pages >= SPLIT_PAGES ? order[i].pages : 0;
        int64_t from = 0;
        int gather = gathers(k, order[i].table, err);

        if (gather < 0)
            goto out;
        if (gather)
            pages = 0;
        do {
            struct task *t = &k->tasks[k->ntasks++];

            t->table = order[i].table;
            t->from = from;
            /* The last range has no upper bound: the file may have grown since it was measured. */
            t->to = range_end(from, pages, o->jobs);
            t->whole = pages == 0;
            t->gather = gather;
            k->progress[t->table].left++;
            from = t->to;
        } while (from > 0);
    }
    rc = 0;
out:
    free(order);
    return rc;
}

static void fail(struct crew *k, const struct err *err)
{
    (void)pthread_mutex_lock(&k->lock);
    if (k->err.kind == ERR_NONE)
        k->err = *err;
    k->stop = 1;
    (void)pthread_mutex_unlock(&k->lock);
}

static int stopped(struct crew *k)
{
    int stop;

    (void)pthread_mutex_lock(&k->lock);
    stop = k->stop;
    (void)pthread_mutex_unlock(&k->lock);
    return stop;
}

static const struct task *take(struct crew *k)
{
    const struct task *t = NULL;

    (void)pthread_mutex_lock(&k->lock);
    if (!k->stop && k->next < k->ntasks)
        t = &k->tasks[k->next++];
    (void)pthread_mutex_unlock(&k->lock);
    return t;
}

static void report(struct crew *k, uint64_t rows, uint64_t bytes)
{
    (void)pthread_mutex_lock(&k->lock);
    k->rows += rows;
    k->bytes += bytes;
    if (k->o->tick != NULL)
        k->o->tick(k->o->tick_arg, k->rows, k->bytes, k->total);
    (void)pthread_mutex_unlock(&k->lock);
}

/* 1: this was the table's last range. */
static int merge(struct crew *k, size_t table, const struct progress *done)
{
    struct progress *p = &k->progress[table];
    int last;

    (void)pthread_mutex_lock(&k->lock);
    row_digest_merge(&p->digest, &done->digest);
    p->rows += done->rows;
    p->bytes += done->bytes;
    last = --p->left == 0;
    (void)pthread_mutex_unlock(&k->lock);
    return last;
}

static int copy_range(struct crew *k, struct conn *c, const struct task *t, struct err *err)
{
    const struct manifest_table *m = &k->o->tables[t->table];
    struct columns columns = {NULL, NULL};
    struct copy_out_options o;
    struct row_source *source = NULL;
    struct row_batch batch = {0};
    struct progress done = {0};
    char *workers = NULL;
    int more, finished = 0, rc = -1;

    if (columns_of(m, &columns, &o, err) != 0)
        goto out;
    o.from_page = t->from;
    o.to_page = t->to;
    if ((t->gather && set_workers(c, k->workers, &workers, err) != 0) ||
        (source = copy_out(c, &o, err)) == NULL)
        goto out;
    while ((more = source->next(source, &batch, err)) == 1) {
        row_digest_add(&done.digest, &batch);
        done.rows += batch.rows;
        done.bytes += batch.len;
        finished = t->whole && batch.last;
        if (archive_put(k->o->archive, m->stream, &batch, finished, err) != 0)
            goto out;
        report(k, batch.rows, batch.len);
        if (stopped(k))
            goto out; /* another has failed, and said why */
    }
    if (more < 0 || (t->gather && set_workers(c, workers, NULL, err) != 0))
        goto out;
    if (merge(k, t->table, &done) && !finished &&
        archive_put(k->o->archive, m->stream, NULL, 1, err) != 0)
        goto out;
    rc = 0;
out:
    if (source != NULL)
        source->free(source);
    columns_free(&columns);
    free(workers);
    return rc;
}

static void work(struct crew *k, struct conn *c)
{
    const struct task *t;
    struct err err = {0};

    while ((t = take(k)) != NULL)
        if (copy_range(k, c, t, &err) != 0) {
            if (err.kind != ERR_NONE)
                fail(k, &err);
            return;
        }
}

/* A session that sees what the leader sees, or NULL. */
static struct conn *join(const struct crew_options *o, int wide, struct err *err)
{
    struct conn *c = conn_again(o->leader, CONN_OWN, err);

    if (c == NULL)
        return NULL;
    /* Locks before the snapshot, and none that waits: whoever stands in line for an exclusive lock
     * waits for the leader, who would wait for us. */
    if (tx_begin(c, TX_REPEATABLE_READ, 1, err) != 0 ||
        (o->lock_sql != NULL && query_exec(c, o->lock_sql, NULL, err) != 0) ||
        tx_import_snapshot(c, o->snapshot, err) != 0 || (wide && copy_widen(c, err) != 0)) {
        conn_free(c);
        return NULL;
    }
    return c;
}

/* Many rows will come. */
static int is_wide(const struct crew *k)
{
    return k->total > WIDE_BYTES && !(k->ntasks == 1 && k->tasks[0].gather);
}

static void *help(void *arg)
{
    struct helper *h = arg;
    struct err err = {0};
    struct conn *c = join(h->crew->o, is_wide(h->crew), &err);

    if (c == NULL) {
        if (err.kind != ERR_INTERRUPTED)
            log_info("one worker fewer: %s", err.message);
        return NULL;
    }
    work(h->crew, c);
    conn_free(c);
    return NULL;
}

static int worth_helpers(const struct crew *k)
{
    return k->o->snapshot != NULL && k->o->jobs > 1 && k->ntasks > 1 &&
           (k->total > (uint64_t)ALONE_PAGES * 8192 || k->ntasks > ALONE_TABLES);
}

int crew_run(const struct crew_options *o, struct err *err)
{
    struct crew k = {.o = o, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct helper *helpers = NULL;
    struct err mine = {0};
    int n = 0, rc = -1;

    if (plan(&k, err) != 0)
        goto out;
    if (worth_helpers(&k)) {
        n = o->jobs - 1;
        if ((size_t)n > k.ntasks - 1)
            n = (int)(k.ntasks - 1);
        if ((helpers = calloc((size_t)n, sizeof(*helpers))) == NULL) {
            err_oom(err);
            goto out;
        }
    }
    for (int i = 0; i < n; i++) {
        helpers[i].crew = &k;
        helpers[i].started = pthread_create(&helpers[i].thread, NULL, help, &helpers[i]) == 0;
    }
    if ((o->aside != NULL && o->aside(o->aside_arg, &mine) != 0) ||
        (is_wide(&k) && copy_widen(o->leader, &mine) != 0))
        fail(&k, &mine);
    work(&k, o->leader);
    for (int i = 0; i < n; i++)
        if (helpers[i].started)
            (void)pthread_join(helpers[i].thread, NULL);
    if (k.err.kind != ERR_NONE) {
        *err = k.err;
        goto out;
    }
    for (size_t i = 0; i < o->ntables; i++) {
        o->tables[i].rows = k.progress[i].rows;
        o->tables[i].bytes = k.progress[i].bytes;
        row_digest_hex(&k.progress[i].digest, o->tables[i].digest);
    }
    rc = 0;
out:
    free(helpers);
    free(k.tasks);
    free(k.progress);
    (void)pthread_mutex_destroy(&k.lock);
    return rc;
}
