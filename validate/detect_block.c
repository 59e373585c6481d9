/* What cannot be known from a statement's text, and what of a DO block can. */
#include <string.h>

#include "core/buf.h"
#include "script/block.h"
#include "script/effect.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"

/* Known not to write: the server says so. */
static int only_reads(const struct inquiry *q, const struct effect *e)
{
    return effect_calls(e) && (e->flags & EFFECT_OWN) == 0 &&
           facts_volatility(q->facts, e->name) != '\0' && facts_volatility(q->facts, e->name) != 'v';
}

static int calls(const struct inquiry *q, const struct effect *e)
{
    return effect_calls(e) && !only_reads(q, e);
}

/* Why nobody can know what BLOCK does. */
static void say_block(struct inquiry *q, const struct effect *e)
{
    const struct block *block = e->block;
    struct buf b = {0};
    int unread = block->unread, rc;
    size_t i;

    rc = buf_adds(&b, "DO: which of its statements run cannot be known from its text", q->err);
    if (rc == 0 && block->dynamic)
        rc = buf_adds(&b, "; it runs SQL that it puts together", q->err);
    for (i = 0; rc == 0 && i < block->effects->count; i++) {
        const struct effect *x = &block->effects->items[i];
        const char *dot = x->schema == NULL ? "" : ".";

        unread |= x->kind == EFFECT_UNKNOWN || (x->kind == EFFECT_OPAQUE && !only_reads(q, x) && !calls(q, x));
        if (calls(q, x))
            rc = buf_addf(&b, q->err, "; it calls %s%s%s()", x->schema == NULL ? "" : x->schema, dot, x->name);
    }
    if (rc == 0 && unread)
        rc = buf_adds(&b, "; some of it cannot be read", q->err);
    if (rc < 0)
        q->failed = 1;
    else
        (void)inquiry_raise(q, "opaque", e, "", "%s", b.data);
    buf_free(&b);
}

/* Each statement for itself: none is known to run before another. */
static void look_inside(struct inquiry *q, const struct effect *e)
{
    unsigned loosened = q->loosened;
    int retyped = q->retyped, told = q->told_timeout;
    size_t i;

    q->within = e;
    for (i = 0; i < e->block->effects->count && !q->failed; i++) {
        const struct effect *x = &e->block->effects->items[i];

        if (x->kind == EFFECT_OPAQUE || x->kind == EFFECT_UNKNOWN)
            continue;
        detect_cast(q, x);
        detect_data(q, x);
        detect_rule(q, x);
        detect_lock(q, x);
        detect_app(q, x);
        detect_sequence(q, x);
        detect_loss(q, x);
    }
    q->within = NULL;
    q->loosened = loosened;
    q->retyped = retyped;
    q->told_timeout = told;
}

int detect_block(struct inquiry *q, const struct effect *e)
{
    if (e->kind == EFFECT_UNKNOWN)
        (void)inquiry_raise(q, "unparsed", e, "", "not understood: %s",
                            e->detail == NULL ? "" : e->detail);
    else if (only_reads(q, e))
        return 0;
    else if (calls(q, e))
        (void)inquiry_raise(q, "opaque", e, NULL, "calls %s%s%s(), whose effect cannot be known from here",
                            e->schema == NULL ? "" : e->schema, e->schema == NULL ? "" : ".",
                            e->name);
    else if (e->block != NULL) {
        say_block(q, e);
        look_inside(q, e);
    } else
        (void)inquiry_raise(q, "opaque", e, "", "%s: what it does cannot be known from its text",
                            e->detail);
    return 1;
}
