#include "validate/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "script/closure.h"
#include "script/effect.h"
#include "validate/inquiry.h"
#include "validate/play.h"
#include "validate/thing.h"

/* Both ways of a revision, played through on THINGS. */
struct mirror {
    struct inquiry *q;
    struct things things;
    int dark[3];   /* by pass: something ran that nobody can know */
};

/* A dropped part of a table is made again under another name where nobody named it. */
static int made_again(const struct mirror *m, const struct thing *t)
{
    size_t i;

    for (i = 0; i < m->things.count; i++) {
        const struct thing *n = &m->things.items[i];

        if (n->made == 0 || n->gone != 0 || n->kind != t->kind ||
            (t->start_table != NULL && !thing_same(n->table, t->start_table)))
            continue;
        if (thing_same(n->name, t->start_name) || (n->made == PASS_DOWN && t->table != NULL && !n->named) ||
            (n->made == PASS_DOWN && t->kind == THING_CONSTRAINT && !t->named))
            return 1;
    }
    return 0;
}

/* Of a table that the upgrade made and the downgrade leaves, the table is told. */
static int told_with_table(const struct mirror *m, const struct thing *t)
{
    size_t i;

    for (i = 0; t->table != NULL && i < m->things.count; i++) {
        const struct thing *n = &m->things.items[i];

        if (n != t && n->kind == THING_TABLE && n->gone == 0 && n->made == PASS_UP &&
            thing_same(n->name, t->table))
            return 1;
    }
    return 0;
}

/* Its statement names what is not there: nothing is removed. */
static int not_there(const struct inquiry *q, const struct effect *e)
{
    return e != NULL && (e->flags & EFFECT_IF_EXISTS) != 0 && q->closure != NULL &&
           closure_relation(q->closure, e) == 0;
}

static void left(struct mirror *m, const struct thing *t, const char *object)
{
    const char *kind = thing_kind(t->kind);
    long index;

    if (m->dark[PASS_DOWN] || told_with_table(m, t))
        return;
    if (t->kind == THING_STATE)
        index = inquiry_raise(m->q, "downgrade-forgets", NULL, object,
                              "the upgrade changes the %s of %s, the downgrade does not change it back", t->name, object);
    else if (t->kind == THING_VALUE)
        index = inquiry_raise(m->q, "downgrade-leaves", NULL, object,
                              "the upgrade adds a value to enum %s: it stays, for no statement removes one%s", object,
                              t->maybe ? "" : ", and going forward again fails on it (IF NOT EXISTS would not)");
    else
        index = inquiry_raise(m->q, "downgrade-leaves", NULL, object,
                              "the upgrade makes %s %s%s, the downgrade leaves it: going forward again %s", kind, object,
                              t->maybe ? " (if it is not there)" : "", t->maybe ? "finds it" : "fails on it");
    if (index >= 0 && t->maybe && inquiry_finding(m->q, index)->severity > SEVERITY_LOW)
        inquiry_finding(m->q, index)->severity = SEVERITY_LOW;
}

static void removed(struct mirror *m, const struct thing *t, const char *object)
{
    long index;

    if (m->dark[PASS_UP] || not_there(m->q, t->by))
        return;
    index = inquiry_raise(m->q, "downgrade-removes", t->by, object,
                          "the downgrade drops %s %s, which its upgrade does not make", thing_kind(t->kind), object);
    /* Rows and values are what hurts. */
    if (index >= 0 && t->kind != THING_TABLE && t->kind != THING_COLUMN && t->kind != THING_SCHEMA &&
        inquiry_finding(m->q, index)->severity > SEVERITY_MEDIUM)
        inquiry_finding(m->q, index)->severity = SEVERITY_MEDIUM;
}

static void compare(struct mirror *m)
{
    struct inquiry *q = m->q;
    size_t i;

    for (i = 0; i < m->things.count && !q->failed; i++) {
        const struct thing *t = &m->things.items[i];
        char *object = thing_object(t, q->err), *start = NULL;

        if (object == NULL || (start = thing_start(t, q->err)) == NULL) {
            q->failed = 1;
        } else if (t->made == PASS_UP && t->gone == 0) {
            left(m, t, object);
        } else if (t->made == 0 && t->gone == PASS_DOWN && !made_again(m, t)) {
            removed(m, t, start);
        } else if (t->made == 0 && t->gone == PASS_UP && !m->dark[PASS_DOWN] && !made_again(m, t)) {
            (void)inquiry_raise(q, "downgrade-forgets", NULL, start,
                                "the upgrade drops %s %s, the downgrade does not make it again", thing_kind(t->kind),
                                start);
        } else if (t->made == 0 && t->gone == 0 && !m->dark[PASS_DOWN] &&
                   (!thing_same(t->name, t->start_name) ||
                    (t->start_schema != NULL && t->schema != NULL && strcmp(t->schema, t->start_schema) != 0))) {
            (void)inquiry_raise(q, "downgrade-forgets", NULL, start,
                                "%s %s is %s after the downgrade: the rename is not undone", thing_kind(t->kind), start,
                                object);
        }
        free(object);
        free(start);
    }
}

static int play(struct mirror *m, const struct effects *effects, enum pass pass)
{
    size_t i;

    for (i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->items[i];

        if (e->kind == EFFECT_OPAQUE || e->kind == EFFECT_UNKNOWN)
            m->dark[pass] = 1;
        else if ((e->flags & EFFECT_VERSION) == 0 && play_effect(&m->things, e, pass, m->q->err) < 0)
            return -1;
    }
    return 0;
}

void mirror_detect(struct inquiry *q, struct effects *const *steps)
{
    size_t i;

    for (i = 0; i < q->plan->nsteps && !q->failed; i++) {
        const struct plan_step *s = &q->plan->steps[i];
        struct mirror m = {.q = q};

        if (s->forward_effects == NULL && s->forward_why != NULL && steps[i] != NULL && !s->irreversible) {
            q->step = i;
            (void)inquiry_raise(q, "downgrade-uncompared", NULL, s->revision,
                                "not compared: the upgrade of %s cannot be known as SQL: %s", s->revision,
                                s->forward_why);
        }
        if (s->forward_effects == NULL || steps[i] == NULL || s->irreversible || steps[i]->count == 0)
            continue;
        q->step = i;
        if (play(&m, s->forward_effects, PASS_UP) < 0 || play(&m, steps[i], PASS_DOWN) < 0)
            q->failed = 1;
        else
            compare(&m);
        things_free(&m.things);
    }
}
