/* kept, saved, outline, view, fate: a plan in a file and a run in the journal, without a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/key.h"
#include "backup/keys.h"
#include "core/cli.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "rollback/fate.h"
#include "rollback/guard.h"
#include "rollback/kept.h"
#include "rollback/outline.h"
#include "rollback/saved.h"
#include "rollback/view.h"
#include "script/effect.h"
#include "script/statement.h"

static char folder[] = "/tmp/mig-kept.XXXXXX";
static struct keyring *keys, *other;
static struct plan *plan;
static struct err err;

static const char *path_of(const char *name)
{
    static char path[96];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static struct keyring *new_ring(void)
{
    struct keyring *k = keyring_new(&err);

    assert_int_equal(keyring_add_key(k, key_generate(0, &err), &err), 0);
    return k;
}

static struct plan *plan_of(const char *sql)
{
    char path[96];
    const char *files[] = {path};
    struct plan_request r = {.direction = PLAN_SQL, .sql_files = files, .nsql_files = 1};
    struct plan *p;
    FILE *f;

    snprintf(path, sizeof(path), "%s", path_of("x.sql"));
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(sql, f);
    fclose(f);
    p = plan_make(&r, NULL, &err);
    unlink(path);
    assert_non_null(p);
    return p;
}

static void test_round_trip(void **state)
{
    json_t *json = kept_plan(plan, &err), *opened;
    char *sealed = kept_seal(json, keys, &err);
    struct plan *again;

    assert_non_null(sealed);
    assert_null(strstr(sealed, "users")); /* encrypted */
    opened = kept_open(sealed, keys, &err);
    assert_non_null(opened);
    assert_true(json_equal(json, opened));
    again = kept_read(opened, &err);
    assert_non_null(again);
    assert_string_equal(again->digest, plan->digest);
    assert_int_equal(again->direction, PLAN_SQL);
    assert_int_equal(again->nsteps, 1);
    assert_string_equal(again->steps[0].script->text, plan->steps[0].script->text);
    assert_string_equal(again->steps[0].revision, plan->steps[0].revision);
    assert_int_equal(again->steps[0].effects->count, plan->steps[0].effects->count);
    assert_int_equal(again->steps[0].effects->items[0].kind, EFFECT_DROP_COLUMN);
    assert_non_null(again->from); /* an empty list, not none */
    assert_null(again->from[0]);
    plan_free(again);
    json_decref(opened);
    json_decref(json);
    free(sealed);
}

static void not_opened(const char *sealed, const struct keyring *with)
{
    memset(&err, 0, sizeof(err));
    assert_null(kept_open(sealed, with, &err));
    assert_int_equal(err.kind, ERR_BACKUP);
    assert_true(err.message[0] != '\0');
}

static void test_not_ours(void **state)
{
    json_t *json = kept_plan(plan, &err);
    char *sealed = kept_seal(json, keys, &err);
    size_t len;

    assert_non_null(sealed);
    len = strlen(sealed);
    not_opened(sealed, other);
    not_opened("", keys);
    not_opened("no base64!", keys);
    for (size_t at = 0; at + 4 < len; at += len / 16) { /* anywhere */
        char was = sealed[at];

        sealed[at] = was == 'A' ? 'B' : 'A';
        not_opened(sealed, keys);
        sealed[at] = was;
    }
    sealed[len - len % 4 - 8] = '\0'; /* cut */
    not_opened(sealed, keys);
    json_decref(json);
    free(sealed);
    memset(&err, 0, sizeof(err));
    json = json_pack("{s:[], s:[]}", "from", "to"); /* no steps */
    assert_null(kept_read(json, &err));
    assert_int_equal(err.kind, ERR_BACKUP);
    json_decref(json);
    /* What is not UTF-8 is refused, not kept without its SQL. */
    memset(&err, 0, sizeof(err));
    {
        char latin[] = "SELECT '\xe9'", *was = plan->steps[0].script->text;

        plan->steps[0].script->text = latin;
        assert_null(kept_plan(plan, &err));
        plan->steps[0].script->text = was;
        assert_non_null(strstr(err.message, "not UTF-8"));
    }
}

