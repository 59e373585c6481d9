#include "migration/project.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/log.h"
#include "migration/ini.h"
#include "migration/plan.h"

static int exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static char *join(const char *dir, const char *name, struct err *err)
{
    struct buf b = {0};
    int rc = dir[0] == '\0' || name[0] == '/' ? buf_adds(&b, name, err)
                                              : buf_addf(&b, err, "%s/%s", dir, name);

    if (rc != 0 || buf_reserve(&b, 0, err) != 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, err);
}

/* Below the working directory: relative to it, as people and code scanners name files. */
static void shorten(char *dir)
{
    char *cwd = getcwd(NULL, 0);
    size_t n = cwd != NULL ? strlen(cwd) : 0;

    if (n > 1 && strncmp(dir, cwd, n) == 0 && dir[n] == '/' && dir[n + 1] != '\0')
        memmove(dir, dir + n + 1, strlen(dir + n + 1) + 1);
    free(cwd);
}

/* Takes DIR; NULL is passed on. */
static int add_folder(struct project *p, char *dir, struct err *err)
{
    char **more;
    size_t n = 0;

    if (dir == NULL)
        return -1;
    shorten(dir);
    while (p->versions != NULL && p->versions[n] != NULL)
        n++;
    more = realloc(p->versions, (n + 2) * sizeof(*more));
    if (more == NULL) {
        free(dir);
        return err_oom(err);
    }
    p->versions = more;
    more[n] = dir;
    more[n + 1] = NULL;
    return 0;
}

/* ROOT: where relative paths start; "" is the working directory. */
static int add_location(struct project *p, const char *root, const char *what, const char *s,
                        size_t n, struct err *err)
{
    char *name = strndup(s, n);
    int rc;

    if (name == NULL)
        return err_oom(err);
    if (name[0] != '/' && strchr(name, ':') != NULL) {
        (void)err_set(err, ERR_USAGE, "%s: %s = %s names a Python package, which only Python can find",
                      p->config, what, name);
        err_hint(err, "name the folder of the revision files with --versions DIR");
        free(name);
        return -1;
    }
    rc = add_folder(p, join(root, name, err), err);
    free(name);
    return rc;
}

static int blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* With SEP 0 the rule of old: ", *" or one or more spaces. */
static int split_locations(struct project *p, const char *root, const char *s, char sep,
                           struct err *err)
{
    while (*s != '\0') {
        size_t n = 0, next, len;
        const char *from = s;

        while (s[n] != '\0' && (sep != 0 ? s[n] != sep : s[n] != ',' && s[n] != ' '))
            n++;
        next = n;
        if (s[next] != '\0')
            next++;
        if (sep == 0) {
            while (s[next] == ' ')
                next++;
        }
        len = n;
        while (len > 0 && blank(from[len - 1]))
            len--;
        while (len > 0 && blank(*from)) {
            from++;
            len--;
        }
        if (len > 0 && add_location(p, root, "version_locations", from, len, err) != 0)
            return -1;
        s += next;
    }
    return 0;
}

static int separator(const struct ini *ini, const char *section, char *sep, struct err *err)
{
    static const struct {
        const char *name;
        char sep;
    } known[] = {{"space", ' '}, {"newline", '\n'}, {"os", ':'}, {":", ':'}, {";", ';'}};
    char *value = NULL;

    *sep = 0;
    if (ini_get(ini, section, "path_separator", &value, err) != 0)
        return -1;
    if (value == NULL && ini_get(ini, section, "version_path_separator", &value, err) != 0)
        return -1;
    if (value == NULL)
        return 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(value, known[i].name) == 0)
            *sep = known[i].sep;
    }
    if (*sep == 0)
        (void)err_set(err, ERR_USAGE, "%s: path separator '%s' is none of space, newline, os, : and ;",
                      ini_file(ini), value);
    free(value);
    return *sep != 0 ? 0 : -1;
}

/* "true" exactly, as Alembic has it. */
static int is_true(const struct ini *ini, const char *section, const char *option, int *value,
                   struct err *err)
{
    char *text = NULL;

    if (ini_get(ini, section, option, &text, err) != 0)
        return -1;
    *value = text != NULL && strcmp(text, "true") == 0;
    free(text);
    return 0;
}

static int refuse_pyproject(const char *config, struct err *err)
{
    (void)err_set(err, ERR_USAGE, "%s%sthe project is configured in pyproject.toml, which mig does not "
                  "read", config != NULL ? config : "", config != NULL ? " has no script_location: " : "");
    err_hint(err, "name an ini file with --alembic-config FILE, or the folder of the revision files "
                  "with --versions DIR");
    return -1;
}

/* 1: pyproject.toml here holds [tool.alembic].  A look for the header's words only: nothing in it is
 * used. */
static int has_pyproject(const char *root)
{
    struct err ignored = {0};
    struct buf text = {0};
    char *path = join(root, "pyproject.toml", &ignored);
    int found = path != NULL && exists(path) &&
                buf_read_file(&text, path, (size_t)4 << 20, &ignored) == 0 && text.data != NULL &&
                strstr(text.data, "tool.alembic") != NULL;

    free(path);
    buf_free(&text);
    return found;
}

