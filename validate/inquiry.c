#include "validate/inquiry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/statement.h"
#include "validate/facts.h"
#include "validate/hazard.h"

void inquiry_oom(struct inquiry *q)
{
    (void)err_oom(q->err);
    q->failed = 1;
}

struct finding *inquiry_finding(struct inquiry *q, long index)
{
    return index < 0 ? NULL : &q->out->findings[index];
}

struct probe *inquiry_probe(struct inquiry *q, long index)
{
    return index < 0 ? NULL : &q->probes[index];
}

const struct catalog_table *inquiry_table_by_oid(const struct inquiry *q, uint32_t oid)
{
    size_t i;

    for (i = 0; oid != 0 && q->closure != NULL && i < q->closure->ntables; i++)
        if (q->tables[i] != NULL && q->tables[i]->oid == oid)
            return q->tables[i];
    return NULL;
}

const struct catalog_table *inquiry_table(const struct inquiry *q, const struct effect *e)
{
    return q->closure == NULL
               ? NULL
               : inquiry_table_by_oid(q, closure_relation(q->closure, e));
}

char *inquiry_object(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *column;
    struct buf b = {0};
    char *out = NULL;

    column = e->column_on_server != NULL ? e->column_on_server : e->column;
    if (t == NULL) {
        if ((out = effect_object(e)) == NULL)
            inquiry_oom(q);
        return out;
    }
    if (buf_addf(&b, q->err, "%s.%s", t->schema, t->name) < 0 ||
        (column != NULL && buf_addf(&b, q->err, ".%s", column) < 0) ||
        (out = buf_take(&b, q->err)) == NULL)
        q->failed = 1;
    buf_free(&b);
    return out;
}

/* mig.json may say otherwise. */
static enum severity configured(const struct inquiry *q, const struct hazard *h)
{
    static const char *const names[] = {"info", "low", "medium", "high", "critical"};
    const json_t *map = q->o->config == NULL
                            ? NULL
                            : config_json(q->o->config, "validate.severities"), *value;
    const char *key;
    json_t *object;
    size_t i;

    if (!json_is_object(map))
        return h->severity;
    memcpy(&object, &map, sizeof(object));
    for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        key = json_object_iter_key(it);
        value = json_object_iter_value(it);
        if (hazard_find(key) != h || !json_is_string(value))
            continue;
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (strcmp(names[i], json_string_value(value)) == 0)
                return (enum severity)i;
    }
    return h->severity;
}

static int grow(struct inquiry *q)
{
    size_t want = q->cap == 0 ? 16 : q->cap * 2;
    struct finding *f;
    struct probe *p;

    if (q->out->nfindings < q->cap)
        return 0;
    if ((f = realloc(q->out->findings, want * sizeof(*f))) == NULL)
        return -1;
    q->out->findings = f;
    if ((p = realloc(q->probes, want * sizeof(*p))) == NULL)
        return -1;
    q->probes = p;
    q->cap = want;
    return 0;
}

long inquiry_raise(struct inquiry *q, const char *code, const struct effect *e, const char *object,
                   const char *message, ...)
{
    const struct hazard *h = hazard_find(code);
    struct finding *f;
    va_list ap, again;
    int n;

    if (q->failed || h == NULL || ((h->flags & HAZARD_STYLE) != 0 && !q->o->style))
        return -1;
    if (grow(q) < 0) {
        inquiry_oom(q);
        return -1;
    }
    f = &q->out->findings[q->out->nfindings];
    memset(f, 0, sizeof(*f));
    memset(&q->probes[q->out->nfindings], 0, sizeof(*q->probes));
    q->probes[q->out->nfindings].fraction = -1;
    q->probes[q->out->nfindings].rows = -1;
    q->out->nfindings++;
    f->code = h->code;
    f->hazard = h->title;
    f->severity = configured(q, h);
    f->step = q->step;
    f->since_upgrade = -1;
    f->undo = -1;
    f->statement = e == NULL ? NULL : q->within != NULL ? q->within->statement : e->statement;
    f->possible = q->within != NULL && e != q->within;
    f->possible_line = f->possible && e != NULL ? e->statement->line : 0;
    f->opaque = (h->flags & HAZARD_OPAQUE) != 0;
    f->object = object != NULL ? strdup(object) : e != NULL ? inquiry_object(q, e) : strdup("");
    f->remedy = strdup(h->remedy);
    va_start(ap, message);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, message, ap);
    va_end(ap);
    if (n >= 0 && (f->message = malloc((size_t)n + 1)) != NULL)
        (void)vsnprintf(f->message, (size_t)n + 1, message, again);
    va_end(again);
    if (f->object == NULL || f->remedy == NULL || f->message == NULL)
        inquiry_oom(q);
    return (long)q->out->nfindings - 1;
}

void inquiry_would_fail(struct inquiry *q, const struct effect *e, const char *object, const char *why)
{
    long index = inquiry_raise(q, "would-fail", e, object, "%s", why);

    if (index >= 0)
        inquiry_finding(q, index)->predicted_failure = 1;
}

int inquiry_past(const struct inquiry *q, char **list, uint32_t oid, const char *column)
{
    struct buf b = {0};
    struct err err = {0};
    int yes = 0;

    (void)q;
    if (list == NULL)
        return 0;
    if (buf_addf(&b, &err, column == NULL ? "%u" : "%u.%s", oid, column) == 0)
        yes = strings_find(list, b.data) >= 0;
    buf_free(&b);
    return yes;
}

void inquiry_remember(struct inquiry *q, char ***list, uint32_t oid, const char *column)
{
    if (q->within != NULL)
        return; /* not known to have happened */
    if (strings_addf(list, q->err, column == NULL ? "%u" : "%u.%s", oid, column) < 0)
        q->failed = 1;
}

int inquiry_same_type(struct inquiry *q, const struct effect *dropped, const struct effect *added)
{
    const struct catalog_table *t = inquiry_table(q, dropped);
    const char *name = dropped->column_on_server != NULL ? dropped->column_on_server
                                                         : dropped->column;
    struct facts_column from;
    struct facts_type to;

    if (q->facts == NULL)
        return 1;
    return t != NULL && facts_column(q->facts, t->oid, name, &from) &&
           facts_type(q->facts, added, &to) &&
           (from.type == to.base || facts_binary(q->facts, from.type, to.base));
}
