#include "migration/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/process.h"
#include "migration/plan.h"
#include "migration/project.h"

#define TIMEOUT_MS (5 * 60 * 1000)
#define MAX_SQL ((size_t)128 << 20)

struct words {
    const char **items;
    size_t count;
};

static int add(struct words *w, const char *s, struct err *err)
{
    const char **more = realloc(w->items, (w->count + 2) * sizeof(*more));

    if (more == NULL)
        return err_oom(err);
    w->items = more;
    more[w->count++] = s;
    more[w->count] = NULL;
    return 0;
}

static int has_option(char *const *words, const char *letter, const char *name)
{
    for (; *words != NULL; words++) {
        size_t n = strlen(name);

        if (strncmp(*words, letter, 2) == 0 && (*words)[1] != '-')
            return 1;
        if (strncmp(*words, name, n) == 0 && ((*words)[n] == '\0' || (*words)[n] == '='))
            return 1;
    }
    return 0;
}

/* A command of the user's own (a container, a poetry run) knows where its alembic.ini is; ours is
 * named to it only when the user named it to us. */
static int options(const struct plan_request *r, const struct project *p, char *const *command,
                   struct words *w, struct err *err)
{
    for (char *const *c = command; *c != NULL; c++) {
        if (add(w, *c, err) != 0)
            return -1;
    }
    if (p->config != NULL && !has_option(command, "-c", "--config") &&
        (r->alembic_command == NULL || r->alembic_config != NULL) &&
        (add(w, "-c", err) != 0 || add(w, p->config, err) != 0))
        return -1;
    if (r->alembic_name != NULL && !has_option(command, "-n", "--name") &&
        (add(w, "-n", err) != 0 || add(w, r->alembic_name, err) != 0))
        return -1;
    return 0;
}

/* The last line that is not a log line of Alembic's.  Python's traceback ends with the exception. */
static char *complaint(const struct buf *b)
{
    const char *end, *s;

    if (b->data == NULL)
        return NULL;
    end = b->data + b->len;
    while (end > b->data) {
        while (end > b->data && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
            end--;
        s = end;
        while (s > b->data && s[-1] != '\n')
            s--;
        if (end > s && strncmp(s, "INFO ", 5) != 0 && strncmp(s, "(Background on", 14) != 0)
            return strndup(s, (size_t)(end - s) < 400 ? (size_t)(end - s) : 400);
        end = s;
    }
    return NULL;
}

/* Alembic's own refusals go to standard output: "  FAILED: ...". */
static char *failed(const struct buf *b)
{
    static const char mark[] = "FAILED: ";
    const char *s = b->data != NULL ? strstr(b->data, mark) : NULL;
    size_t n;

    if (s == NULL)
        return NULL;
    s += sizeof(mark) - 1;
    n = strcspn(s, "\r\n");
    return strndup(s, n < 400 ? n : 400);
}

/* Run alembic with our options and WORDS (NULL-terminated).  O has the rest.  R's status is 127 where it could not
 * be started. */
static int ask(const struct plan_request *r, const struct project *p, const char *const *words,
               struct process_options *o, struct process_result *result, struct err *err)
{
    char **command = process_words(r->alembic_command != NULL ? r->alembic_command : "alembic", err);
    struct words w = {0};
    int rc = -1;

    if (command == NULL) {
        (void)err_prefix(err, "--alembic-command");
        goto out;
    }
    if (options(r, p, command, &w, err) != 0)
        goto out;
    log_debug("running %s ... %s", command[0], words[0]);
    for (; *words != NULL; words++)
        if (add(&w, *words, err) != 0)
            goto out;
    o->argv = w.items;
    if ((rc = process_run(o, result, err)) != 0 && result->status == 127) {
        err->hint[0] = '\0'; /* a better one than "is it installed?" */
        err_hint(err, "is it installed, and on PATH? --alembic-command names another; --no-sql plans "
                      "from the files alone");
    }
out:
    o->argv = NULL;
    process_words_free(command);
    free(w.items);
    return rc;
}

/* What came of it: with SQL_ANYWAY what it printed also where it failed. */
static void take(struct rendering *out, struct process_result *result, int sql_anyway)
{
    out->status = result->status;
    out->complaint = complaint(&result->err);
    if (result->status != 0 && out->complaint == NULL)
        out->complaint = failed(&result->out);
    if (result->status == 0 || sql_anyway) {
        out->sql = result->out;
        memset(&result->out, 0, sizeof(result->out));
    }
}

int render_run(const struct plan_request *r, const struct project *p, int up, const char *range,
               struct rendering *out, struct err *err)
{
    static const char *const environment[] = {"PYTHONUNBUFFERED=", "PYTHONWARNINGS=ignore",
                                              "PYTHONIOENCODING=utf-8", NULL};
    const char *const words[] = {up ? "upgrade" : "downgrade", "--sql", range, NULL};
    struct process_options o = {.env = environment, .timeout_ms = TIMEOUT_MS, .max_output = MAX_SQL};
    struct process_result result = {0};
    int rc;

    memset(out, 0, sizeof(*out));
    if ((rc = ask(r, p, words, &o, &result, err)) == 0)
        take(out, &result, 0);
    process_result_free(&result);
    return rc;
}

int render_online(const struct plan_request *r, const struct project *p, int up, const char *argument,
                  const char *const *more, int64_t timeout_ms, struct rendering *out, struct err *err)
{
    /* "-1" would be an option of argparse's */
    const char *const words[] = {argument == NULL ? "current" : up ? "upgrade" : "downgrade", argument, NULL};
    struct process_options o = {.env = more, .timeout_ms = timeout_ms, .max_output = MAX_SQL};
    struct process_result result = {0};
    int rc;

    memset(out, 0, sizeof(*out));
    if ((rc = ask(r, p, words, &o, &result, err)) == 0)
        take(out, &result, 1);
    process_result_free(&result);
    return rc;
}

int render_is_older(const struct plan_request *r, const struct project *p, int a, int b, int c, int *older,
                    struct err *err)
{
    static const char *const words[] = {"--version", NULL};
    struct process_options o = {.timeout_ms = TIMEOUT_MS, .max_output = 1 << 20};
    struct process_result result = {0};
    int rc, x = 0, y = 0, z = 0;

    *older = 0;
    if ((rc = ask(r, p, words, &o, &result, err)) == 0 && result.status == 0 && result.out.data != NULL) {
        const char *said = strstr(result.out.data, "alembic ");

        if (said != NULL && sscanf(said, "alembic %d.%d.%d", &x, &y, &z) >= 2)
            *older = x != a ? x < a : y != b ? y < b : z < c;
    }
    process_result_free(&result);
    return rc;
}

void rendering_free(struct rendering *r)
{
    buf_wipe(&r->sql);
    free(r->complaint);
    r->complaint = NULL;
}
