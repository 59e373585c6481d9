#include "backup/label.h"

#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"

static int add_string(json_t *o, const char *key, const char *value, struct err *err)
{
    json_t *s;

    if (value == NULL)
        return 0;
    if ((s = json_string(value)) == NULL)
        return err_set(err, ERR_FAILED, "the %s of the backup is not UTF-8", key);
    return json_object_set_new(o, key, s) != 0 ? err_oom(err) : 0;
}

static int add_list(json_t *o, const char *key, const char *const *items, struct err *err)
{
    json_t *list;

    if (items == NULL)
        return 0;
    if ((list = json_array()) == NULL || json_object_set_new(o, key, list) != 0)
        return err_oom(err);
    for (; *items != NULL; items++) {
        json_t *s = json_string(*items);

        if (s == NULL)
            return err_set(err, ERR_FAILED, "a revision's name is not UTF-8");
        if (json_array_append_new(list, s) != 0)
            return err_oom(err);
    }
    return 0;
}

char *label_encode(const struct archive_label *l, const char *created, struct err *err)
{
    json_t *o = json_object();
    char *text = NULL;

    if (o == NULL) {
        err_oom(err);
        return NULL;
    }
    if (add_string(o, "created", created, err) != 0 || add_string(o, "name", l->name, err) != 0 ||
        add_string(o, "purpose", l->purpose, err) != 0 ||
        add_string(o, "database", l->database, err) != 0 ||
        add_string(o, "system_id", l->system_id, err) != 0 ||
        add_string(o, "environment", l->environment, err) != 0 ||
        add_string(o, "reason", l->reason, err) != 0 || add_list(o, "from", l->from, err) != 0 ||
        add_list(o, "to", l->to, err) != 0)
        goto out;
    if ((l->database_oid != 0 &&
         json_object_set_new(o, "database_oid", json_integer(l->database_oid)) != 0) ||
        json_object_set_new(o, "tool", json_string("mig " MIG_VERSION)) != 0 ||
        (text = json_dumps(o, JSON_COMPACT)) == NULL) {
        err_oom(err);
        goto out;
    }
    if (strlen(text) > FORMAT_LABEL_MAX) {
        err_set(err, ERR_USAGE, "name and reason of the backup are too long: %zu bytes, at most %d",
                strlen(text), FORMAT_LABEL_MAX);
        free(text);
        text = NULL;
    }
out:
    json_decref(o);
    return text;
}

json_t *label_decode(const char *text, size_t len, struct err *err)
{
    static const char *const strings[] = {"created",     "name",   "purpose", "database", "system_id",
                                          "environment", "reason", "tool",    NULL};
    json_error_t je;
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    const json_t *v;

    if (!json_is_object(o)) {
        err_set(err, ERR_BACKUP, "label is not a JSON object: %s", o == NULL ? je.text : "wrong type");
        goto fail;
    }
    for (int i = 0; strings[i] != NULL; i++)
        if ((v = json_object_get(o, strings[i])) != NULL && !json_is_string(v)) {
            err_set(err, ERR_BACKUP, "label: \"%s\" is not a string", strings[i]);
            goto fail;
        }
    if (label_time(json_string_value(json_object_get(o, "created"))) == 0) {
        err_set(err, ERR_BACKUP, "label: \"created\" is not a time");
        goto fail;
    }
    return o;
fail:
    json_decref(o);
    return NULL;
}

static int two(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

time_t label_time(const char *s)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
    long year, month, day, days;

    if (s == NULL || strlen(s) != strlen(shape))
        return 0;
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
            return 0;
    year = two(s) * 100L + two(s + 2);
    month = two(s + 5);
    day = two(s + 8);
    if (month < 1 || month > 12 || day < 1 || day > 31 || two(s + 11) > 23 || two(s + 14) > 59 ||
        two(s + 17) > 60 || year < 1970)
        return 0;
    /* Days since 1970-01-01 in the Gregorian calendar, years beginning in March (timegm is not
     * POSIX). */
    year -= month <= 2;
    days = 365 * year + year / 4 - year / 100 + year / 400 +
           (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 - 719468;
    return (time_t)(((days * 24 + two(s + 11)) * 60 + two(s + 14)) * 60 + two(s + 17));
}
