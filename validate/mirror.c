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
    const struct effect *dark[3]; /* by pass: the first that nobody can know, or NULL */
    char **unsaid[3];             /* ... and what is not said for it: "table n" */
};

/* Nothing is said of OBJECT, for PASS may have dealt with it.  1: so it is. */
static int is_dark(struct mirror *m, enum pass pass, const struct thing *t, const char *object)
{
    if (m->dark[pass] == NULL)
        return 0;
    if (strings_addf(&m->unsaid[pass], m->q->err, "%s %s", thing_kind(t->kind), object) < 0)
        m->q->failed = 1;
    return 1;
}

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

    if (told_with_table(m, t) || is_dark(m, PASS_DOWN, t, object))
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
    /* Where the server chooses the name, it chooses another one. */
    if (index >= 0 && t->kind != THING_STATE && !t->maybe && t->named)
        inquiry_finding(m->q, index)->bars_return = 1;
}

/* The upgrade dropped or renamed T, and now it is not there to be so again. */
static void forgotten(struct mirror *m, const struct thing *t, long index)
{
    if (index >= 0 && t->by != NULL && (t->by->flags & EFFECT_IF_EXISTS) == 0 && t->named)
        inquiry_finding(m->q, index)->bars_return = 1;
}

static void removed(struct mirror *m, const struct thing *t, const char *object)
{
    long index;

    if (not_there(m->q, t->by) || is_dark(m, PASS_UP, t, object))
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
        } else if (t->made == 0 && t->gone == PASS_UP && !made_again(m, t)) {
            if (!is_dark(m, PASS_DOWN, t, start))
                forgotten(m, t, inquiry_raise(q, "downgrade-forgets", NULL, start,
                                              "the upgrade drops %s %s, the downgrade does not make it again",
                                              thing_kind(t->kind), start));
        } else if (t->made == 0 && t->gone == 0 &&
                   (!thing_same(t->name, t->start_name) ||
                    (t->start_schema != NULL && t->schema != NULL && strcmp(t->schema, t->start_schema) != 0))) {
            if (!is_dark(m, PASS_DOWN, t, start))
                (void)inquiry_raise(q, "downgrade-forgets", NULL, start,
                                    "%s %s is %s after the downgrade: the rename is not undone", thing_kind(t->kind),
                                    start, object);
        }
        free(object);
        free(start);
    }
}

/* What nobody compared, and why. */
static void say_dark(struct mirror *m, enum pass pass, const char *revision)
{
    const struct effect *e = m->dark[pass];
    size_t i, n = strings_count(m->unsaid[pass]);
    struct buf b = {0};
    int call, rc;

    if (n == 0 || e == NULL || m->unsaid[pass] == NULL)
        return;
    call = effect_calls(e);
    rc = buf_addf(&b, m->q->err, "%s%s%s", pass == PASS_UP ? "what the downgrade removes (" : "what the downgrade leaves (",
                  m->unsaid[pass][0], n > 1 ? "" : ")");
    for (i = 1; rc == 0 && i < n; i++)
        rc = i < 3 ? buf_addf(&b, m->q->err, ", %s%s", m->unsaid[pass][i], i + 1 == n ? ")" : "")
             : i == 3 ? buf_adds(&b, " and more)", m->q->err) : 0;
    if (rc < 0)
        m->q->failed = 1;
    else
        (void)inquiry_raise(m->q, "downgrade-uncompared", NULL, revision,
                            "not compared: %s, for nobody can say what %s%s in the %s does", b.data,
                            e->kind == EFFECT_UNKNOWN ? "a statement that does not parse" : call ? e->name : e->detail,
                            call ? "()" : "", pass == PASS_UP ? "upgrade" : "downgrade");
    buf_free(&b);
}

static int play(struct mirror *m, const struct effects *effects, enum pass pass)
{
    size_t i;

    for (i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->items[i];

        if (e->kind == EFFECT_OPAQUE || e->kind == EFFECT_UNKNOWN)
            m->dark[pass] = m->dark[pass] == NULL ? e : m->dark[pass];
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
        else {
            compare(&m);
            say_dark(&m, PASS_UP, s->revision);
            say_dark(&m, PASS_DOWN, s->revision);
        }
        strings_free(m.unsaid[PASS_UP]);
        strings_free(m.unsaid[PASS_DOWN]);
        things_free(&m.things);
    }
}
