#include "backup/against.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/line.h"
#include "backup/manifest.h"
#include "core/buf.h"
#include "core/interrupt.h"
#include "core/report.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/copy.h"
#include "pg/tx.h"

/* A row by the hash of its key (of all of it where there is none) and of all of it, under a key of
 * this process. */
struct pair {
    uint64_t key, row;
};

struct side {
    struct pair *pairs;
    size_t count, cap;
};

struct comparison {
    const struct manifest_table *t;
    struct archive_reader *a;
    struct conn *c;
    size_t *key; /* places of the key's columns in a row */
    size_t nkey;
    unsigned char seed[crypto_shorthash_KEYBYTES];
    const char **starts;
    struct buf scratch;
    struct copy_out_options copy;
};

static uint64_t hash(const struct comparison *q, const char *p, size_t len)
{
    uint64_t h;

    (void)crypto_shorthash((unsigned char *)&h, (const unsigned char *)p, len, q->seed);
    return h;
}

/* The key of the row [P, END) as it stands in JSON: in SCRATCH. */
static int key_of(struct comparison *q, const char *p, const char *end, struct err *err)
{
    buf_reset(&q->scratch);
    if (line_split(p, end, q->starts, q->t->ncolumns) != 0)
        return err_set(err, ERR_FAILED, "a row of %s.%s is not one of %zu columns", q->t->schema, q->t->name,
                       q->t->ncolumns);
    for (size_t i = 0; i < q->nkey; i++) {
        const char *from = q->starts[q->key[i]], *to = q->starts[q->key[i] + 1] - 1;

        if ((i > 0 && buf_addc(&q->scratch, ',', err) != 0) ||
            buf_add(&q->scratch, from, (size_t)(to - from), err) != 0)
            return -1;
    }
    return 0;
}

static int add_pair(struct side *s, struct pair p, struct err *err)
{
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? 4096 : s->cap * 2;
        struct pair *bigger = realloc(s->pairs, cap * sizeof(*bigger));

        if (bigger == NULL)
            return err_oom(err);
        s->pairs = bigger;
        s->cap = cap;
    }
    s->pairs[s->count++] = p;
    return 0;
}

/* What is done with each row. */
typedef int visit(struct comparison *q, const char *p, const char *end, void *arg, struct err *err);

static int collect(struct comparison *q, const char *p, const char *end, void *arg, struct err *err)
{
    struct pair pair = {.row = hash(q, p, (size_t)(end - p))};

    pair.key = pair.row;
    if (q->nkey > 0) {
        if (key_of(q, p, end, err) != 0)
            return -1;
        pair.key = hash(q, q->scratch.data, q->scratch.len);
    }
    return add_pair(arg, pair, err);
}

static int each_row(struct comparison *q, const struct row_batch *b, visit *f, void *arg, struct err *err)
{
    const char *p = b->data, *end = b->data + b->len;

    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));

        if (stop == NULL)
            return err_set(err, ERR_FAILED, "a batch ends inside a row");
        if (f(q, p, stop, arg, err) != 0)
            return -1;
        p = stop + 1;
    }
    return 0;
}

/* Takes S. */
static int drain(struct comparison *q, struct row_source *s, visit *f, void *arg, struct row_digest *digest,
                 uint64_t *rows, struct err *err)
{
    struct row_batch b;
    int more = -1;

    if (s == NULL)
        return -1;
    while ((more = s->next(s, &b, err)) == 1) {
        if (digest != NULL)
            row_digest_add(digest, &b);
        if (rows != NULL)
            *rows += b.rows;
        if ((f != NULL && each_row(q, &b, f, arg, err) != 0) || interrupt_check(err) != 0) {
            more = -1;
            break;
        }
    }
    s->free(s);
    return more;
}

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->row == y->row ? 0 : x->row < y->row ? -1 : 1;
}

/* Hashes of keys whose text is wanted, with what happened to them. */
struct wanted {
    uint64_t key;
    const char *what;
    int told;
};

struct sample {
    struct wanted *items;
    size_t count, max;
    struct buf text;
};

static void want(struct sample *s, uint64_t key, const char *what)
{
    if (s->count < s->max)
        s->items[s->count++] = (struct wanted){key, what, 0};
}

static void merge(struct against_table *r, const struct side *saved, const struct side *now, struct sample *sample)
{
    size_t i = 0, k = 0;

    while (i < saved->count && k < now->count) {
        const struct pair *a = &saved->pairs[i], *b = &now->pairs[k];

        if (a->key < b->key) {
            r->gone++;
            want(sample, a->key, "gone");
        } else if (b->key < a->key) {
            r->added++;
            want(sample, b->key, "added");
        } else if (a->row != b->row) {
            r->changed++;
            want(sample, a->key, "changed");
        }
        i += a->key <= b->key;
        k += b->key <= a->key;
    }
    for (; i < saved->count; i++) {
        r->gone++;
        want(sample, saved->pairs[i].key, "gone");
    }
    for (; k < now->count; k++) {
        r->added++;
        want(sample, now->pairs[k].key, "added");
    }
}

