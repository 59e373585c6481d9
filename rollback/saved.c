#include "rollback/saved.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "backup/keys.h"
#include "core/buf.h"
#include "core/outfile.h"
#include "migration/plan.h"
#include "rollback/guard.h"
#include "rollback/kept.h"

static const char magic[] = "mig-plan-1\n";

int saved_write(const char *path, const struct guard *g, struct err *err)
{
    json_t *o = json_object(), *plan = kept_plan(g->plan, err), *reverse = NULL;
    char *sealed = NULL;
    struct buf b = {0};
    int rc = -1;

    if (o == NULL || plan == NULL || keyring_can_write(g->request->keys, err) != 0 ||
        (g->reverse != NULL && (reverse = kept_plan(g->reverse, err)) == NULL))
        goto out;
    if (json_object_set(o, "plan", plan) != 0 ||
        (reverse != NULL && json_object_set(o, "reverse", reverse) != 0) ||
        json_object_set_new(o, "digest", json_string(g->digest)) != 0) {
        (void)err_oom(err);
        goto out;
    }
    if ((sealed = kept_seal(o, g->request->keys, err)) == NULL ||
        buf_addf(&b, err, "%s%s\n", magic, sealed) != 0)
        goto out;
    rc = outfile_write_whole(path, b.data, b.len, err);
out:
    json_decref(o);
    json_decref(plan);
    json_decref(reverse);
    free(sealed);
    buf_free(&b);
    return rc;
}

int saved_read(const char *path, const struct keyring *keys, struct saved *s, struct err *err)
{
    struct buf b = {0};
    json_t *o = NULL;
    const char *digest;
    int rc = -1;

    memset(s, 0, sizeof(*s));
    if (buf_read_file(&b, path, (size_t)256 << 20, err) != 0)
        goto out;
    if (b.len < sizeof(magic) || memcmp(b.data, magic, sizeof(magic) - 1) != 0) {
        (void)err_set(err, ERR_BACKUP, "\"%s\" is not a saved plan", path);
        err_hint(err, "mig-rollback plan REV --save FILE makes one");
        goto out;
    }
    if (keyring_can_read(keys, err) != 0)
        goto out;
    if ((o = kept_open(b.data + sizeof(magic) - 1, keys, err)) == NULL) {
        (void)err_prefix(err, "\"%s\"", path);
        goto out;
    }
    if ((s->plan = kept_read(json_object_get(o, "plan"), err)) == NULL ||
        (json_object_get(o, "reverse") != NULL &&
         (s->reverse = kept_read(json_object_get(o, "reverse"), err)) == NULL))
        goto out;
    if ((digest = json_string_value(json_object_get(o, "digest"))) != NULL)
        (void)snprintf(s->digest, sizeof(s->digest), "%s", digest);
    rc = 0;
out:
    if (rc != 0) {
        plan_free(s->plan);
        plan_free(s->reverse);
        memset(s, 0, sizeof(*s));
    }
    json_decref(o);
    buf_free(&b);
    return rc;
}
