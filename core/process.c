#define _DEFAULT_SOURCE /* syscall */
#include "core/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/interrupt.h"

#define DEFAULT_TIMEOUT_MS (10 * 60 * 1000)
#define DEFAULT_MAX_OUTPUT ((size_t)256 << 20)
#define GRACE_MS 2000
#define MAX_ERRORS ((size_t)4 << 20)

extern char **environ;

/* Variables that hold a key or a passphrase of ours.  No child has any business with them. */
static const char *const secrets[] = {
    "MIG_KEY", "MIG_KEY_FILE", "MIG_KEY_COMMAND", "MIG_PASSPHRASE", "MIG_PASSPHRASE_FILE",
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int names(const char *assignment, const char *name, size_t len)
{
    return strncmp(assignment, name, len) == 0 && assignment[len] == '=';
}

static int is_secret(const char *assignment)
{
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        if (names(assignment, secrets[i], strlen(secrets[i])))
            return 1;
    }
    return 0;
}

/* Our environment without secrets, and with EXTRA in front of what it replaces.  The strings are
 * borrowed; the caller frees the array. */
static char **environment(const char *const *extra, struct err *err)
{
    size_t n = 0, m = 0, out = 0;
    char **env;

    while (environ[n] != NULL)
        n++;
    while (extra != NULL && extra[m] != NULL)
        m++;
    env = calloc(n + m + 1, sizeof(*env));
    if (env == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < m; i++)
        memcpy(&env[out++], &extra[i], sizeof(*env));
    for (size_t i = 0; i < n; i++) {
        int replaced = 0;

        for (size_t k = 0; k < m && !replaced; k++) {
            const char *eq = strchr(extra[k], '=');

            replaced = eq != NULL && names(environ[i], extra[k], (size_t)(eq - extra[k]));
        }
        if (!replaced && !is_secret(environ[i]))
            env[out++] = environ[i];
    }
    return env;
}

static int pipe_pair(int fds[2], struct err *err)
{
    if (pipe(fds) != 0) {
        fds[0] = fds[1] = -1;
        return err_set_errno(err, ERR_FAILED, "cannot make a pipe");
    }
    for (int i = 0; i < 2; i++) {
        if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0)
            return err_set_errno(err, ERR_FAILED, "cannot set up a pipe");
    }
    return 0;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* At once, however many may be open: containers allow a million, which took a tenth of a second one by one. */
static int close_between(int first, int last)
{
#ifdef SYS_close_range
    return first > last ? 0 : (int)syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0U);
#else
    (void)first;
    (void)last;
    return -1;
#endif
}

/* In the child: only async-signal-safe calls.  FAIL carries errno to the parent. */
static void run_child(const struct process_options *o, char **env, int in, int out, int errs,
                      int fail, long max_fd)
{
    sigset_t none;
    char *const *argv;
    int e;

    (void)setpgid(0, 0);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
    if (in >= 0 ? dup2(in, 0) < 0 : 0)
        goto failed;
    if (in < 0) {
        int null = open("/dev/null", O_RDONLY);

        if (null < 0 || dup2(null, 0) < 0)
            goto failed;
        if (null > 0)
            (void)close(null);
    }
    if (dup2(out, 1) < 0 || (errs >= 0 && dup2(errs, 2) < 0))
        goto failed;
    if (close_between(3, fail - 1) != 0 || close_between(fail + 1, INT_MAX) != 0)
        for (int fd = 3; fd < max_fd; fd++) {
            if (fd != fail)
                (void)close(fd);
        }
    if (o->dir != NULL && chdir(o->dir) != 0)
        goto failed;
    environ = env;
    memcpy(&argv, &o->argv, sizeof(argv));
    (void)execvp(argv[0], argv);
failed:
    e = errno;
    (void)!write(fail, &e, sizeof(e));
    _exit(127);
}

/* What has come so far.  1: the pipe is at its end. */
static int drain(int fd, struct buf *b, size_t max, const char *name, struct err *err)
{
    ssize_t n;

    if (buf_reserve(b, 65536, err) != 0)
        return -1;
    n = read(fd, b->data + b->len, 65536);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN
                   ? 0
                   : err_set_errno(err, ERR_FAILED, "cannot read the output of %s", name);
    b->len += (size_t)n;
    b->data[b->len] = '\0';
    if (b->len > max)
        return err_set(err, ERR_FAILED, "%s printed more than %zu MiB", name, max >> 20);
    return n == 0;
}

/* Feed standard input.  1: all of it went (or the child closed it). */
static int feed(int fd, const struct buf *input, size_t *sent)
{
    ssize_t n;

    assert(input != NULL); /* there is a pipe only where there is something to send */
    n = write(fd, input->data + *sent, input->len - *sent);

    if (n < 0)
        return errno != EINTR && errno != EAGAIN;
    *sent += (size_t)n;
    return *sent == input->len;
}

