#include "core/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cli.h"
#include "core/nearest.h"

static const struct config_key keys[] = {
    {"backup.dir", CONFIG_PATH, NULL, "Shelf of backups (else $MIG_BACKUP_DIR, ./backups).", NULL},
    {"backup.recipients", CONFIG_STRINGS, NULL,
     "Public lines (mig-pub-...) of who may read new backups.", NULL},
    {"backup.key_file", CONFIG_PATH, NULL, "Own key.", NULL},
    {"backup.key_command", CONFIG_STRING, NULL, "Command that prints the own key.", NULL},
    {"backup.passphrase_file", CONFIG_PATH, NULL, "Passphrase of a protected key.", NULL},
    {"backup.scope", CONFIG_CHOICE, "tables",
     "What create saves: whole tables, or only what the migration would destroy.", "tables|loss"},
    {"backup.exclude", CONFIG_STRINGS, NULL, "Patterns of tables that are never saved.", NULL},
    {"backup.require_ddl", CONFIG_BOOLEAN, "false", "Fail where pg_dump cannot give the DDL.",
     NULL},
    {"backup.jobs", CONFIG_INTEGER, "2", "Parallel workers.", NULL},
    {"backup.keep.last", CONFIG_INTEGER, "0", "prune: keep the newest N.", NULL},
    {"backup.keep.within", CONFIG_DURATION, "0", "prune: keep all that are younger.", NULL},
    {"backup.keep.daily", CONFIG_INTEGER, "0", "prune: keep one a day for N days.", NULL},
    {"backup.keep.weekly", CONFIG_INTEGER, "0", "prune: keep one a week for N weeks.", NULL},
    {"backup.keep.monthly", CONFIG_INTEGER, "0", "prune: keep one a month for N months.", NULL},
    {"backup.keep.yearly", CONFIG_INTEGER, "0", "prune: keep one a year for N years.", NULL},
    {"backup.keep.max_age", CONFIG_DURATION, "0", "prune: remove all that are older.", NULL},
    {"trust", CONFIG_STRINGS, NULL, "Public lines of the signers whose backups are accepted.",
     NULL},
    {"state.dir", CONFIG_PATH, NULL, "Journal and log (else $MIG_STATE_DIR, SHELF/.state).", NULL},
    {"log_file", CONFIG_PATH, NULL, "Operation log (else $MIG_LOG_FILE, log.jsonl in the state folder).",
     NULL},
    {"alembic.config", CONFIG_PATH, NULL, "alembic.ini (else $ALEMBIC_CONFIG, ./alembic.ini).",
     NULL},
    {"alembic.name", CONFIG_STRING, NULL, "Section of alembic.ini (else alembic).", NULL},
    {"alembic.command", CONFIG_STRING, NULL, "How to run alembic.", NULL},
    {"alembic.versions", CONFIG_PATH, NULL, "Folder of the revision files.", NULL},
    {"alembic.version_table", CONFIG_STRING, NULL, "Version table, [schema.]name.", NULL},
    {"environments.*.hosts", CONFIG_STRINGS, NULL,
     "Host names of this environment; \"*.example.com\" matches a domain.", NULL},
    {"environments.*.databases", CONFIG_STRINGS, NULL, "Database names of this environment.", NULL},
    {"environments.*.production", CONFIG_BOOLEAN, "false",
     "Changes of data must be confirmed by typing ENV/DATABASE.", NULL},
    {"environments.*.cluster_id", CONFIG_STRING, NULL,
     "System identifier (pg_controldata) that the server must have.", NULL},
    {"environments.*.marker_table", CONFIG_STRING, NULL,
     "Table [schema.]name with one row, whose first column is the environment's name.", NULL},
    {"validate.fail_on", CONFIG_CHOICE, "high", "Least severity that is unsafe.",
     "info|low|medium|high|critical"},
    {"validate.severities", CONFIG_OBJECT, NULL, "Severity by hazard code: {\"DROP_COLUMN\": \"low\"}.",
     NULL},
    {"validate.exempt", CONFIG_LIST, NULL,
     "Findings to ignore: [{\"code\": ..., \"object\": ..., \"reason\": ...}]; without an object all of that code; a "
     "reason is required.", NULL},
    {"validate.max_loss_rows", CONFIG_INTEGER, "-1", "More lost rows are unsafe (-1: no limit).",
     NULL},
    {"validate.budget", CONFIG_DURATION, "10s", "Time for measuring.", NULL},
    {"prodcheck.thresholds", CONFIG_OBJECT, NULL,
     "By check id: {\"connections\": {\"warn\": 90, \"fail\": 95}}.", NULL},
    {"prodcheck.skip", CONFIG_STRINGS, NULL, "Checks that are not made.", NULL},
    {"prodcheck.strict", CONFIG_BOOLEAN, "false", "Warnings are no-go.", NULL},
    {"prodcheck.window", CONFIG_STRINGS, NULL,
     "When migrations may run: \"Mon-Fri 09:00-16:00 Europe/Berlin\".", NULL},
    {"prodcheck.flag_file", CONFIG_PATH, NULL, "While this file exists it is no-go.", NULL},
    {"prodcheck.health_url", CONFIG_STRINGS, NULL, "URLs that must answer 200.", NULL},
    {"prodcheck.plans", CONFIG_OBJECT, NULL,
     "By name: a query whose execution plan --baseline keeps and compares (it is not run).", NULL},
    {"prodcheck.sql", CONFIG_OBJECT, NULL, "By name: a query whose scalar above 0 is no-go; NULL or no row is an error.", NULL},
    {"prodcheck.baseline", CONFIG_PATH, NULL, "Earlier report to compare with.", NULL},
    {"prodcheck.backup_max_age", CONFIG_DURATION, "24h", "An older backup is no-go.", NULL},
    {"prodcheck.verify_backup", CONFIG_BOOLEAN, "false", "Read every row of the backup too.", NULL},
    {"rollback.backup", CONFIG_CHOICE, "locked", "When the backup is taken.", "locked|before"},
    {"rollback.scope", CONFIG_CHOICE, "tables", "What the backup holds.", "tables|loss"},
    {"rollback.max_block", CONFIG_DURATION, "30s", "Refuse if writers would wait longer.", NULL},
    {"rollback.lock_timeout", CONFIG_DURATION, "2s",
     "One attempt to get the locks (never below deadlock_timeout).", NULL},
    {"rollback.lock_deadline", CONFIG_DURATION, "60s", "All attempts to get the locks.", NULL},
    {"rollback.statement_timeout", CONFIG_DURATION, "0", "Each statement of the script (0: none).",
     NULL},
    {"rollback.verify", CONFIG_CHOICE, "quick", "How much is compared before COMMIT.",
     "quick|full"},
    {"rollback.smoke", CONFIG_STRINGS, NULL, "SQL files whose rows, if any, are failures.", NULL},
    {"rollback.smoke_command", CONFIG_STRING, NULL, "Command to run after COMMIT.", NULL},
    {"rollback.version_table", CONFIG_STRING, NULL, "With --sql and --version-before: [schema.]name of the other tool's version table.", NULL},
    {"rollback.version_column", CONFIG_STRING, NULL, "With --sql and --version-before: the column of it that holds the version.", NULL},
};