static int tell(struct comparison *q, const char *p, const char *end, void *arg, struct err *err)
{
    struct sample *s = arg;
    uint64_t h;

    if (key_of(q, p, end, err) != 0)
        return -1;
    h = hash(q, q->scratch.data, q->scratch.len);
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].key == h && !s->items[i].told) {
            s->items[i].told = 1;
            return buf_addf(&s->text, err, "%s [%s]\n", s->items[i].what, q->scratch.data);
        }
    return 0;
}

/* Row by row, where the digests differ. */
static int differ(struct comparison *q, struct against_table *r, int show_keys, struct err *err)
{
    struct side saved = {0}, now = {0};
    struct sample sample = {.max = q->nkey > 0 && show_keys > 0 ? (size_t)show_keys : 0};
    int rc = -1;

    if ((sample.items = calloc(sample.max + 1, sizeof(*sample.items))) == NULL) {
        err_oom(err);
        goto out;
    }
    if (drain(q, archive_stream(q->a, q->t->stream, err), collect, &saved, NULL, NULL, err) != 0 ||
        drain(q, copy_out(q->c, &q->copy, err), collect, &now, NULL, NULL, err) != 0)
        goto out;
    if (saved.count > 0)
        qsort(saved.pairs, saved.count, sizeof(*saved.pairs), by_key);
    if (now.count > 0)
        qsort(now.pairs, now.count, sizeof(*now.pairs), by_key);
    merge(r, &saved, &now, &sample);
    r->keyed = q->nkey > 0;
    if (sample.count > 0 &&
        (drain(q, archive_stream(q->a, q->t->stream, err), tell, &sample, NULL, NULL, err) != 0 ||
         drain(q, copy_out(q->c, &q->copy, err), tell, &sample, NULL, NULL, err) != 0))
        goto out;
    r->keys = sample.text.data;
    sample.text.data = NULL;
    rc = 0;
out:
    free(saved.pairs);
    free(now.pairs);
    free(sample.items);
    buf_free(&sample.text);
    return rc;
}

/* Why T cannot be compared with what stands there now: R->why. */
static int find_table(struct conn *c, const struct manifest_table *t, struct against_table *r, struct err *err)
{
    struct catalog_table *now = NULL;
    struct buf why = {0};
    uint32_t oid = 0;
    int rc = -1;

    if (catalog_find(c, t->schema, t->name, NULL, &oid, err) != 0)
        return -1;
    if (oid == 0)
        return strings_dup(&r->why, "the table is gone", err);
    if ((now = catalog_table_get(c, oid, err)) == NULL)
        return -1;
    for (size_t i = 0; i < t->ncolumns; i++) {
        size_t k = 0;

        while (k < now->ncolumns && strcmp(now->columns[k].name, t->columns[i].name) != 0)
            k++;
        if (k == now->ncolumns) {
            if (buf_addf(&why, err, "%scolumn %s is gone", why.len > 0 ? ", " : "", t->columns[i].name) != 0)
                goto out;
        } else if (strcmp(now->columns[k].type, t->columns[i].type) != 0 &&
                   buf_addf(&why, err, "%scolumn %s is %s now, it was %s", why.len > 0 ? ", " : "",
                            t->columns[i].name, now->columns[k].type, t->columns[i].type) != 0) {
            goto out;
        }
    }
    if (why.len > 0 && (r->why = buf_take(&why, err)) == NULL)
        goto out;
    rc = 0;
out:
    buf_free(&why);
    catalog_table_free(now);
    return rc;
}

