#include "validate/ignore.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "script/statement.h"
#include "validate/hazard.h"
#include "validate/inquiry.h"

struct mark {
    const struct hazard *hazard;
    char *reason;
    const struct script *script;
    int line, statement; /* STATEMENT by index; 0: the whole file */
    int used;
};

/* "mig:ignore CODE reason" in TEXT; *WHOLE for ignore-file.  0: no mark here. */
static int read_mark(const char *text, size_t len, struct mark *m, int *whole, struct err *err)
{
    static const char word[] = "mig:ignore";
    char *copy = strndup(text, len), *p, *code, *end;
    int rc = 0;

    if (copy == NULL)
        return err_oom(err);
    if ((p = strstr(copy, word)) == NULL)
        goto out;
    p += sizeof(word) - 1;
    *whole = 0;
    if (strncmp(p, "-file", 5) == 0) {
        *whole = 1;
        p += 5;
    }
    if (!isspace((unsigned char)*p))
        goto out;
    while (isspace((unsigned char)*p))
        p++;
    code = p;
    while (*p != '\0' && !isspace((unsigned char)*p))
        p++;
    if (*p != '\0')
        *p++ = '\0';
    while (isspace((unsigned char)*p))
        p++;
    if ((end = strstr(p, "*/")) != NULL)
        *end = '\0';
    end = p + strlen(p);
    while (end > p && isspace((unsigned char)end[-1]))
        *--end = '\0';
    m->hazard = hazard_find(code);
    if (m->hazard == NULL) {
        log_warn("mig:ignore %s: there is no such hazard code", code);
        goto out;
    }
    if (*p == '\0') {
        log_warn("mig:ignore %s: it needs a reason, and is not heeded without one", code);
        goto out;
    }
    rc = (m->reason = strdup(p)) == NULL ? err_oom(err) : 1;
out:
    free(copy);
    return rc;
}

/* The statement that a comment speaks of: the one around it, else the next one. */
static int statement_of(const struct script *s, const struct script_comment *c)
{
    size_t i;

    for (i = 0; i < s->count; i++)
        if (s->statements[i].offset + s->statements[i].len > c->offset)
            return s->statements[i].index;
    return s->count > 0 ? s->statements[s->count - 1].index : 0;
}

static int applies(const struct inquiry *q, const struct mark *m, const struct finding *f)
{
    return q->plan->steps[f->step].script == m->script && hazard_find(f->code) == m->hazard &&
           (m->statement == 0 || (f->statement != NULL && f->statement->index == m->statement));
}

static int by_comments(struct inquiry *q, const struct plan_step *step)
{
    const struct script *s = step->script;
    size_t i, k;

    for (i = 0; s != NULL && i < s->ncomments; i++) {
        struct mark m = {.script = s, .line = s->comments[i].line};
        int whole = 0, found;

        found = read_mark(s->text + s->comments[i].offset, s->comments[i].len, &m, &whole, q->err);
        if (found < 0)
            return -1;
        if (!found)
            continue;
        m.statement = whole ? 0 : statement_of(s, &s->comments[i]);
        for (k = 0; k < q->out->nfindings; k++) {
            struct finding *f = &q->out->findings[k];

            if (f->ignored != NULL || !applies(q, &m, f))
                continue;
            m.used = 1;
            if (strings_dup(&f->ignored, m.reason, q->err) < 0) {
                free(m.reason);
                return -1;
            }
        }
        free(m.reason);
        assert(m.hazard != NULL); /* a mark that was found names one */
        if (!m.used && strings_addf(&q->out->unused_ignores, q->err, "%s:%d: %s", s->file, m.line,
                                    m.hazard->code) < 0)
            return -1;
    }
    return 0;
}

/* An entry that says something else than was meant would exempt too much, or nothing. */
static int check_exempt(const json_t *entry, size_t at, struct err *err)
{
    const char *code = json_string_value(json_object_get(entry, "code")), *key, *reason;
    const json_t *value;

    if (code == NULL)
        return err_set(err, ERR_USAGE,
                       "mig.json: validate.exempt: entry %zu is not {\"code\", \"object\", \"reason\"}", at + 1);
    if (hazard_find(code) == NULL) {
        (void)err_set(err, ERR_USAGE, "mig.json: validate.exempt: there is no hazard \"%s\"", code);
        err_hint(err, "mig-validate hazards lists them");
        return -1;
    }
    json_object_foreach((json_t *)(uintptr_t)entry, key, value) {
        if (strcmp(key, "code") != 0 && strcmp(key, "object") != 0 && strcmp(key, "reason") != 0)
            return err_set(err, ERR_USAGE,
                           "mig.json: validate.exempt: entry %zu has \"%s\"; it may have \"code\", \"object\" and "
                           "\"reason\"", at + 1, key);
        if (!json_is_string(value))
            return err_set(err, ERR_USAGE, "mig.json: validate.exempt: \"%s\" of entry %zu must be a string", key,
                           at + 1);
    }
    reason = json_string_value(json_object_get(entry, "reason"));
    if (reason == NULL || reason[strspn(reason, " \t\r\n")] == '\0') {
        (void)err_set(err, ERR_USAGE, "mig.json: validate.exempt: entry %zu (%s) has no reason", at + 1, code);
        err_hint(err, "say why the finding is all right: {\"code\": \"%s\", \"reason\": \"...\"}", code);
        return -1;
    }
    return 0;
}

static int by_config(struct inquiry *q)
{
    const json_t *list = q->o->config == NULL ? NULL
                                              : config_json(q->o->config, "validate.exempt");
    size_t i, k;

    for (i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const char *code = json_string_value(json_object_get(entry, "code"));
        const char *object = json_string_value(json_object_get(entry, "object"));
        const char *reason = json_string_value(json_object_get(entry, "reason"));

        if (check_exempt(entry, i, q->err) != 0)
            return -1;
        for (k = 0; k < q->out->nfindings; k++) {
            struct finding *f = &q->out->findings[k];

            if (f->ignored == NULL && hazard_find(code) == hazard_find(f->code) &&
                (object == NULL || strcmp(object, f->object) == 0) &&
                strings_dup(&f->ignored, reason, q->err) < 0)
                return -1;
        }
    }
    return 0;
}

int ignore_apply(struct inquiry *q)
{
    size_t i;

    for (i = 0; i < q->plan->nsteps; i++)
        if (by_comments(q, &q->plan->steps[i]) < 0)
            return -1;
    return by_config(q);
}