enum { NKEYS = sizeof(keys) / sizeof(keys[0]) };

struct resolved {
    const char *key;  /* the asked key, owned */
    char *path;
    struct resolved *next;
};

struct config {
    char *path;
    json_t *root;               /* never NULL */
    struct resolved *resolved;  /* config_file's answers: a cache */
};

const struct config_key *config_keys(size_t *n)
{
    *n = NKEYS;
    return keys;
}

/* How far WORD goes along KEY's pattern: 2 the key itself, 1 a part above it, 0 another way. */
static int along(const char *pattern, const char *word)
{
    while (*word != '\0') {
        size_t wl = strcspn(word, "."), pl = strcspn(pattern, ".");

        if (!(pl == 1 && pattern[0] == '*') && (wl != pl || memcmp(word, pattern, wl) != 0))
            return 0;
        word += wl;
        pattern += pl;
        if (*word == '\0')
            break;
        if (*pattern == '\0')
            return 0;
        word++;
        pattern++;
    }
    return *pattern == '\0' ? 2 : 1;
}

static const struct config_key *find_key(const char *path, int *inner)
{
    *inner = 0;
    for (size_t i = 0; i < NKEYS; i++) {
        int a = along(keys[i].key, path);

        if (a == 2)
            return &keys[i];
        if (a == 1)
            *inner = 1;
    }
    return NULL;
}