static int compare_table(struct comparison *q, struct against_table *r, int show_keys, struct err *err)
{
    const struct manifest_table *t = q->t;
    const char **names = calloc(t->ncolumns + 1, sizeof(*names));
    unsigned char *marks = calloc(t->ncolumns + 1, 1);
    struct row_digest digest = {0};
    char hex[33];
    int rc = -1;

    q->starts = calloc(t->ncolumns + 1, sizeof(*q->starts));
    q->nkey = strings_count(t->key);
    q->key = calloc(q->nkey + 1, sizeof(*q->key));
    if (names == NULL || marks == NULL || q->starts == NULL || q->key == NULL) {
        err_oom(err);
        goto out;
    }
    for (size_t i = 0; i < q->nkey; i++)
        q->key[i] = (size_t)manifest_column_find(t, t->key[i]); /* manifest_read made sure */
    for (size_t i = 0; i < t->ncolumns; i++) {
        names[i] = t->columns[i].name;
        marks[i] = t->columns[i].base64 != 0;
    }
    q->copy = (struct copy_out_options){.schema = t->schema, .table = t->name, .only = t->kind != 'p',
                                        .filter = t->filter,
                                        .columns = {.names = names, .base64 = marks, .count = t->ncolumns}};
    randombytes_buf(q->seed, sizeof(q->seed));
    if (drain(q, copy_out(q->c, &q->copy, err), NULL, NULL, &digest, &r->now, err) != 0)
        goto out;
    row_digest_hex(&digest, hex);
    r->same = r->now == t->rows && strcmp(hex, t->digest) == 0;
    rc = r->same ? 0 : differ(q, r, show_keys, err);
out:
    free(names);
    free(marks);
    free(q->starts);
    free(q->key);
    q->starts = NULL;
    q->key = NULL;
    return rc;
}

int against_database(struct archive_reader *a, struct conn *c, int show_keys, struct against_result *r,
                     struct err *err)
{
    struct manifest *m = manifest_read(archive_manifest(a), err);
    struct comparison q = {.a = a, .c = c};
    int rc = -1;

    memset(r, 0, sizeof(*r));
    if (m == NULL)
        return -1;
    if ((r->tables = calloc(m->ntables + 1, sizeof(*r->tables))) == NULL) {
        err_oom(err);
        goto out;
    }
    if (tx_begin(c, TX_REPEATABLE_READ, 1, err) != 0)
        goto out;
    for (size_t i = 0; i < m->ntables; i++) {
        struct against_table *one = &r->tables[r->count];

        q.t = &m->tables[i];
        if (q.t->stream == 0)
            continue;
        r->count++;
        one->saved = q.t->rows;
        if (strings_dup(&one->schema, q.t->schema, err) != 0 || strings_dup(&one->name, q.t->name, err) != 0 ||
            find_table(c, q.t, one, err) != 0 ||
            (one->why == NULL && compare_table(&q, one, show_keys, err) != 0)) {
            err_prefix(err, "comparing %s.%s", q.t->schema, q.t->name);
            goto out;
        }
        r->differing += !one->same;
    }
    rc = 0;
out:
    tx_rollback(c);
    buf_wipe(&q.scratch);
    manifest_free(m);
    return rc;
}

void against_result_free(struct against_result *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->tables[i].schema);
        free(r->tables[i].name);
        free(r->tables[i].why);
        free(r->tables[i].keys);
    }
    free(r->tables);
    memset(r, 0, sizeof(*r));
}

void against_print(const struct against_result *r, FILE *out)
{
    char a[64], b[32], c[32];

    for (size_t i = 0; i < r->count; i++) {
        const struct against_table *t = &r->tables[i];

        fputs("  ", out);
        report_put_plain(out, t->schema);
        fputc('.', out);
        report_put_plain(out, t->name);
        fputs(": ", out);
        if (t->why != NULL)
            fprintf(out, "cannot be compared: %s\n", t->why);
        else if (t->same)
            fprintf(out, "the same %s\n", report_things(t->now, "row", a));
        else if (t->keyed)
            fprintf(out, "since the backup %s gone, %s added, %s changed\n", report_count(t->gone, a),
                    report_count(t->added, b), report_count(t->changed, c));
        else
            fprintf(out, "since the backup %s gone, %s new (no key: a changed row counts in both)\n",
                    report_count(t->gone, a), report_count(t->added, b));
        for (const char *p = t->keys; p != NULL && *p != '\0';) {
            int n = (int)strcspn(p, "\n");

            fprintf(out, "    %.*s\n", n, p);
            p += n + 1;
        }
    }
}

json_t *against_json(const struct against_result *r, struct err *err)
{
    json_t *all = json_array();

    for (size_t i = 0; i < r->count; i++) {
        const struct against_table *t = &r->tables[i];
        char name[300];
        json_t *one;

        (void)snprintf(name, sizeof(name), "%s.%s", t->schema, t->name);
        one = json_pack("{s:s, s:b, s:s?, s:b, s:I, s:I, s:I, s:I, s:I}", "name", name, "same", t->same, "why",
                        t->why, "keyed", t->keyed, "saved", (json_int_t)t->saved, "now", (json_int_t)t->now,
                        "gone", (json_int_t)t->gone, "added", (json_int_t)t->added, "changed",
                        (json_int_t)t->changed);
        if (one == NULL || json_array_append_new(all, one) != 0) {
            json_decref(all);
            err_oom(err);
            return NULL;
        }
    }
    return all;
}
