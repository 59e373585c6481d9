#define _GNU_SOURCE /* sync_file_range, renameat2 */
#include "core/outfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"

#define SUFFIX ".part"

struct outfile {
    char *path, *temp, *dir;
    int fd;
    int done;
};

static char *folder_of(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *dir = malloc(len + 1);

    if (dir == NULL) {
        err_oom(err);
        return NULL;
    }
    memcpy(dir, slash == NULL ? "." : path, len);
    dir[len] = '\0';
    return dir;
}

static int set_path(struct outfile *f, const char *path, struct err *err)
{
    char *copy = strdup(path);

    if (copy == NULL)
        return err_oom(err);
    free(f->path);
    f->path = copy;
    return 0;
}

static int exists(const char *path, struct err *err)
{
    err_set(err, ERR_FAILED, "\"%s\" exists already", path);
    err_hint(err, "nothing is overwritten: choose another name, or move that file away");
    return -1;
}

/* The lock is held as long as the file is being written: it tells outfile_sweep that we live.  A
 * sweep that came between open and flock has taken the file away: EEXIST, try again. */
static int create_locked(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;

    if (fd < 0)
        return -1;
    (void)flock(fd, LOCK_EX | LOCK_NB);
    if (fstat(fd, &st) == 0 && st.st_nlink > 0)
        return fd;
    (void)close(fd);
    errno = EEXIST;
    return -1;
}

struct outfile *outfile_create(const char *path, struct err *err)
{
    struct outfile *f = calloc(1, sizeof(*f));
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    size_t size;
    int n = 0;

    if (f == NULL) {
        err_oom(err);
        return NULL;
    }
    f->fd = -1;
    if (base[0] == '\0') {
        err_set(err, ERR_USAGE, "\"%s\" names a folder, not a file", path);
        goto fail;
    }
    if (set_path(f, path, err) != 0 || (f->dir = folder_of(path, err)) == NULL)
        goto fail;
    if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        exists(path, err);
        goto fail;
    }
    size = strlen(f->dir) + strlen(base) + sizeof(SUFFIX) + 32;
    if ((f->temp = malloc(size)) == NULL) {
        err_oom(err);
        goto fail;
    }
    do {
        (void)snprintf(f->temp, size, "%s/.%s.%08x" SUFFIX, f->dir, base, randombytes_random());
        f->fd = create_locked(f->temp);
    } while (f->fd < 0 && errno == EEXIST && n++ < 8);
    if (f->fd < 0) {
        err_set_errno(err, ERR_FAILED, "cannot create \"%s\"", path);
        goto fail;
    }
    return f;
fail:
    if (f->fd < 0) {
        free(f->temp);
        f->temp = NULL;
    }
    outfile_free(f);
    return NULL;
}

int outfile_write_at(struct outfile *f, const void *data, size_t len, uint64_t offset,
                     struct err *err)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = pwrite(f->fd, p, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = ENOSPC;
            return err_set_errno(err, ERR_FAILED, "cannot write \"%s\"", f->path);
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int outfile_read_at(struct outfile *f, void *data, size_t len, uint64_t offset, struct err *err)
{
    char *p = data;

    while (len > 0) {
        ssize_t n = pread(f->fd, p, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, ERR_FAILED, "cannot read back \"%s\"", f->path);
        if (n == 0)
            return err_set(err, ERR_FAILED,
                           "cannot read back \"%s\": it is shorter than what was written", f->path);
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

void outfile_flush_hint(struct outfile *f, uint64_t offset)
{
#ifdef SYNC_FILE_RANGE_WRITE
    (void)sync_file_range(f->fd, 0, (off_t)offset, SYNC_FILE_RANGE_WRITE);
#else
    (void)f;
    (void)offset;
#endif
}

int outfile_sync(struct outfile *f, struct err *err)
{
    if (fsync(f->fd) != 0)
        return err_set_errno(err, ERR_FAILED, "cannot flush \"%s\" to disk", f->path);
    return 0;
}

int outfile_sync_folder(const char *dir, struct err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        return err_set_errno(err, ERR_FAILED, "cannot open the folder \"%s\"", dir);
    /* Some file systems cannot fsync a folder; they say EINVAL. */
    if (fsync(fd) != 0 && errno != EINVAL)
        rc = err_set_errno(err, ERR_FAILED, "cannot flush the folder \"%s\" to disk", dir);
    (void)close(fd);
    return rc;
}

/* Without replacing: renameat2 where the file system knows it, else link and unlink. */
static int take_name(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (link(from, to) != 0)
        return -1;
    return unlink(from);
}

int outfile_commit(struct outfile *f, struct err *err)
{
    if (outfile_sync(f, err) != 0)
        return -1;
    if (take_name(f->temp, f->path) != 0) {
        if (errno == EEXIST)
            return exists(f->path, err);
        return err_set_errno(err, ERR_FAILED, "cannot rename \"%s\" to \"%s\"", f->temp, f->path);
    }
    if (outfile_sync_folder(f->dir, err) != 0) {
        /* The name may not survive a crash: then it must not look like a success. */
        (void)unlink(f->path);
        f->done = 1;
        return -1;
    }
    f->done = 1;
    return 0;
}

int outfile_rename(struct outfile *f, const char *path, struct err *err)
{
    char *dir = folder_of(path, err);
    int same;

    if (dir == NULL)
        return -1;
    same = strcmp(dir, f->dir) == 0;
    free(dir);
    if (!same)
        return err_set(err, ERR_FAILED, "\"%s\" is not in the folder \"%s\"", path, f->dir);
    return set_path(f, path, err);
}

const char *outfile_path(const struct outfile *f)
{
    return f->path;
}

void outfile_free(struct outfile *f)
{
    if (f == NULL)
        return;
    if (f->temp != NULL && !f->done)
        (void)unlink(f->temp);
    if (f->fd >= 0)
        (void)close(f->fd);
    free(f->path);
    free(f->temp);
    free(f->dir);
    free(f);
}

int outfile_write_whole(const char *path, const void *data, size_t len, struct err *err)
{
    struct outfile *f = outfile_create(path, err);
    int rc = -1;

    if (f == NULL)
        return -1;
    if (outfile_write_at(f, data, len, 0, err) == 0 && outfile_commit(f, err) == 0)
        rc = 0;
    outfile_free(f);
    return rc;
}

/* ".NAME.xxxxxxxx.part" */
static int is_temporary(const char *name)
{
    size_t len = strlen(name);

    if (name[0] != '.' || len < sizeof(SUFFIX) + 10 ||
        strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0)
        return 0;
    name += len - strlen(SUFFIX) - 9;
    return name[0] == '.' && strspn(name + 1, "0123456789abcdef") == 8;
}

void outfile_sweep(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    if (d == NULL)
        return;
    while ((e = readdir(d)) != NULL) {
        int fd;

        if (!is_temporary(e->d_name))
            continue;
        fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(dirfd(d), e->d_name, 0) == 0)
            log_info("removed \"%s/%s\", which an interrupted run had left", dir, e->d_name);
        (void)close(fd);
    }
    (void)closedir(d);
}
