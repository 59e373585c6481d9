/*
 * shim: preloaded into a program, it makes one system call on one file go wrong.
 *
 *   SHIM_PATH    part of the file's path; other files are left alone
 *   SHIM_CALL    write (and pwrite), fsync (and fdatasync), rename or statvfs
 *   SHIM_NTH     which of these calls, from 1
 *   SHIM_TEXT    write: count only those whose bytes have this in them (optional)
 *   SHIM_FAULT   an errno's number; "short": half of the bytes are written, and that is said;
 *                "kill": SIGKILL before the call; "half": half of the bytes, then SIGKILL;
 *                "int": SIGINT to the process, as the terminal sends it; the call itself goes well;
 *                "stop": SIGSTOP to it; after SIGCONT the call goes well;
 *                of statvfs: how many bytes are left
 *   SHIM_MARK    a file that is made when the fault has happened
 *
 * Counted over all threads.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int calls;

static void mark(void)
{
    const char *file = getenv("SHIM_MARK");

    if (file != NULL)
        (void)close(open(file, O_CREAT | O_WRONLY, 0600));
}

/* The fault, if this call is the one. */
static const char *now(const char *call, const char *path)
{
    const char *part = getenv("SHIM_PATH"), *which = getenv("SHIM_CALL"), *nth = getenv("SHIM_NTH");

    if (part == NULL || which == NULL || nth == NULL || strcmp(which, call) != 0 || strstr(path, part) == NULL ||
        atomic_fetch_add(&calls, 1) + 1 != atoi(nth))
        return NULL;
    mark();
    return getenv("SHIM_FAULT");
}

static const char *now_fd(const char *call, int fd)
{
    char link[64], path[4096];
    ssize_t n;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return now(call, path);
}

static ssize_t faulty_write(const char *fault, int fd, const void *data, size_t len, off_t at, int positioned)
{
    ssize_t (*real_pwrite)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    ssize_t (*real_write)(int, const void *, size_t) =
        (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    int half = fault != NULL && (strcmp(fault, "short") == 0 || strcmp(fault, "half") == 0);
    ssize_t n;

    if (fault != NULL && strcmp(fault, "kill") == 0)
        (void)raise(SIGKILL);
    if (fault != NULL && (strcmp(fault, "int") == 0 || strcmp(fault, "stop") == 0)) {
        (void)kill(getpid(), fault[0] == 'i' ? SIGINT : SIGSTOP);
        fault = NULL;
    }
    if (fault != NULL && !half) {
        errno = atoi(fault);
        return -1;
    }
    if (half && len > 1)
        len /= 2;
    n = positioned ? real_pwrite(fd, data, len, at) : real_write(fd, data, len);
    if (fault != NULL && strcmp(fault, "half") == 0)
        (void)raise(SIGKILL);
    return n;
}

static int has_text(const void *data, size_t len)
{
    const char *text = getenv("SHIM_TEXT");

    return text == NULL || memmem(data, len, text, strlen(text)) != NULL;
}

ssize_t write(int fd, const void *data, size_t len)
{
    return faulty_write(has_text(data, len) ? now_fd("write", fd) : NULL, fd, data, len, 0, 0);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return faulty_write(now_fd("write", fd), fd, data, len, at, 1);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t at)
{
    return faulty_write(now_fd("write", fd), fd, data, len, at, 1);
}

static int faulty_sync(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *fault = now_fd("fsync", fd);

    if (fault != NULL && strcmp(fault, "int") == 0) {
        (void)kill(getpid(), SIGINT);
        fault = NULL;
    }
    if (fault == NULL)
        return real(fd);
    if (strcmp(fault, "kill") == 0 || strcmp(fault, "half") == 0)
        (void)raise(SIGKILL);
    errno = atoi(fault);
    return -1;
}

int fsync(int fd)
{
    return faulty_sync("fsync", fd);
}

int fdatasync(int fd)
{
    return faulty_sync("fdatasync", fd);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    int (*real)(int, const char *, int, const char *, unsigned) =
        (int (*)(int, const char *, int, const char *, unsigned))dlsym(RTLD_NEXT, "renameat2");
    const char *fault = now("rename", to);

    if (fault == NULL)
        return real(from_dir, from, to_dir, to, flags);
    if (strcmp(fault, "kill") == 0 || strcmp(fault, "half") == 0)
        (void)raise(SIGKILL);
    errno = atoi(fault);
    return -1;
}

int statvfs(const char *path, struct statvfs *fs)
{
    int (*real)(const char *, struct statvfs *) =
        (int (*)(const char *, struct statvfs *))dlsym(RTLD_NEXT, "statvfs");
    const char *fault = now("statvfs", path);
    int rc = real(path, fs);

    if (rc == 0 && fault != NULL) {
        fs->f_frsize = 1;
        fs->f_bavail = (fsblkcnt_t)atoll(fault);
    }
    return rc;
}