/* Flask-Migrate sets script_location in code: the ini file's own folder. */
static int flask_location(struct project *p, struct err *err)
{
    const char *slash = strrchr(p->config, '/');
    char *dir = slash != NULL ? strndup(p->config, (size_t)(slash - p->config)) : strdup(".");
    char *env = dir != NULL ? join(dir, "env.py", err) : NULL;
    char *versions = dir != NULL ? join(dir, "versions", err) : NULL;
    int rc;

    if (env != NULL && versions != NULL && exists(env) && exists(versions)) {
        rc = add_folder(p, versions, err);
        versions = NULL;
    } else {
        rc = err_set(err, ERR_USAGE, "%s has no script_location", p->config);
        err_hint(err, "name the folder of the revision files with --versions DIR");
    }
    free(dir);
    free(env);
    free(versions);
    return rc;
}

static int read_locations(struct project *p, const struct ini *ini, const char *section,
                          const char *root, struct err *err)
{
    char *script = NULL, *locations = NULL, *versions = NULL;
    char sep;
    int rc = -1, sourceless;

    if (ini_get(ini, section, "script_location", &script, err) != 0 ||
        ini_get(ini, section, "version_locations", &locations, err) != 0 ||
        is_true(ini, section, "recursive_version_locations", &p->recursive, err) != 0 ||
        is_true(ini, section, "sourceless", &sourceless, err) != 0)
        goto out;
    p->sourceless = sourceless;
    if (script != NULL && has_pyproject(root))
        log_warn("pyproject.toml has [tool.alembic] too, which mig does not read: since 1.16 Alembic takes from "
                 "there what %s does not set; what concerns the files can be named with --versions", p->config);
    if (script == NULL && has_pyproject(root)) {
        (void)refuse_pyproject(p->config, err);
        goto out;
    }
    if (locations != NULL && locations[0] != '\0') {
        if (script == NULL) {
            (void)err_set(err, ERR_USAGE, "%s has no script_location", p->config);
            goto out;
        }
        p->missing_ok = 1;
        rc = separator(ini, section, &sep, err) != 0 ? -1
                                                     : split_locations(p, root, locations, sep, err);
        if (rc == 0 && p->versions == NULL)
            rc = err_set(err, ERR_USAGE, "%s: version_locations names no folder", p->config);
        goto out;
    }
    if (script == NULL) {
        rc = flask_location(p, err);
        goto out;
    }
    versions = join(script, "versions", err);
    if (versions != NULL)
        rc = add_location(p, root, "script_location", versions, strlen(versions), err);
    if (rc == 0 && p->versions != NULL && !exists(p->versions[0])) {
        rc = err_set(err, ERR_USAGE, "%s: script_location has no versions folder: %s is not there",
                     p->config, p->versions[0]);
        err_hint(err, "script_location is relative to the working directory: run this where alembic "
                      "runs, or name the folder with --versions DIR");
    }
out:
    free(script);
    free(locations);
    free(versions);
    return rc;
}

static int is_compiled(const char *name)
{
    size_t n = strlen(name);

    return n > 4 && (strcmp(name + n - 4, ".pyc") == 0 || strcmp(name + n - 4, ".pyo") == 0) &&
           strncmp(name, ".#", 2) != 0 && strncmp(name, "__init__", 8) != 0;
}

/* "x.cpython-311.pyc" in __pycache__, and "x.pyc" beside, come of "x.py" in DIR. */
static int has_source(const char *dir, const char *name, struct err *err)
{
    struct buf path = {0};
    int found = buf_addf(&path, err, "%s/%.*s.py", dir, (int)strcspn(name, "."), name) != 0 ? -1
                                                                                          : exists(path.data);

    buf_free(&path);
    return found;
}

/* sourceless = true: a revision that is there as compiled code alone is one that we cannot read. */
static int refuse_compiled(const struct project *p, const char *dir, const char *source, int depth,
                           struct err *err)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int rc = -1;

    if (d == NULL)
        return 0;
    while ((e = readdir(d)) != NULL) {
        struct buf path = {0};
        struct stat st;
        int cache = strcmp(e->d_name, "__pycache__") == 0, ok = 0;

        if (e->d_name[0] == '.' || buf_addf(&path, err, "%s/%s", dir, e->d_name) != 0) {
            if (e->d_name[0] != '.')
                goto out;
            continue;
        }
        if (lstat(path.data, &st) == 0 && S_ISDIR(st.st_mode) && depth < 40) {
            if (cache || p->recursive)
                ok = refuse_compiled(p, path.data, cache ? dir : path.data, depth + 1, err);
        } else if (is_compiled(e->d_name)) {
            ok = has_source(source, e->d_name, err) - 1;
            if (ok != 0 && err->kind == ERR_NONE) {
                (void)err_set(err, ERR_FAILED, "%s is a compiled revision without its source (sourceless = true): "
                              "reading it needs Python", path.data);
                err_hint(err, "run this from the checkout, where the sources are");
            }
        }
        buf_free(&path);
        if (ok != 0)
            goto out;
    }
    rc = 0;
