/* key and keys: lines of text, who may sign and read, where keys come from, small sealed blobs. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/key.h"
#include "backup/keys.h"
#include "backup/keysource.h"
#include "core/cli.h"
#include "core/log.h"
#include "core/outfile.h"
#include "core/secret.h"

static char dir[64];
static struct err err;

static int setup(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR);
    memset(&err, 0, sizeof(err));
    strcpy(dir, "/tmp/mig-key-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)setenv("XDG_CONFIG_HOME", dir, 1);
    (void)unsetenv("MIG_KEY");
    (void)unsetenv("MIG_KEY_FILE");
    return 0;
}

static int teardown(void **state)
{
    char command[100];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static int n;

    n = (n + 1) % 4;
    (void)snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
    return path[n];
}

/* The line, NUL-terminated, owned. */
static char *line_of(const struct key *k, const struct secret *phrase)
{
    struct key_cost cheap = {1, 64};
    struct secret *t = key_text(k, phrase, &cheap, &err);
    char *s;

    assert_non_null(t);
    s = strdup((const char *)secret_view(t));
    secret_free(t);
    return s;
}

static struct secret *say(void *context, const char *what, int confirm, struct err *e)
{
    (void)what;
    (void)confirm;
    return secret_copy(context, strlen(context), e);
}

static void test_lines(void **state)
{
    (void)state;
    for (int sign_only = 0; sign_only < 2; sign_only++) {
        struct key *k = key_generate(sign_only, &err), *again;
        char *line = line_of(k, NULL), public[KEY_PUBLIC_TEXT];
        struct key_public p;

        assert_memory_equal(line, "mig-key-", 8);
        assert_null(strpbrk(line, " \n\t"));
        again = key_parse(line, strlen(line), "test", NULL, NULL, &err);
        assert_non_null(again);
        assert_true(key_public_equal(key_public(k), key_public(again)));
        assert_int_equal(key_can_read(again), !sign_only);
        key_public_text(key_public(k), public);
        assert_memory_equal(public, "mig-pub-", 8);
        assert_int_equal(key_public_parse(public, &p, &err), 0);
        assert_true(key_public_equal(&p, key_public(k)));
        assert_int_equal(key_public_can_read(&p), !sign_only);
        /* Each character matters. */
        for (size_t i = 8; i < strlen(line); i++) {
            char was = line[i];

            line[i] = was == 'A' ? 'B' : 'A';
            assert_null(key_parse(line, strlen(line), "test", NULL, NULL, &err));
            assert_int_equal(err.kind, ERR_USAGE);
            assert_null(strstr(err.message, line + 8)); /* never shown */
            err_clear(&err);
            line[i] = was;
        }
        assert_null(key_parse(line, strlen(line) - 1, "test", NULL, NULL, &err));
        err_clear(&err);
        assert_null(key_parse(public, strlen(public), "test", NULL, NULL, &err));
        assert_non_null(strstr(err.message, "public key"));
        err_clear(&err);
        assert_int_equal(key_public_parse(line, &p, &err), -1);
        assert_null(strstr(err.message, line + 8));
        assert_null(strstr(err.hint, line + 8));
        err_clear(&err);
        free(line);
        key_free(k);
        key_free(again);
    }
    assert_null(key_parse("", 0, "test", NULL, NULL, &err));
    assert_non_null(strstr(err.message, "empty"));
    key_free(NULL);
}

