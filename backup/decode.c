#include "backup/decode.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/manifest.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/row.h"

enum { PIECE = 16, JOBS = 2, JOBS_MAX = 64 }; /* frames, about a MiB each */

struct sum {
    struct row_digest digest;
    uint64_t rows, bytes;
};

/* Pieces are taken in the order of tables and frames; each has a number. */
struct work {
    struct archive_reader *a;
    const struct manifest *m;
    struct progress *progress;
    pthread_mutex_t lock;
    struct sum *sums; /* one per table */
    size_t table;     /* what comes next: this table, from this frame */
    uint32_t frame;
    uint64_t next, failed; /* numbers: of the next piece, of the first with a fault */
    uint64_t rows, bytes;  /* so far */
    struct err err;
};

struct piece {
    const struct manifest_table *t;
    struct sum *sum;
    uint32_t from, to;
    uint64_t number;
};

static int take(struct work *w, struct piece *p)
{
    int there = 0;

    (void)pthread_mutex_lock(&w->lock);
    while (!there && w->table < w->m->ntables && w->failed == UINT64_MAX) {
        const struct manifest_table *t = &w->m->tables[w->table];
        uint32_t frames = t->stream == 0 ? 0 : archive_stream_frames(w->a, t->stream);

        /* a stream that is not there is a fault, so it gets its piece */
        if (t->stream != 0 && (w->frame < frames || w->frame == 0)) {
            *p = (struct piece){t, &w->sums[w->table], w->frame, w->frame + PIECE, w->next++};
            w->frame += PIECE;
            there = 1;
        } else {
            w->table++;
            w->frame = 0;
        }
    }
    (void)pthread_mutex_unlock(&w->lock);
    return there;
}

/* 1: go on. */
static int count(struct work *w, const struct piece *p, const struct row_batch *batch)
{
    int on;

    (void)pthread_mutex_lock(&w->lock);
    w->rows += batch->rows;
    w->bytes += batch->len;
    progress_tick(w->progress, w->rows, w->bytes, archive_footer(w->a)->plain_bytes);
    on = w->failed > p->number;
    (void)pthread_mutex_unlock(&w->lock);
    return on;
}

static int read_piece(struct work *w, const struct piece *p, struct err *err)
{
    struct row_source *s = archive_stream_part(w->a, p->t->stream, p->from, p->to, err);
    struct sum sum = {{0, 0}, 0, 0};
    struct row_batch batch;
    int rc = -1, more;

    if (s == NULL)
        return err_prefix(err, "table %s.%s", p->t->schema, p->t->name);
    while ((more = s->next(s, &batch, err)) == 1) {
        row_digest_add(&sum.digest, &batch);
        sum.rows += batch.rows;
        sum.bytes += batch.len;
        if (interrupt_check(err) != 0 || !count(w, p, &batch))
            goto out;
    }
    if (more != 0) {
        err_detail(err, "the frame belongs to table %s.%s", p->t->schema, p->t->name);
        goto out;
    }
    (void)pthread_mutex_lock(&w->lock);
    row_digest_merge(&p->sum->digest, &sum.digest);
    p->sum->rows += sum.rows;
    p->sum->bytes += sum.bytes;
    (void)pthread_mutex_unlock(&w->lock);
    rc = 0;
out:
    s->free(s);
    return rc;
}

static void *help(void *arg)
{
    struct work *w = arg;
    struct piece p;

    while (take(w, &p)) {
        struct err err = {0};

        if (read_piece(w, &p, &err) == 0)
            continue;
        (void)pthread_mutex_lock(&w->lock);
        if (err.kind != ERR_NONE && p.number < w->failed) {
            w->failed = p.number;
            w->err = err;
        }
        (void)pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

static void run(struct work *w, int jobs)
{
    pthread_t threads[JOBS_MAX];
    int n = 0;

    if (jobs > JOBS_MAX)
        jobs = JOBS_MAX;
    /* A thread that cannot be had is one fewer. */
    while (n < jobs - 1 && archive_footer(w->a)->entries > PIECE * (uint64_t)(n + 1) &&
           pthread_create(&threads[n], NULL, help, w) == 0)
        n++;
    (void)help(w);
    while (n > 0)
        (void)pthread_join(threads[--n], NULL);
}

static int compare(const struct work *w, const char *path, struct decode_result *r, struct err *err)
{
    const struct format_footer *f = archive_footer(w->a);
    uint64_t streams = 0;
    char hex[33];

    for (size_t i = 0; i < w->m->ntables; i++) {
        const struct manifest_table *t = &w->m->tables[i];
        const struct sum *s = &w->sums[i];

        if (t->stream == 0)
            continue;
        streams++;
        row_digest_hex(&s->digest, hex);
        if (s->rows != t->rows || s->bytes != t->bytes || strcmp(hex, t->digest) != 0)
            return err_set(err, ERR_BACKUP, "\"%s\": table %s.%s is not what the manifest says: %" PRIu64 " rows, digest %s, where it says %" PRIu64 " rows, digest %s",
                           path, t->schema, t->name, s->rows, hex, t->rows, t->digest);
        r->rows += s->rows;
        r->bytes += s->bytes;
    }
    if (streams != f->streams || r->rows != f->rows)
        return err_set(err, ERR_BACKUP, "\"%s\": %u streams and %" PRIu64 " rows stand in the file, the manifest knows of %" PRIu64 " and %" PRIu64,
                       path, f->streams, f->rows, streams, r->rows);
    r->tables = w->m->ntables;
    return 0;
}

static int check_streams(const struct manifest *m, const char *path, struct err *err)
{
    for (size_t i = 0; i < m->ntables; i++)
        for (size_t k = 0; k < i && m->tables[i].stream != 0; k++)
            if (m->tables[k].stream == m->tables[i].stream)
                return err_set(err, ERR_BACKUP, "\"%s\": two tables share stream %u", path, m->tables[i].stream);
    return 0;
}

int decode_all(struct archive_reader *a, const char *path, int jobs, struct progress *progress,
               struct decode_result *r, struct err *err)
{
    struct work w = {.a = a, .progress = progress, .lock = PTHREAD_MUTEX_INITIALIZER, .failed = UINT64_MAX};
    struct manifest *m = manifest_read(archive_manifest(a), err);
    int rc = -1;

    memset(r, 0, sizeof(*r));
    if (m == NULL)
        return err_prefix(err, "\"%s\"", path);
    w.m = m;
    if (check_streams(m, path, err) != 0)
        goto out;
    if ((w.sums = calloc(m->ntables + 1, sizeof(*w.sums))) == NULL) {
        err_oom(err);
        goto out;
    }
    run(&w, jobs > 0 ? jobs : JOBS);
    if (w.failed != UINT64_MAX) {
        *err = w.err;
        goto out;
    }
    rc = compare(&w, path, r, err);
out:
    free(w.sums);
    manifest_free(m);
    (void)pthread_mutex_destroy(&w.lock);
    return rc;
}
