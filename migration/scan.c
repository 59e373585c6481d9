#include "migration/scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "migration/history.h"
#include "migration/revision.h"

#define MAX_FILE ((size_t)16 << 20)
#define MAX_DEPTH 40

struct scan {
    struct history found;        /* its problems alone */
    struct revision **revisions;
    size_t count;
    struct tokens tokens;
    struct buf text;
    char **seen;   /* real paths, where two names may mean one file */
    size_t nseen;
    int careful;   /* several folders: a file may come twice */
    int recursive;
    struct err *err;
};

static int is_revision_file(const char *name)
{
    size_t n = strlen(name);

    return n > 3 && strcmp(name + n - 3, ".py") == 0 && strncmp(name, ".#", 2) != 0 &&
           strncmp(name, "__init__", 8) != 0;
}

static int seen_before(struct scan *s, const char *path, int *seen)
{
    char *real = realpath(path, NULL), **more;

    *seen = 0;
    if (real == NULL)
        return 0;
    for (size_t i = 0; i < s->nseen && !*seen; i++)
        *seen = strcmp(s->seen[i], real) == 0;
    if (*seen) {
        free(real);
        return 0;
    }
    more = realloc(s->seen, (s->nseen + 1) * sizeof(*more));
    if (more == NULL) {
        free(real);
        return err_oom(s->err);
    }
    s->seen = more;
    more[s->nseen++] = real;
    return 0;
}

static int read_one(struct scan *s, const char *path)
{
    struct err why = {0};
    struct revision *r;

    buf_reset(&s->text);
    if (buf_read_file(&s->text, path, MAX_FILE, &why) != 0)
        r = NULL;
    else
        r = revision_read(s->text.data != NULL ? s->text.data : "", s->text.len, path, &s->tokens,
                          &why);
    if (r == NULL) {
        history_problem(&s->found, strstr(why.message, "needs Python") != NULL ? "needs-python" : "unreadable-file",
                1, path, 0, "%s", why.message);
        history_problem_hint(&s->found, why.hint);
        return 0;
    }
    if ((s->count & (s->count - 1)) == 0) {
        struct revision **more = realloc(s->revisions, (s->count > 0 ? s->count * 2 : 1) * sizeof(*more));

        if (more == NULL) {
            revision_free(r);
            return err_oom(s->err);
        }
        s->revisions = more;
    }
    s->revisions[s->count++] = r;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int scan_folder(struct scan *s, const char *dir, int depth);

static int scan_entry(struct scan *s, const char *dir, const char *name, int folder, int depth)
{
    struct buf path = {0};
    struct stat st;
    int rc = -1, seen = 0;

    if (buf_addf(&path, s->err, "%s/%s", dir, name) != 0)
        goto out;
    if (folder) {
        rc = depth < MAX_DEPTH ? scan_folder(s, path.data, depth + 1) : 0;
        goto out;
    }
    if ((s->careful || (lstat(path.data, &st) == 0 && S_ISLNK(st.st_mode))) &&
        seen_before(s, path.data, &seen) != 0)
        goto out;
    if (seen)
        history_problem(&s->found, "file-twice", 0, path.data, 0, "%s is found twice; read once", path.data);
    rc = seen ? 0 : read_one(s, path.data);
out:
    buf_free(&path);
    return rc;
}

static int scan_folder(struct scan *s, const char *dir, int depth)
{
    char **files = NULL, **folders = NULL;
    size_t nfiles = 0, nfolders = 0;
    struct dirent *e;
    DIR *d = opendir(dir);
    int rc = -1;

    if (d == NULL)
        return err_set_errno(s->err, ERR_USAGE, "cannot read the versions folder %s", dir);
    while ((e = readdir(d)) != NULL) {
        int file = is_revision_file(e->d_name), folder = 0;
        char ***list = file ? &files : &folders;
        size_t *n = file ? &nfiles : &nfolders;

        if (!file) {
            struct buf path = {0};
            struct stat st;

            if (!s->recursive || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                strcmp(e->d_name, "__pycache__") == 0)
                continue;
            if (buf_addf(&path, s->err, "%s/%s", dir, e->d_name) != 0)
                goto out;
            folder = lstat(path.data, &st) == 0 && S_ISDIR(st.st_mode); /* os.walk follows no link */
            buf_free(&path);
            if (!folder)
                continue;
        }
        if ((*n & (*n - 1)) == 0 || *n == 0) {
            char **more = realloc(*list, (*n > 0 ? *n * 2 : 1) * sizeof(*more));

            if (more == NULL) {
                (void)err_oom(s->err);
                goto out;
            }
            *list = more;
        }
        (*list)[*n] = strdup(e->d_name);
        if ((*list)[(*n)++] == NULL) {
            (void)err_oom(s->err);
            goto out;
        }
    }
    if (nfiles > 1)
        qsort(files, nfiles, sizeof(*files), by_name);
    if (nfolders > 1)
        qsort(folders, nfolders, sizeof(*folders), by_name);
    for (size_t i = 0; i < nfiles; i++) {
        if (scan_entry(s, dir, files[i], 0, depth) != 0)
            goto out;
    }
    for (size_t i = 0; i < nfolders; i++) {
        if (scan_entry(s, dir, folders[i], 1, depth) != 0)
            goto out;
    }
    rc = 0;
out:
    (void)closedir(d);
    for (size_t i = 0; i < nfiles; i++)
        free(files[i]);
    for (size_t i = 0; i < nfolders; i++)
        free(folders[i]);
    free(files);
    free(folders);
    return rc;
}

/* What the files say is wrong comes before what the graph says. */
static int join_problems(struct scan *s, struct history *h)
{
    size_t n = s->found.nproblems, m = h->nproblems;
    struct history_problem *all;

    if (n == 0)
        return 0;
    all = realloc(s->found.problems, (n + m) * sizeof(*all));
    if (all == NULL)
        return err_oom(s->err);
    if (m > 0)
        memcpy(all + n, h->problems, m * sizeof(*all));
    free(h->problems);
    h->problems = all;
    h->nproblems = n + m;
    s->found.problems = NULL;
    s->found.nproblems = 0;
    return 0;
}

struct history *scan_load(char *const *dirs, int recursive, int missing_ok, struct err *err)
{
    struct scan s = {0};
    struct history *h = NULL;
    int rc = -1;

    s.err = err;
    s.recursive = recursive;
    s.careful = dirs[0] != NULL && dirs[1] != NULL;
    for (; *dirs != NULL; dirs++) {
        struct stat st;

        if (missing_ok && stat(*dirs, &st) != 0 && errno == ENOENT)
            continue;
        if (scan_folder(&s, *dirs, 0) != 0)
            goto out;
    }
    h = history_new(s.revisions, s.count, err);
    s.revisions = NULL; /* taken */
    s.count = 0;
    rc = h != NULL ? join_problems(&s, h) : -1;
out:
    for (size_t i = 0; i < s.count; i++)
        revision_free(s.revisions[i]);
    for (size_t i = 0; i < s.found.nproblems; i++) {
        free(s.found.problems[i].file);
        free(s.found.problems[i].message);
        free(s.found.problems[i].hint);
    }
    free(s.found.problems);
    free(s.revisions);
    tokens_free(&s.tokens);
    buf_free(&s.text);
    for (size_t i = 0; i < s.nseen; i++)
        free(s.seen[i]);
    free(s.seen);
    if (rc != 0) {
        history_free(h);
        return NULL;
    }
    return h;
}