static void test_protected(void **state)
{
    struct key *k = key_generate(0, &err), *again;
    struct secret *phrase = secret_copy("horse", 5, &err);
    char *line = line_of(k, phrase), right[] = "horse", wrong[] = "house";

    (void)state;
    again = key_parse(line, strlen(line), "test", say, right, &err);
    assert_non_null(again);
    assert_true(key_public_equal(key_public(k), key_public(again)));
    assert_null(key_parse(line, strlen(line), "test", say, wrong, &err));
    assert_int_equal(err.kind, ERR_BACKUP);
    assert_non_null(strstr(err.message, "passphrase does not open"));
    err_clear(&err);
    assert_null(key_parse(line, strlen(line), "test", NULL, NULL, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    free(line);
    secret_free(phrase);
    key_free(k);
    key_free(again);
}

static void test_sign_and_seal(void **state)
{
    struct key *a = key_generate(0, &err), *b = key_generate(0, &err), *s = key_generate(1, &err);
    unsigned char sig[64], sealed[5 + KEY_SEALED], out[5];

    (void)state;
    key_sign(a, "hello", 5, sig);
    assert_int_equal(key_verify(key_public(a)->sign, "hello", 5, sig), 0);
    assert_int_equal(key_verify(key_public(a)->sign, "hellp", 5, sig), -1);
    assert_int_equal(key_verify(key_public(b)->sign, "hello", 5, sig), -1);
    assert_int_equal(key_public_seal(key_public(a), sealed, (const unsigned char *)"hello", 5), 0);
    assert_int_equal(key_unseal(a, out, sealed, 5), 0);
    assert_memory_equal(out, "hello", 5);
    assert_int_equal(key_unseal(b, out, sealed, 5), -1);
    assert_int_equal(key_unseal(s, out, sealed, 5), -1);
    assert_int_equal(key_public_seal(key_public(s), sealed, (const unsigned char *)"hello", 5), -1);
    key_free(a);
    key_free(b);
    key_free(s);
}

static void write_key(const char *name, const struct key *k)
{
    char *line = line_of(k, NULL);

    assert_int_equal(outfile_write_whole(in_dir(name), line, strlen(line), &err), 0);
    free(line);
}

/* Which key a keyring signs with. */
static void loads(const struct cli_common *c, const struct key *expected)
{
    struct keyring *r = keyring_load(c, NULL, &err);

    if (r == NULL)
        fail_msg("%s", err.message);
    if (expected == NULL)
        assert_null(keyring_signer(r));
    else
        assert_true(key_public_equal(key_public(keyring_signer(r)), key_public(expected)));
    keyring_free(r);
}

static void test_where_keys_come_from(void **state)
{
    struct key *flag = key_generate(0, &err), *env = key_generate(0, &err), *file = key_generate(0, &err),
               *home = key_generate(0, &err), *command = key_generate(0, &err);
    struct cli_common none = {0}, c = {0};
    const char *paths[1];
    char *line = line_of(env, NULL), run[160];

    (void)state;
    loads(&none, NULL);
    assert_int_equal(mkdir(in_dir("mig"), 0700), 0);
    write_key("mig/key", home);
    loads(&none, home);
    write_key("file", file);
    (void)setenv("MIG_KEY_FILE", in_dir("file"), 1);
    loads(&none, file);
    (void)setenv("MIG_KEY", line, 1);
    loads(&none, env);
    write_key("flag", flag);
    write_key("command", command);
    (void)snprintf(run, sizeof(run), "cat '%s'", in_dir("command"));
    c.key_command = run;
    loads(&c, command);
    paths[0] = in_dir("flag");
    c.key = (struct cli_list){paths, 1};
    loads(&c, flag);
    free(line);
    key_free(flag);
    key_free(env);
    key_free(file);
    key_free(home);
    key_free(command);
}

static void refuses(const struct cli_common *c, const char *word)
{
    assert_null(keyring_load(c, NULL, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    if (strstr(err.message, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, err.message);
    err_clear(&err);
}

static void test_key_files(void **state)
{
    struct key *k = key_generate(0, &err);
    struct cli_common c = {0};
    const char *paths[] = {in_dir("k")};

    (void)state;
    c.key = (struct cli_list){paths, 1};
    refuses(&c, "cannot open");
    write_key("k", k);
    assert_int_equal(chmod(paths[0], 0620), 0);
    refuses(&c, "can be written by others");
    assert_int_equal(chmod(paths[0], 0602), 0);
    refuses(&c, "can be written by others");
    assert_int_equal(chmod(paths[0], 0644), 0);
    loads(&c, k); /* and warned about */
    assert_int_equal(chmod(paths[0], 0400), 0);
    loads(&c, k);
    c.key_command = "false";
    c.key.count = 0;
    refuses(&c, "failed");
    c.key_command = "/nonexistent/command";
    assert_null(keyring_load(&c, NULL, &err));
    key_free(k);
}

static void test_recipients_and_trust(void **state)
{
    struct key *a = key_generate(0, &err), *b = key_generate(0, &err), *s = key_generate(1, &err);
    char pub_a[KEY_PUBLIC_TEXT], pub_b[KEY_PUBLIC_TEXT], pub_s[KEY_PUBLIC_TEXT], list[512];
    struct keyring *r = keyring_new(&err);

    (void)state;
    key_public_text(key_public(a), pub_a);
    key_public_text(key_public(b), pub_b);
    key_public_text(key_public(s), pub_s);
    assert_int_equal(keyring_can_write(r, &err), -1);
    assert_non_null(strstr(err.message, "no key to sign"));
    err_clear(&err);
    assert_int_equal(keyring_can_read(r, &err), -1);
    err_clear(&err);
    assert_int_equal(keyring_add_key(r, s, &err), 0);
    assert_int_equal(keyring_can_write(r, &err), -1);
    assert_non_null(strstr(err.message, "signs only"));
    err_clear(&err);
    assert_int_equal(keyring_can_read(r, &err), -1);
    err_clear(&err);
    assert_int_equal(keyring_add_recipient(r, pub_s, &err), -1);
    assert_non_null(strstr(err.message, "signing only"));
    err_clear(&err);
    assert_int_equal(keyring_add_recipient(r, "mig-pub-nonsense", &err), -1);
    err_clear(&err);
    (void)snprintf(list, sizeof(list), "# who may read\n\n%s  alice\n  %s\n", pub_a, pub_b);
    assert_int_equal(outfile_write_whole(in_dir("list"), list, strlen(list), &err), 0);
    assert_int_equal(keyring_add_recipient(r, in_dir("list"), &err), 0);
    assert_int_equal(keyring_add_recipient(r, pub_a, &err), 0); /* twice is once */
    assert_true(key_public_equal(keyring_recipient(r, 0), key_public(a)));
    assert_true(key_public_equal(keyring_recipient(r, 1), key_public(b)));
    assert_null(keyring_recipient(r, 2));
    assert_int_equal(keyring_can_write(r, &err), 0);
    assert_true(keyring_trusts(r, key_public(s)->sign));
    assert_false(keyring_trusts(r, key_public(b)->sign)); /* a reader is no signer */
    assert_int_equal(keyring_add_trust(r, pub_b, &err), 0);
    assert_true(keyring_trusts(r, key_public(b)->sign));
    assert_int_equal(chmod(in_dir("list"), 0666), 0);
    assert_int_equal(keyring_add_trust(r, in_dir("list"), &err), -1);
    assert_non_null(strstr(err.message, "written by others"));
    keyring_free(r);
    keyring_free(NULL);
    key_free(a);
    key_free(b);
}

static void test_blobs(void **state)
{
    struct keyring *r = keyring_new(&err), *other = keyring_new(&err);
    unsigned char *blob, *out;
    size_t len, n;
    char pub[KEY_PUBLIC_TEXT];

    (void)state;
    assert_int_equal(keyring_add_key(r, key_generate(0, &err), &err), 0);
    assert_int_equal(keyring_add_key(other, key_generate(0, &err), &err), 0);
    assert_int_equal(keyring_seal(r, "the plan", 8, &blob, &len, &err), 0);
    assert_null(memmem(blob, len, "the plan", 8));
    assert_int_equal(keyring_open(r, blob, len, &out, &n, &err), 0);
    assert_int_equal(n, 8);
    assert_memory_equal(out, "the plan", 8);
    free(out);
    for (size_t i = 0; i < len; i++) {
        blob[i] ^= 1;
        assert_int_equal(keyring_open(r, blob, len, &out, &n, &err), -1);
        assert_int_equal(err.kind, ERR_BACKUP);
        err_clear(&err);
        blob[i] ^= 1;
        assert_int_equal(keyring_open(r, blob, i, &out, &n, &err), -1);
        err_clear(&err);
    }
    assert_int_equal(keyring_open(other, blob, len, &out, &n, &err), -1);
    assert_non_null(strstr(err.message, "wrong key"));
    err_clear(&err);
    free(blob);
    /* For us, by a stranger. */
    key_public_text(key_public(keyring_key(r, 0)), pub);
    assert_int_equal(keyring_add_recipient(other, pub, &err), 0);
    assert_int_equal(keyring_seal(other, "x", 1, &blob, &len, &err), 0);
    assert_int_equal(keyring_open(r, blob, len, &out, &n, &err), -1);
    assert_non_null(strstr(err.message, "not trusted"));
    free(blob);
    keyring_free(r);
    keyring_free(other);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_lines), T(test_protected), T(test_sign_and_seal), T(test_where_keys_come_from),
        T(test_key_files), T(test_recipients_and_trust), T(test_blobs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