static void test_saved(void **state)
{
    struct rollback_request request = {.keys = keys};
    struct guard g = {.request = &request, .plan = plan, .reverse = plan, .digest = "d1"};
    struct saved s;
    char path[96];
    FILE *f;

    memset(&err, 0, sizeof(err));
    snprintf(path, sizeof(path), "%s", path_of("plan"));
    assert_int_equal(saved_write(path, &g, &err), 0);
    assert_int_equal(saved_read(path, keys, &s, &err), 0);
    assert_string_equal(s.digest, "d1");
    assert_string_equal(s.plan->digest, plan->digest);
    assert_non_null(s.reverse);
    plan_free(s.plan);
    plan_free(s.reverse);
    assert_int_equal(saved_read(path, other, &s, &err), -1);
    assert_int_equal(err.kind, ERR_BACKUP);
    assert_non_null(strstr(err.message, path));
    assert_null(s.plan);
    f = fopen(path, "r+");
    assert_non_null(f);
    fputs("mig-plan-2\n", f); /* of a later version */
    fclose(f);
    memset(&err, 0, sizeof(err));
    assert_int_equal(saved_read(path, keys, &s, &err), -1);
    assert_int_equal(err.kind, ERR_BACKUP);
    assert_non_null(strstr(err.message, "is not a saved plan"));
    unlink(path);
    memset(&err, 0, sizeof(err));
    g.reverse = NULL; /* no way forward is known: that is kept, too */
    assert_int_equal(saved_write(path, &g, &err), 0);
    assert_int_equal(saved_read(path, keys, &s, &err), 0);
    assert_null(s.reverse);
    plan_free(s.plan);
    unlink(path);
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void test_outline(void **state)
{
    static char a[] = "a1", b[] = "b2", file[] = "b2.py", message[] = "words", why[] = "it raises";
    char *from[] = {a, b, NULL}, *to[] = {NULL};
    struct plan_step step = {.revision = b, .file = file, .message = message, .before = from, .after = to,
                             .irreversible = 1, .irreversible_why = why, .autocommit = 9};
    struct plan p = {.direction = PLAN_DOWN, .from = from, .to = to, .steps = &step, .nsteps = 1};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *json = outline_json(&p, &err);
    const json_t *one;

    assert_non_null(out);
    outline_text(&p, out);
    fclose(out);
    has(text, "a1, b2 -> base   1 step, from");
    has(text, "no way back: it raises\n");
    has(text, "leaves the transaction: line 9\n");
    has(text, "what it would lose is not known\n");
    free(text);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "unknown"); /* nothing was read */
    one = json_array_get(json_object_get(json, "steps"), 0);
    assert_true(json_is_false(json_object_get(one, "transactional")));
    assert_true(json_is_null(json_object_get(one, "statements")));
    assert_string_equal(json_string_value(json_object_get(one, "irreversible")), "it raises");
    assert_int_equal(json_array_size(json_object_get(one, "before")), 2);
    json_decref(json);
}

static void test_outcome(void **state)
{
    static const char *const names[] = {"committed", "rolled-back", "not-started", "partial", "unknown"};
    struct outcome_report r = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *json;

    for (int i = OUTCOME_COMMITTED; i <= OUTCOME_UNKNOWN; i++)
        assert_string_equal(outcome_name((enum outcome)i), names[i]);
    assert_int_equal(strings_dup(&r.run, "r1", &err), 0);
    r.outcome = OUTCOME_PARTIAL;
    r.running = 1;
    assert_int_equal(strings_add(&r.notes, "n1", &err), 0);
    r.tables = json_pack("[{s:s, s:i, s:i, s:i, s:b}]", "name", "s.t", "rows", 3, "inserted", 2, "updated", 1,
                         "digest_equal", 0);
    assert_non_null(out);
    view_outcome(&r, out);
    fclose(out);
    has(text, "Run:     r1 (rollback)\nOutcome: still running, so far partial\n");
    has(text, "  s.t: 3 rows in the backup, 2 inserted, 1 updated\n"); /* nothing of an equal digest */
    has(text, "Note:    n1\n");
    free(text);
    json = view_outcome_json(&r, &err);
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "mig-rollback/1");
    assert_string_equal(json_string_value(json_object_get(json, "outcome")), "partial");
    assert_true(json_is_true(json_object_get(json, "running")));
    assert_true(json_is_null(json_object_get(json, "next")));
    assert_int_equal(json_array_size(json_object_get(json, "notes")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "tables")), 1);
    json_decref(json);
    outcome_free(&r);
}

