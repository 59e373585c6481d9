#include "rollback/operation.h"

#include <stdlib.h>
#include <string.h>

#include "backup/keys.h"
#include "backup/keysource.h"
#include "core/audit.h"
#include "core/config.h"
#include "core/log.h"
#include "core/state.h"
#include "core/strings.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "rollback/guard.h"
#include "rollback/next.h"
#include "rollback/options.h"
#include "rollback/refusal.h"
#include "rollback/view.h"

const char *const operation_formats[] = {"text", "json", NULL};

/* Where to, of a plan that is known by its digest: the log says what it was made for.  What comes out of
 * it is planned anew and compared with the digest. */
static int recall(struct operation *s, const char *log, const char **revision, struct err *err)
{
    json_t *line = audit_last(log, "rollback plan", "plan", s->options->plan);
    const char *target = json_string_value(json_object_get(line, "target"));
    int rc = -1;

    if (target == NULL) {
        (void)err_set(err, ERR_USAGE, "where to is not said, and no plan %s to a revision is in the log \"%s\"",
                      s->options->plan, log);
        err_hint(err, "a revision (-1, an id, base), --to-backup FILE, --sql FILE or --plan FILE");
    } else if (strings_dup(&s->recalled, target, err) == 0) {
        *revision = s->recalled;
        rc = 0;
    }
    json_decref(line);
    return rc;
}

int operation_open(struct operation *s, struct options *o, const char *name, const char *revision, struct err *err)
{
    char *log = NULL, *dir = NULL;
    const char *is_volatile;
    int rc = -1;

    memset(s, 0, sizeof(*s));
    s->options = o;
    if ((s->config = config_load(o->common.config, err)) == NULL ||
        (log = state_log(&o->common, s->config, err)) == NULL ||
        (revision == NULL && options_by_digest(o) && recall(s, log, &revision, err) != 0) ||
        report_open(&s->report, &o->common.formats, operation_formats, err) != 0 ||
        (s->keys = keyring_load(&o->common, s->config, err)) == NULL ||
        options_request(o, s->config, s->keys, revision, &s->request, &s->smoke, err) != 0)
        goto out;
    if ((dir = state_dir(&o->common, s->config, err)) == NULL ||
        state_make(dir, &is_volatile, err) != 0 ||
        (s->audit = audit_begin(log, name, o->common.argc, o->common.argv, o->common.reason, err)) ==
            NULL)
        goto out;
    if ((s->guard = guard_open(&s->request, err)) == NULL)
        goto out;
    audit_add(s->audit, "server", json_string(conn_title(s->guard->control)));
    audit_add(s->audit, "database", json_string(s->guard->environment->database));
    audit_add(s->audit, "role", json_string(conn_user(s->guard->control)));
    if (s->guard->environment->name != NULL)
        audit_add(s->audit, "environment", json_string(s->guard->environment->name));
    rc = 0;
out:
    free(log);
    free(dir);
    return rc;
}

int operation_log(struct operation *s, int rc, struct err *err)
{
    struct err why = {0};

    if (s->audit == NULL)
        return rc;
    if (audit_end(s->audit, err, NULL, s->log_head, &why) == 0)
        log_info("log head %s", s->log_head);
    else if (rc == 0) {
        *err = why;
        rc = -1;
    } else {
        log_warn("%s", why.message);
    }
    audit_free(s->audit);
    s->audit = NULL;
    return rc;
}

int operation_close(struct operation *s, int rc, struct err *err)
{
    struct err why = {0};

    rc = operation_log(s, rc, err);
    if (rc == 0)
        rc = report_close(&s->report, err);
    else if (s->report.outputs != NULL && report_close(&s->report, &why) != 0)
        log_warn("%s", why.message);
    report_discard(&s->report);
    guard_free(s->guard);
    keyring_free(s->keys);
    config_free(s->config);
    free((void *)(uintptr_t)s->smoke);
    free(s->recalled);
    return rc;
}

int operation_show_json(const struct operation *s, json_t *j, FILE *out, struct err *err)
{
    int rc = -1;

    if (j == NULL)
        return -1;
    if (s->log_head[0] != '\0' && json_object_set_new(j, "log_head", json_string(s->log_head)) != 0)
        (void)err_oom(err);
    else
        rc = report_json(out, j, err);
    json_decref(j);
    return rc;
}

int operation_show_plan(struct operation *s, struct err *err)
{
    struct err refused = {0};
    char *command = NULL;

    for (size_t i = 0; i < s->report.count; i++) {
        struct report_output *o = &s->report.outputs[i];

        if (o->format == OPERATION_TEXT) {
            view_plan(s->guard, o->out);
            if (refusal_answer(s->guard, &refused) == 0 && next_run(s->guard, &command, err) != 0)
                return -1;
            if (command != NULL)
                fprintf(o->out, "Next:   %s\n", command);
            free(command);
            command = NULL;
        }
        else if (operation_show_json(s, view_plan_json(s->guard, err), o->out, err) != 0)
            return -1;
    }
    return 0;
}

int operation_show_outcome(struct operation *s, const struct outcome_report *r, struct err *err)
{
    for (size_t i = 0; i < s->report.count; i++) {
        struct report_output *o = &s->report.outputs[i];

        if (o->format == OPERATION_TEXT)
            view_outcome(r, o->out);
        else if (operation_show_json(s, view_outcome_json(r, err), o->out, err) != 0)
            return -1;
    }
    return 0;
}

void operation_show_refused(struct operation *s, const char *kind, const struct err *err)
{
    struct outcome_report r = {.outcome = OUTCOME_NOT_STARTED};
    struct err why = {0};

    if (strings_dup(&r.kind, kind, &why) == 0 && strings_dup(&r.why, err->message, &why) == 0)
        for (size_t i = 0; i < s->report.count; i++)
            if (s->report.outputs[i].format == OPERATION_JSON &&
                operation_show_json(s, view_outcome_json(&r, &why), s->report.outputs[i].out, &why) != 0)
                break;
    outcome_free(&r);
}