static const char *type_name(enum config_type type)
{
    switch (type) {
    case CONFIG_STRING:
    case CONFIG_PATH:
        return "a string";
    case CONFIG_INTEGER:
        return "a whole number";
    case CONFIG_BOOLEAN:
        return "true or false";
    case CONFIG_DURATION:
        return "a duration such as \"30s\"";
    case CONFIG_CHOICE:
        return "one of the words";
    case CONFIG_STRINGS:
        return "a string or a list of strings";
    case CONFIG_OBJECT:
        return "an object";
    case CONFIG_LIST:
        return "a list";
    }
    return "something else";
}

static int choice_index(const char *choices, const char *word)
{
    size_t len = strlen(word);
    int i = 0;

    for (const char *at = choices; *at != '\0'; i++) {
        size_t n = strcspn(at, "|");

        if (n == len && memcmp(at, word, n) == 0)
            return i;
        at += n + (at[n] == '|');
    }
    return -1;
}

static int wrong_type(const char *file, const char *path, const struct config_key *k,
                      struct err *err)
{
    if (k->type == CONFIG_CHOICE)
        return err_set(err, ERR_USAGE, "%s: \"%s\" must be one of %s", file, path, k->choices);
    return err_set(err, ERR_USAGE, "%s: \"%s\" must be %s", file, path, type_name(k->type));
}

static int check_value(const char *file, const char *path, const struct config_key *k,
                       const json_t *v, struct err *err)
{
    int ok = 0;
    size_t i;
    const json_t *item;
    int64_t ms;

    switch (k->type) {
    case CONFIG_STRING:
    case CONFIG_PATH:
        ok = json_is_string(v);
        break;
    case CONFIG_INTEGER:
        ok = json_is_integer(v);
        break;
    case CONFIG_BOOLEAN:
        ok = json_is_boolean(v);
        break;
    case CONFIG_DURATION:
        if (json_is_string(v) && cli_duration(json_string_value(v), &ms, err) != 0)
            return err_prefix(err, "%s: \"%s\"", file, path);
        ok = json_is_string(v) ||
             (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= INT64_MAX / 1000);
        break;
    case CONFIG_CHOICE:
        ok = json_is_string(v) && choice_index(k->choices, json_string_value(v)) >= 0;
        break;
    case CONFIG_STRINGS:
        ok = json_is_string(v) || json_is_array(v);
        json_array_foreach(v, i, item)
            ok = ok && json_is_string(item);
        break;
    case CONFIG_OBJECT:
        ok = json_is_object(v);
        break;
    case CONFIG_LIST:
        ok = json_is_array(v);
        break;
    }
    return ok ? 0 : wrong_type(file, path, k, err);
}

/* The known key nearest to PATH, its "*" filled with the words that PATH has there. */
static void suggest(const char *path, struct err *err)
{
    static const char *const tops[] = {"backup",   "trust",     "state",    "log_file", "alembic",
                                       "environments", "validate", "prodcheck", "rollback"};
    const char *words[NKEYS];
    const char *near;
    char copy[256];

    for (size_t i = 0; i < NKEYS; i++)
        words[i] = keys[i].key;
    if (strncmp(path, "environments.", 13) == 0 && strchr(path + 13, '.') != NULL) {
        const char *rest = strchr(path + 13, '.');

        (void)snprintf(copy, sizeof(copy), "environments.*%s", rest);
    } else {
        (void)snprintf(copy, sizeof(copy), "%s", path);
    }
    near = strchr(copy, '.') == NULL ? nearest_word(copy, tops, sizeof(tops) / sizeof(tops[0]))
                                     : NULL;
    if (near == NULL)
        near = nearest_word(copy, words, NKEYS);
    if (near != NULL)
        err_hint(err, "did you mean \"%s\"? \"man mig.json\" lists every key", near);
    else
        err_hint(err, "\"man mig.json\" lists every key");
}