static void kill_group(pid_t pid)
{
    int64_t until = now_ms() + GRACE_MS;

    (void)kill(-pid, SIGTERM);
    while (now_ms() < until) {
        struct timespec nap = {0, 20 * 1000 * 1000};

        if (waitpid(pid, NULL, WNOHANG) != 0) {
            (void)kill(-pid, SIGKILL); /* what the leader left behind */
            return;
        }
        (void)nanosleep(&nap, NULL);
    }
    (void)kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int too_late(const struct process_options *o, struct err *err)
{
    return err_set(err, ERR_FAILED, "%s did not finish within %lld s", o->argv[0],
                   (long long)((o->timeout_ms > 0 ? o->timeout_ms : DEFAULT_TIMEOUT_MS) / 1000));
}

/* Shall we go on waiting? */
static int check(const struct process_options *o, struct err *err)
{
    if (o->stop != NULL && *o->stop != 0)
        return err_set(err, ERR_FAILED, "%s was stopped: nobody needs its answer any more", o->argv[0]);
    return interrupt_check(err);
}

/* Its output has ended; so should it.  One that closed its output and stays is killed in time. */
static int await(const struct process_options *o, pid_t pid, int64_t deadline, int *status,
                 struct err *err)
{
    struct timespec nap = {0, 1000 * 1000};
    pid_t got;

    while ((got = waitpid(pid, status, WNOHANG)) != pid) {
        if (got < 0 && errno != EINTR)
            return err_set_errno(err, ERR_FAILED, "cannot wait for %s", o->argv[0]);
        if (check(o, err) != 0 || (now_ms() > deadline && too_late(o, err) != 0)) {
            kill_group(pid);
            return -1;
        }
        (void)nanosleep(&nap, NULL);
        if (nap.tv_nsec < 50 * 1000 * 1000)
            nap.tv_nsec *= 2;
    }
    return 0;
}

/* Read both pipes until they end.  -1: the child is still running, kill it. */
static int talk(const struct process_options *o, struct process_result *r, int *in, int *out,
                int *errs, int64_t deadline, struct err *err)
{
    size_t max = o->max_output > 0 ? o->max_output : DEFAULT_MAX_OUTPUT, sent = 0;
    int rc;

    while (*out >= 0 || *errs >= 0) {
        struct pollfd p[3] = {{*out, POLLIN, 0}, {*errs, POLLIN, 0}, {*in, POLLOUT, 0}};
        int64_t left = deadline - now_ms();

        if (check(o, err) != 0)
            return -1;
        if (left <= 0)
            return too_late(o, err);
        if (poll(p, 3, left > 200 ? 200 : (int)left) < 0 && errno != EINTR)
            return err_set_errno(err, ERR_FAILED, "cannot wait for %s", o->argv[0]);
        if (p[0].revents != 0) {
            rc = drain(*out, &r->out, max, o->argv[0], err);
            if (rc < 0)
                return -1;
            if (rc > 0)
                shut(out);
        }
        if (p[1].revents != 0) {
            rc = drain(*errs, &r->err, MAX_ERRORS, o->argv[0], err);
            if (rc < 0)
                return -1;
            if (rc > 0)
                shut(errs);
        }
        if (p[2].revents != 0 && feed(*in, o->input, &sent))
            shut(in);
    }
    return 0;
}

/* While any child runs, in whatever thread, a pipe that closes is an error and not a signal. */
static void pipes_ignored(int on)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct sigaction before;
    static int users;
    struct sigaction ignore = {0};

    ignore.sa_handler = SIG_IGN;
    (void)pthread_mutex_lock(&lock);
    if (on && users++ == 0)
        (void)sigaction(SIGPIPE, &ignore, &before);
    if (!on && --users == 0)
        (void)sigaction(SIGPIPE, &before, NULL);
    (void)pthread_mutex_unlock(&lock);
}

