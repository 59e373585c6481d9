#define _GNU_SOURCE /* statfs */
#include "core/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/audit.h"
#include "core/buf.h"
#include "core/cli.h"
#include "core/config.h"
#include "core/outfile.h"

static const char *from_env(const char *name)
{
    const char *v = getenv(name);

    return v != NULL && v[0] != '\0' ? v : NULL;
}

const char *state_shelf(const struct cli_common *c, const struct config *config)
{
    const char *dir = c != NULL ? c->dir : NULL;

    if (dir == NULL)
        dir = from_env("MIG_BACKUP_DIR");
    if (dir == NULL && config != NULL)
        dir = config_file(config, "backup.dir");
    return dir != NULL ? dir : "./backups";
}

static char *copy(const char *text, const char *more, struct err *err)
{
    struct buf b = {0};

    if (buf_adds(&b, text, err) != 0 || buf_adds(&b, more, err) != 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, err);
}

char *state_dir(const struct cli_common *c, const struct config *config, struct err *err)
{
    const char *dir = c != NULL ? c->state_dir : NULL;

    if (dir == NULL)
        dir = from_env("MIG_STATE_DIR");
    if (dir == NULL && config != NULL)
        dir = config_file(config, "state.dir");
    return dir != NULL ? copy(dir, "", err) : copy(state_shelf(c, config), "/.state", err);
}

char *state_log(const struct cli_common *c, const struct config *config, struct err *err)
{
    const char *path = c != NULL ? c->log_file : NULL;
    char *dir, *log;

    if (path == NULL)
        path = from_env("MIG_LOG_FILE");
    if (path == NULL && config != NULL)
        path = config_file(config, "log_file");
    if (path != NULL)
        return copy(path, "", err);
    if ((dir = state_dir(c, config, err)) == NULL)
        return NULL;
    log = copy(dir, "/log.jsonl", err);
    free(dir);
    return log;
}

/* SHELF/.state: the default, a folder of its own in the shelf. */
static int in_shelf(const char *dir)
{
    size_t n = strlen(dir), m = strlen("/.state");

    return n > m && strcmp(dir + n - m, "/.state") == 0;
}

/* Keep what stands in DIR out of repositories. */
static int ignore_all(const char *dir, const char *text, struct err *err)
{
    struct buf path = {0};
    int rc = 0;

    if (buf_addf(&path, err, "%s/.gitignore", dir) != 0)
        return -1;
    if (access(path.data, F_OK) != 0 &&
        outfile_write_whole(path.data, text, strlen(text), err) != 0) {
        /* Another process was faster. */
        if (access(path.data, F_OK) == 0)
            err_clear(err);
        else
            rc = -1;
    }
    buf_free(&path);
    return rc;
}

int state_ignore_shelf(const char *dir, struct err *err)
{
    return ignore_all(dir, "# Backups do not belong into a repository.\n*\n", err);
}

/* mkdir -p PATH: parents as the umask says, PATH 0700.  Where PATH is a shelf's own, the shelf may be
 * made here, before any backup: as shelf_make would. */
static int make_path(char *path, struct err *err)
{
    char *last = in_shelf(path) ? strrchr(path, '/') : NULL;

    while (last != NULL && last > path && last[-1] == '/')
        last--;
    for (char *at = path + 1; *at != '\0'; at++) {
        int made;

        if (*at != '/')
            continue;
        *at = '\0';
        made = mkdir(path, at == last ? 0700 : 0777) == 0;
        if (!made && errno != EEXIST) {
            (void)err_set_errno(err, ERR_USAGE, "cannot make the folder \"%s\"", path);
            *at = '/';
            return -1;
        }
        if (made && at == last && state_ignore_shelf(path, err) != 0) {
            *at = '/';
            return -1;
        }
        *at = '/';
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set_errno(err, ERR_USAGE, "cannot make the folder \"%s\"", path);
    return 0;
}

int state_make(const char *dir, const char **is_volatile, struct err *err)
{
    /* linux/magic.h */
    static const unsigned long tmpfs = 0x01021994UL, ramfs = 0x858458f6UL, overlay = 0x794c7630UL;
    struct statfs fs;
    struct stat st;
    char *path = copy(dir, "", err);
    int rc = -1;

    *is_volatile = NULL;
    if (path == NULL)
        return -1;
    if (make_path(path, err) != 0)
        goto out;
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        (void)err_set(err, ERR_USAGE, "\"%s\" is not a folder", dir);
        goto out;
    }
    if (access(dir, W_OK | X_OK) != 0) {
        (void)err_set_errno(err, ERR_USAGE, "cannot write in the folder \"%s\"", dir);
        goto out;
    }
    /* The log names servers, people and commands. */
    if (in_shelf(dir) && ignore_all(dir, "*\n", err) != 0)
        goto out;
    if (statfs(dir, &fs) == 0) {
        unsigned long type = (unsigned long)fs.f_type & 0xffffffffUL;

        if (type == tmpfs || type == ramfs)
            *is_volatile = "a file system in memory: lost at reboot";
        else if (type == overlay)
            *is_volatile = "a container's own layer: lost with the container";
    }
    rc = 0;
out:
    if (rc != 0)
        err_hint(err, "name another with --state-dir, $MIG_STATE_DIR or --dir");
    free(path);
    return rc;
}

struct audit *state_audit(const struct cli_common *c, const struct config *config, const char *operation,
                          struct err *err)
{
    const char *is_volatile = NULL;
    struct audit *a = NULL;
    char *dir = NULL, *log = NULL;

    /* A log that was named stands where it was named; only the default needs the state folder. */
    if (c->log_file == NULL && from_env("MIG_LOG_FILE") == NULL &&
        (config == NULL || config_file(config, "log_file") == NULL) &&
        ((dir = state_dir(c, config, err)) == NULL || state_make(dir, &is_volatile, err) != 0))
        goto out;
    if ((log = state_log(c, config, err)) != NULL)
        a = audit_begin(log, operation, c->argc, c->argv, c->reason, err);
out:
    free(dir);
    free(log);
    return a;
}