static int check_object(const char *file, const char *prefix, const json_t *object, struct err *err)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)object, name, v) {
        struct buf path = {0};
        const struct config_key *k;
        int inner, rc = -1;

        if (buf_addf(&path, err, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", name) != 0)
            return -1;
        if (strchr(name, '.') != NULL || name[0] == '\0') {
            (void)err_set(err, ERR_USAGE, "%s: unknown key \"%s\"", file, path.data);
            suggest(path.data, err);
        } else if ((k = find_key(path.data, &inner)) != NULL) {
            rc = check_value(file, path.data, k, v, err);
            /* One string is a list of one: no reader has to know, and none can overlook it. */
            if (rc == 0 && k->type == CONFIG_STRINGS && json_is_string(v)) {
                json_t *list = json_pack("[O]", v);

                if (list == NULL || json_object_set_new((json_t *)(uintptr_t)object, name, list) != 0)
                    rc = err_oom(err);
            }
        } else if (!inner) {
            (void)err_set(err, ERR_USAGE, "%s: unknown key \"%s\"", file, path.data);
            suggest(path.data, err);
        } else if (!json_is_object(v)) {
            (void)err_set(err, ERR_USAGE, "%s: \"%s\" must be an object", file, path.data);
        } else {
            rc = check_object(file, path.data, v, err);
        }
        buf_free(&path);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* It names commands to run, signers to trust and what is production.  A file that was found, not
 * named, must not be somebody else's: the working folder may be /tmp. */
static int check_owner(const char *path, int found, struct err *err)
{
    struct stat st;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return 0; /* reading it says why */
    if ((st.st_mode & S_IWOTH) != 0) {
        (void)err_set(err, ERR_USAGE, "%s can be written by anybody (mode %04o)", path,
                      (unsigned)(st.st_mode & 07777));
        err_hint(err, "it says whom to trust and what to run: chmod o-w \"%s\", and look at what it says",
                 path);
        return -1;
    }
    if (found && st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0) {
        (void)err_set(err, ERR_USAGE, "./%s belongs to another user (uid %ld)", path,
                      (long)st.st_uid);
        err_hint(err, "it says whom to trust and what to run; if you believe it: --config ./%s", path);
        return -1;
    }
    return 0;
}

struct config *config_read(const char *text, size_t len, const char *path, struct err *err)
{
    struct config *c = calloc(1, sizeof(*c));
    json_error_t at;
    int rc = -1;

    if (c == NULL || (path != NULL && (c->path = strdup(path)) == NULL)) {
        (void)err_oom(err);
        goto out;
    }
    c->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    if (c->root == NULL) {
        (void)err_set(err, ERR_USAGE, "%s, line %d, column %d: %s", path, at.line, at.column,
                      at.text);
        goto out;
    }
    if (!json_is_object(c->root)) {
        (void)err_set(err, ERR_USAGE, "%s: the whole must be one object: { ... }", path);
        goto out;
    }
    rc = check_object(path, "", c->root, err);
out:
    if (rc != 0) {
        config_free(c);
        return NULL;
    }
    return c;
}

struct config *config_load(const char *path, struct err *err)
{
    int found = path == NULL;
    struct config *c = NULL;
    struct buf text = {0};

    if (found && access("mig.json", F_OK) != 0)
        return config_read("{}", 2, NULL, err);
    if (found)
        path = "mig.json";
    if (check_owner(path, found, err) != 0)
        return NULL;
    if (buf_read_file(&text, path, (size_t)16 << 20, err) != 0) {
        err->kind = ERR_USAGE;
        err_hint(err, "--config FILE names the configuration; without it ./mig.json is read if there is one");
    } else {
        c = config_read(text.data != NULL ? text.data : "", text.len, path, err);
    }
    buf_free(&text);
    return c;
}

void config_free(struct config *c)
{
    if (c == NULL)
        return;
    while (c->resolved != NULL) {
        struct resolved *r = c->resolved;

        c->resolved = r->next;
        free((void *)(uintptr_t)r->key);
        free(r->path);
        free(r);
    }
    json_decref(c->root);
    free(c->path);
    free(c);
}

const char *config_path(const struct config *c)
{
    return c->path;
}

const json_t *config_json(const struct config *c, const char *key)
{
    const json_t *v = c->root, *below;
    const char *name;

    while (v != NULL && *key != '\0') {
        size_t len = strcspn(key, ".");
        json_t *one;

        below = NULL;
        json_object_foreach((json_t *)(uintptr_t)v, name, one)
            if (strncmp(name, key, len) == 0 && name[len] == '\0')
                below = one;
        v = below;
        key += len + (key[len] == '.');
    }
    return v;
}

int config_given(const struct config *c, const char *key)
{
    return config_json(c, key) != NULL;
}

/* Asking for a key that is not in the table is a bug of ours. */
static const struct config_key *known(const char *key)
{
    int inner;
    const struct config_key *k = find_key(key, &inner);

    assert(k != NULL);
    return k;
}

const char *config_string(const struct config *c, const char *key)
{
    const json_t *v = config_json(c, key);

    return v != NULL ? json_string_value(v) : known(key)->fallback;
}

const char *config_file(const struct config *c, const char *key)
{
    const char *value = config_string(c, key);
    const char *slash = c->path != NULL ? strrchr(c->path, '/') : NULL;
    /* The cache hides behind const: an answer never changes. */
    struct config *cache = (struct config *)(uintptr_t)c;
    struct resolved *r;
    struct buf path = {0};
    struct err err = {0};

    assert(known(key)->type == CONFIG_PATH);
    if (value == NULL || value[0] == '/' || slash == NULL || !config_given(c, key))
        return value;
    for (r = c->resolved; r != NULL; r = r->next)
        if (strcmp(r->key, key) == 0)
            return r->path;
    if ((r = calloc(1, sizeof(*r))) == NULL)
        return NULL;
    if ((r->key = strdup(key)) == NULL ||
        buf_addf(&path, &err, "%.*s/%s", (int)(slash - c->path), c->path, value) != 0) {
        free((void *)(uintptr_t)r->key);
        free(r);
        buf_free(&path);
        return NULL;
    }
    r->path = path.data;
    r->next = cache->resolved;
    cache->resolved = r;
    return r->path;
}

long long config_integer(const struct config *c, const char *key)
{
    const struct config_key *k = known(key);
    const json_t *v = config_json(c, key);
    struct err err = {0};
    int64_t ms = 0;

    if (k->type == CONFIG_DURATION) {
        if (json_is_integer(v))
            return json_integer_value(v) * 1000;
        if (v == NULL && k->fallback == NULL)
            return 0;
        return cli_duration(v != NULL ? json_string_value(v) : k->fallback, &ms, &err) == 0 ? ms
                                                                                             : 0;
    }
    if (v != NULL)
        return json_integer_value(v);
    return k->fallback != NULL ? strtoll(k->fallback, NULL, 10) : 0;
}

int config_boolean(const struct config *c, const char *key)
{
    const struct config_key *k = known(key);
    const json_t *v = config_json(c, key);

    if (v != NULL)
        return json_is_true(v);
    return k->fallback != NULL && strcmp(k->fallback, "true") == 0;
}

int config_choice(const struct config *c, const char *key)
{
    const char *value = config_string(c, key);

    return value == NULL ? -1 : choice_index(known(key)->choices, value);
}

size_t config_count(const struct config *c, const char *key)
{
    const json_t *v = config_json(c, key);

    assert(known(key)->type == CONFIG_STRINGS);
    return json_is_array(v) ? json_array_size(v) : json_is_string(v) ? 1 : 0;
}

const char *config_item(const struct config *c, const char *key, size_t i)
{
    const json_t *v = config_json(c, key);

    return json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
}
