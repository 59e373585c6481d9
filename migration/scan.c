#include "migration/scan.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "migration/history.h"
#include "migration/revision.h"

#define MAX_FILE ((size_t)16 << 20)
#define MAX_DEPTH 40
#define WORKERS 4
#define FEW 200 /* files that one thread reads sooner than a second one has started */

struct entry;

struct scan {
    struct history found;        /* its problems alone */
    struct revision **revisions;
    size_t count;
    struct entry *entries;
    size_t nentries;
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

/* A file to read; then either its revision or why not. */
struct entry {
    char *path;
    struct revision *revision;
    struct err *why; /* NULL without a revision: there was no memory to say it */
};

/* Every STEP-th file from AT on: files do not depend on each other, so workers share nothing. */
struct worker {
    struct entry *entries;
    size_t count, at, step;
};

static void *work(void *context)
{
    const struct worker *w = context;
    struct tokens tokens = {0};
    struct buf text = {0};

    for (size_t i = w->at; i < w->count; i += w->step) {
        struct entry *e = &w->entries[i];
        struct err why = {0};

        buf_reset(&text);
        if (buf_read_file(&text, e->path, MAX_FILE, &why) == 0)
            e->revision = revision_read(text.data != NULL ? text.data : "", text.len, e->path, &tokens,
                                        &why);
        if (e->revision == NULL && (e->why = malloc(sizeof(*e->why))) != NULL)
            *e->why = why;
    }
    tokens_free(&tokens);
    buf_free(&text);
    return NULL;
}

static void read_all(struct scan *s)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = s->nentries < FEW || processors < 2 ? 1 : processors > WORKERS ? WORKERS : (size_t)processors;
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    int started[WORKERS] = {0};

    for (size_t i = 0; i < n; i++) {
        workers[i] = (struct worker){s->entries, s->nentries, i, n};
        started[i] = i > 0 && pthread_create(&threads[i], NULL, work, &workers[i]) == 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (!started[i])
            (void)work(&workers[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if (started[i])
            (void)pthread_join(threads[i], NULL);
    }
}

/* In the order of the files, whoever read them. */
static int collect(struct scan *s)
{
    s->revisions = calloc(s->nentries + 1, sizeof(*s->revisions));
    if (s->revisions == NULL)
        return err_oom(s->err);
    for (size_t i = 0; i < s->nentries; i++) {
        struct entry *e = &s->entries[i];

        if (e->revision != NULL) {
            s->revisions[s->count++] = e->revision;
            e->revision = NULL;
            continue;
        }
        if (e->why == NULL)
            return err_oom(s->err);
        history_problem(&s->found,
                        strstr(e->why->message, "needs Python") != NULL ? "needs-python"
                                                                        : "unreadable-file",
                        1, e->path, 0, "%s", e->why->message);
        history_problem_hint(&s->found, e->why->hint);
    }
    return 0;
}

/* Takes PATH. */
static int add_entry(struct scan *s, char *path)
{
    if ((s->nentries & (s->nentries - 1)) == 0) {
        struct entry *more = realloc(s->entries, (s->nentries > 0 ? s->nentries * 2 : 1) * sizeof(*more));

        if (more == NULL) {
            free(path);
            return err_oom(s->err);
        }
        s->entries = more;
    }
    memset(&s->entries[s->nentries], 0, sizeof(*s->entries));
    s->entries[s->nentries++].path = path;
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
    rc = 0;
    if (!seen) {
        char *taken = buf_take(&path, s->err);

        rc = taken != NULL ? add_entry(s, taken) : -1;
    }
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
    read_all(&s);
    if (collect(&s) != 0)
        goto out;
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
    for (size_t i = 0; i < s.nentries; i++) {
        revision_free(s.entries[i].revision);
        free(s.entries[i].path);
        free(s.entries[i].why);
    }
    free(s.entries);
    for (size_t i = 0; i < s.nseen; i++)
        free(s.seen[i]);
    free(s.seen);
    if (rc != 0) {
        history_free(h);
        return NULL;
    }
    return h;
}