/* The journal of a dead run: "begin" with SEGMENTS, then STEPS ("done:0", "outcome:unknown", ...). */
static void fate_of(struct fate *f, int segments, const char *const *steps)
{
    static struct cli_common common;
    static struct rollback_request request = {.common = &common};
    struct guard g = {.request = &request, .state_dir = folder, .key = (char[]){"1-2"}};
    struct journal *j;
    char run[64];

    memset(&err, 0, sizeof(err));
    assert_non_null(j = journal_create(folder, "1-2", &err));
    snprintf(run, sizeof(run), "%s", journal_run(j));
    assert_int_equal(journal_write(j, "begin", json_pack("{s:s, s:[s], s:[], s:i, s:i}", "kind", "rollback", "from",
                                                         "b2", "to", "segments", segments, "undo", UNDO_EXACT),
                                   &err), 0);
    for (; *steps != NULL; steps++) {
        char word[32];
        const char *colon = strchr(*steps, ':');
        json_t *entry = NULL;

        snprintf(word, sizeof(word), "%.*s", (int)strcspn(*steps, ":"), *steps);
        if (strcmp(word, "done") == 0 && colon != NULL)
            entry = json_pack("{s:i}", "segment", atoi(colon + 1));
        else if (strcmp(word, "undone") == 0 && colon != NULL)
            entry = json_pack("{s:s}", "by", colon + 1);
        else if (colon != NULL)
            entry = json_pack("{s:s}", word, colon + 1);
        assert_int_equal(journal_write(j, word, entry, &err), 0);
    }
    journal_free(j);
    if (fate_read(&g, run, f, &err) != 0)
        fail_msg("%s", err.message);
}

static void test_fate(void **state)
{
    static const struct {
        const char *steps[5];
        int segments;
        enum outcome outcome;
        const char *next; /* the command, or NULL */
    } cases[] = {
        {{NULL}, 1, OUTCOME_NOT_STARTED, NULL},
        {{"done:0"}, 1, OUTCOME_COMMITTED, " undo "},
        {{"done:0"}, 3, OUTCOME_PARTIAL, " resume "},
        {{"done:0", "done:1", "done:2"}, 3, OUTCOME_COMMITTED, " undo "},
        {{"alone"}, 2, OUTCOME_PARTIAL, " resume "}, /* begun outside of a transaction: nobody knows */
        {{"alone", "done:0"}, 1, OUTCOME_COMMITTED, " undo "},
        {{"outcome:rolled-back"}, 1, OUTCOME_ROLLED_BACK, NULL},
        {{"done:0", "outcome:partial"}, 2, OUTCOME_PARTIAL, " resume "},
        /* somebody went on since: what was written then no longer holds */
        {{"done:0", "outcome:partial", "resume", "done:1"}, 2, OUTCOME_COMMITTED, " undo "},
        /* undone: not a second time */
        {{"done:0", "outcome:committed", "undone:r9"}, 1, OUTCOME_COMMITTED, NULL},
        /* a word that is no outcome is not believed */
        {{"outcome:splendid"}, 1, OUTCOME_NOT_STARTED, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fate f;

        fate_of(&f, cases[i].segments, cases[i].steps);
        if (f.report.outcome != cases[i].outcome)
            fail_msg("case %zu: %s", i, outcome_name(f.report.outcome));
        assert_string_equal(f.report.from, "b2");
        assert_string_equal(f.report.to, "base");
        if ((f.report.next == NULL) != (cases[i].next == NULL))
            fail_msg("case %zu: next is %s", i, f.report.next != NULL ? f.report.next : "nothing");
        if (cases[i].next != NULL)
            has(f.report.next, cases[i].next);
        fate_free(&f);
    }
}

/* What was found out is written, so that the next who asks need not. */
static void test_settled(void **state)
{
    static const char *const steps[] = {"done:0", NULL};
    struct journal_record *r;
    struct fate f;

    fate_of(&f, 1, steps);
    r = journal_read(folder, "1-2", f.report.run, &err);
    assert_non_null(r);
    assert_string_equal(json_string_value(json_object_get(journal_last(r, "outcome"), "outcome")), "committed");
    assert_true(json_is_true(json_object_get(journal_last(r, "outcome"), "settled")));
    journal_record_free(r);
    fate_free(&f);
}

static int setup(void **state)
{
    log_init("test", LOG_ERROR);
    if (mkdtemp(folder) == NULL)
        return -1;
    keys = new_ring();
    other = new_ring();
    plan = plan_of("ALTER TABLE users DROP COLUMN phone;\nDELETE FROM users;\n");
    return 0;
}

static int teardown(void **state)
{
    char command[100];

    plan_free(plan);
    keyring_free(keys);
    keyring_free(other);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_not_ours), cmocka_unit_test(test_saved),
        cmocka_unit_test(test_outline),    cmocka_unit_test(test_outcome),  cmocka_unit_test(test_fate),
        cmocka_unit_test(test_settled),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