out:
    (void)closedir(d);
    return rc;
}

static int read_config(struct project *p, const struct plan_request *r, const char *root, int files,
                       struct err *err)
{
    const char *section = r->alembic_name != NULL ? r->alembic_name : "alembic";
    struct ini *ini = ini_load(p->config, err);
    int rc = -1;

    if (ini == NULL)
        return -1;
    if (!ini_has_section(ini, section)) {
        if (has_pyproject(root) && files)
            (void)refuse_pyproject(NULL, err);
        (void)err_set(err, ERR_USAGE, "%s has no section [%s]", p->config, section);
        err_hint(err, "name another section with --alembic-name");
        goto out;
    }
    if (files && read_locations(p, ini, section, root, err) != 0)
        goto out;
    for (char **dir = p->sourceless ? p->versions : NULL; dir != NULL && *dir != NULL; dir++) {
        if (refuse_compiled(p, *dir, *dir, 0, err) != 0)
            goto out;
    }
    rc = ini_get(ini, section, "sqlalchemy.url", &p->url, err);
    if (rc != 0 && files) {
        /* often "%(DB_URL)s", filled in by env.py: it is the last source of an address, not ours to
         * insist on */
        err_clear(err);
        rc = 0;
    }
out:
    ini_free(ini);
    return rc;
}

static int given_versions(struct project *p, const char *list, struct err *err)
{
    while (*list != '\0') {
        size_t n = strcspn(list, ":");
        char *dir = strndup(list, n);

        if (dir == NULL)
            return err_oom(err);
        if (n == 0) {
            free(dir);
        } else {
            if (!exists(dir)) {
                (void)err_set(err, ERR_USAGE, "--versions: %s is not there", dir);
                free(dir);
                return -1;
            }
            if (add_folder(p, dir, err) != 0)
                return -1;
        }
        list += n + (list[n] == ':');
    }
    return p->versions != NULL ? 0 : err_set(err, ERR_USAGE, "--versions names no folder");
}

struct project *project_read(const struct plan_request *r, struct err *err)
{
    struct project *p = calloc(1, sizeof(*p));
    const char *config = r->alembic_config, *env = getenv("ALEMBIC_CONFIG");

    if (p == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if (config == NULL && env != NULL && env[0] != '\0')
        config = env;
    p->config_given = config != NULL;
    if (config == NULL)
        config = "alembic.ini";
    if (!exists(config)) {
        if (r->versions == NULL || p->config_given) {
            if (!p->config_given && has_pyproject(""))
                (void)refuse_pyproject(NULL, err);
            else if (p->config_given)
                (void)err_set(err, ERR_USAGE, "cannot read %s: %s", config, strerror(errno));
            else
                (void)err_set(err, ERR_USAGE, "there is no alembic.ini in this folder");
            err_hint(err, "run this where alembic runs, or name the file with --alembic-config FILE "
                          "(other tools' scripts: --sql FILE)");
            goto failed;
        }
    } else {
        p->config = strdup(config);
        if (p->config == NULL) {
            (void)err_oom(err);
            goto failed;
        }
    }
    if (r->versions != NULL && given_versions(p, r->versions, err) != 0)
        goto failed;
    if (p->config != NULL && read_config(p, r, "", r->versions == NULL, err) != 0)
        goto failed;
    return p;
failed:
    project_free(p);
    return NULL;
}

struct project *project_read_dir(const struct plan_request *r, const char *dir, struct err *err)
{
    struct project *p = calloc(1, sizeof(*p));
    char *versions = NULL;

    if (p == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    p->config = join(dir, r->alembic_config != NULL && r->alembic_config[0] != '/'
                              ? r->alembic_config
                              : "alembic.ini", err);
    versions = join(dir, "versions", err);
    if (p->config == NULL || versions == NULL)
        goto failed;
    if (exists(p->config)) {
        if (read_config(p, r, dir, 1, err) != 0)
            goto failed;
    } else if (!exists(dir)) {
        (void)err_set(err, ERR_USAGE, "--current-from: %s is not there", dir);
        goto failed;
    } else {
        free(p->config);
        p->config = NULL;
        if (add_folder(p, strdup(exists(versions) ? versions : dir), err) != 0)
            goto failed;
    }
    free(versions);
    return p;
failed:
    free(versions);
    project_free(p);
    return NULL;
}

void project_free(struct project *p)
{
    if (p == NULL)
        return;
    free(p->config);
    for (size_t i = 0; p->versions != NULL && p->versions[i] != NULL; i++)
        free(p->versions[i]);
    free(p->versions);
    if (p->url != NULL) {
        struct buf b = {p->url, 0, strlen(p->url) + 1};

        buf_wipe(&b); /* it may hold a password */
    }
    free(p);
}