int process_run(const struct process_options *o, struct process_result *r, struct err *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, errs[2] = {-1, -1}, fail[2] = {-1, -1};
    long max_fd = sysconf(_SC_OPEN_MAX);
    char **env = NULL;
    pid_t pid = -1;
    int64_t deadline = now_ms() + (o->timeout_ms > 0 ? o->timeout_ms : DEFAULT_TIMEOUT_MS);
    int status = 0, rc = -1, e = 0;
    ssize_t n;

    memset(r, 0, sizeof(*r));
    if (max_fd < 0 || max_fd > 65536)
        max_fd = 65536;
    pipes_ignored(1);
    env = environment(o->env, err);
    if (env == NULL || pipe_pair(out, err) != 0 || pipe_pair(fail, err) != 0)
        goto out;
    if (!o->pass_stderr && pipe_pair(errs, err) != 0)
        goto out;
    if (o->input != NULL && o->input->len > 0) {
        if (pipe_pair(in, err) != 0)
            goto out;
        if (fcntl(in[1], F_SETFL, O_NONBLOCK) != 0) {
            (void)err_set_errno(err, ERR_FAILED, "cannot set up a pipe");
            goto out;
        }
    }
    pid = fork();
    if (pid < 0) {
        (void)err_set_errno(err, ERR_FAILED, "cannot start %s", o->argv[0]);
        goto out;
    }
    if (pid == 0)
        run_child(o, env, in[0], out[1], errs[1], fail[1], max_fd);
    (void)setpgid(pid, pid);
    shut(&in[0]);
    shut(&out[1]);
    shut(&errs[1]);
    shut(&fail[1]);
    do
        n = read(fail[0], &e, sizeof(e));
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof(e)) {
        errno = e;
        (void)err_set_errno(err, ERR_FAILED, "cannot start %s", o->argv[0]);
        if (e == ENOENT)
            err_hint(err, "is it installed, and on PATH?");
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        r->status = 127;
        goto out;
    }
    if (talk(o, r, &in[1], &out[0], &errs[0], deadline, err) != 0) {
        kill_group(pid);
        goto out;
    }
    if (await(o, pid, deadline, &status, err) != 0)
        goto out;
    r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    rc = 0;
out:
    for (int i = 0; i < 2; i++) {
        shut(&in[i]);
        shut(&out[i]);
        shut(&errs[i]);
        shut(&fail[i]);
    }
    pipes_ignored(0);
    free(env);
    if (rc != 0) {
        int code = r->status;

        process_result_free(r);
        r->status = code;
    }
    return rc;
}

void process_result_free(struct process_result *r)
{
    /* Rendered SQL may hold data. */
    buf_wipe(&r->out);
    buf_wipe(&r->err);
    r->status = 0;
}

static int add_word(char ***words, size_t *n, struct buf *word, struct err *err)
{
    char **more = realloc(*words, (*n + 2) * sizeof(*more));

    if (more == NULL)
        return err_oom(err);
    *words = more;
    more[*n] = NULL;
    more[*n + 1] = NULL;
    if (buf_reserve(word, 0, err) != 0)
        return -1;
    more[*n] = buf_take(word, err);
    if (more[*n] == NULL)
        return -1;
    (*n)++;
    return 0;
}

char **process_words(const char *command, struct err *err)
{
    struct buf word = {0};
    char **words = NULL;
    size_t n = 0;
    int in_word = 0;
    const char *p = command;

    for (; *p != '\0'; p++) {
        if (*p == ' ' || *p == '\t' || *p == '\n') {
            if (in_word && add_word(&words, &n, &word, err) != 0)
                goto failed;
            in_word = 0;
            continue;
        }
        in_word = 1;
        if (*p == '\'' || *p == '"') {
            char quote = *p++;

            for (; *p != quote; p++) {
                if (*p == '\0') {
                    (void)err_set(err, ERR_USAGE, "a quote is not closed in: %s", command);
                    goto failed;
                }
                if (quote == '"' && *p == '\\' && p[1] != '\0' && strchr("\\\"$`", p[1]) != NULL)
                    p++;
                if (buf_addc(&word, *p, err) != 0)
                    goto failed;
            }
            if (buf_reserve(&word, 0, err) != 0)
                goto failed;
        } else {
            if (*p == '\\' && p[1] != '\0')
                p++;
            if (buf_addc(&word, *p, err) != 0)
                goto failed;
        }
    }
    if (in_word && add_word(&words, &n, &word, err) != 0)
        goto failed;
    if (n == 0) {
        (void)err_set(err, ERR_USAGE, "an empty command");
        goto failed;
    }
    buf_free(&word);
    return words;
failed:
    buf_free(&word);
    process_words_free(words);
    return NULL;
}

void process_words_free(char **words)
{
    if (words == NULL)
        return;
    for (size_t i = 0; words[i] != NULL; i++)
        free(words[i]);
    free(words);
}

int process_quote(struct buf *b, const char *word, const char *bare, struct err *err)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-_=+,./:@%";

    const char *p = word;

    while (*p != '\0' && (strchr(safe, *p) != NULL || strchr(bare, *p) != NULL))
        p++;
    if (p > word && *p == '\0')
        return buf_adds(b, word, err);
    if (buf_addc(b, '\'', err) != 0)
        return -1;
    for (; *word != '\0'; word++)
        if (*word == '\'' ? buf_adds(b, "'\\''", err) != 0 : buf_addc(b, *word, err) != 0)
            return -1;
    return buf_addc(b, '\'', err);
}
