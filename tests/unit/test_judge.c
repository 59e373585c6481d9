/* judge, offline: the verdict's precedence, mig:ignore, exemptions, locks, JSON, the detectors by text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "script/statement.h"
#include "validate/hazard.h"
#include "validate/judge.h"

static char folder[] = "/tmp/mig-judge.XXXXXX";
static struct plan *plan;
static struct judgement *j;
static struct judge_options o;
static struct err err;

static const char *path_of(const char *name)
{
    static char path[96];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void forget(void)
{
    judgement_free(j);
    plan_free(plan);
    j = NULL;
    plan = NULL;
    memset(&err, 0, sizeof(err));
}

static enum judge_verdict judge(const char *sql)
{
    char path[96];
    const char *files[] = {path};
    struct plan_request r = {.direction = PLAN_SQL, .sql_files = files, .nsql_files = 1};

    forget();
    snprintf(path, sizeof(path), "%s", path_of("x.sql"));
    write_file(path, sql);
    if ((plan = plan_make(&r, NULL, &err)) == NULL || (j = judge_run(plan, NULL, &o, &err)) == NULL)
        fail_msg("%s: %s", sql, err.message);
    return j->verdict;
}

static const struct finding *found(const char *code)
{
    for (size_t i = 0; i < j->nfindings; i++)
        if (strcmp(j->findings[i].code, code) == 0)
            return &j->findings[i];
    return NULL;
}

/* It must be there. */
static const struct finding *the(const char *code)
{
    static const struct finding none;
    const struct finding *f = found(code);

    assert_non_null(f);
    return f != NULL ? f : &none;
}

static void test_precedence(void **state)
{
    static const char harmless[] = "SET lock_timeout = '1s'; SET statement_timeout = '1s';";

    memset(&o, 0, sizeof(o));
    assert_int_equal(judge(harmless), JUDGE_SAFE);
    assert_null(j->why_unknown);
    assert_int_equal(judge("DO $$ BEGIN PERFORM 1; END $$;"), JUDGE_UNKNOWN);
    assert_non_null(j->why_unknown);
    /* Offline the old type is not known; as text every value reads the same. */
    (void)judge("ALTER TABLE t ALTER c TYPE text;");
    assert_null(found("lossy-cast"));
    assert_null(found("cast-failure"));
    (void)judge("ALTER TABLE t ALTER c TYPE varchar(10);");
    assert_non_null(found("lossy-cast"));
    (void)judge("ALTER TABLE t ALTER c TYPE text USING left(c, 3);");
    assert_non_null(found("lossy-cast"));
    assert_int_equal(judge("DROP TABL users;"), JUDGE_UNKNOWN); /* did not parse: never safe */
    assert_non_null(found("unparsed"));
    /* What is known to be unsafe is not hidden behind what is not known. */
    assert_int_equal(judge("DO $$ BEGIN PERFORM 1; END $$; DROP TABLE users;"), JUDGE_UNSAFE);
    /* The threshold decides: drop-not-null is medium. */
    assert_int_equal(judge("ALTER TABLE t ALTER c DROP NOT NULL;"), JUDGE_SAFE);
    o.fail_on = SEVERITY_MEDIUM;
    assert_int_equal(judge("ALTER TABLE t ALTER c DROP NOT NULL;"), JUDGE_UNSAFE);
    o.fail_on = SEVERITY_CRITICAL;
    assert_int_equal(judge("ALTER TABLE t RENAME TO u;"), JUDGE_SAFE); /* high */
    assert_int_equal(judge("DROP TABLE users;"), JUDGE_UNSAFE);
    /* A zeroed limit is no limit, and a limit alone finds nothing where nothing was counted. */
    memset(&o, 0, sizeof(o));
    o.max_loss_rows = 0;
    o.limit_loss = 1;
    assert_int_equal(judge(harmless), JUDGE_SAFE);
    memset(&o, 0, sizeof(o));
}

/* --no-sql: a step that nobody has read is not safe; one without a way back is a finding. */
static void test_unread(void **state)
{
    struct plan_step step = {.revision = (char[]){"abc"}, .file = (char[]){"abc.py"}};
    struct plan p = {.direction = PLAN_UP, .steps = &step, .nsteps = 1};

    forget();
    assert_non_null(j = judge_run(&p, NULL, &o, &err));
    assert_int_equal(j->verdict, JUDGE_UNKNOWN);
    assert_non_null(strstr(j->why_unknown, "abc"));
    judgement_free(j);
    p.direction = PLAN_DOWN;
    step.irreversible = 1;
    step.irreversible_why = (char[]){"pass"};
    assert_non_null(j = judge_run(&p, NULL, &o, &err));
    assert_int_equal(j->verdict, JUDGE_UNSAFE);
    assert_non_null(found("irreversible"));
    forget();
}

static void test_ignore(void **state)
{
    assert_int_equal(judge("-- mig:ignore drop-table moved to archive\nDROP TABLE a;"), JUDGE_SAFE);
    assert_string_equal(the("drop-table")->ignored, "moved to archive");
    assert_int_equal(strings_count(j->unused_ignores), 0);
    assert_int_equal(judge("/* mig:ignore DROP_TABLE  why not */ DROP TABLE a;"), JUDGE_SAFE);
    assert_string_equal(the("drop-table")->ignored, "why not");
    assert_int_equal(judge("DROP -- mig:ignore drop-table inside\n TABLE a;"), JUDGE_SAFE);
    /* The next statement, and only that. */
    assert_int_equal(judge("-- mig:ignore drop-table this\nDROP TABLE a;\nDROP TABLE b;"), JUDGE_UNSAFE);
    assert_int_equal(judge("DROP TABLE a;\n-- mig:ignore drop-table this\nSELECT 1;"), JUDGE_UNSAFE);
    assert_int_equal(judge("-- mig:ignore-file drop-table all\nDROP TABLE a;\nDROP TABLE b;"), JUDGE_SAFE);
    /* Another hazard's word helps nothing, and is told. */
    assert_int_equal(judge("SELECT 1;\n\n-- mig:ignore drop-column no\nDROP TABLE a;"), JUDGE_UNSAFE);
    assert_int_equal(strings_count(j->unused_ignores), 1);
    assert_non_null(strstr(j->unused_ignores[0], "x.sql:3: drop-column"));
    /* Without a reason, with a code that is none, as a part of a word, or in a string: not heeded. */
    assert_int_equal(judge("-- mig:ignore drop-table\nDROP TABLE a;"), JUDGE_UNSAFE);
    assert_int_equal(judge("-- mig:ignore drop-table   \nDROP TABLE a;"), JUDGE_UNSAFE);
    assert_int_equal(judge("/* mig:ignore drop-table */ DROP TABLE a;"), JUDGE_UNSAFE);
    assert_int_equal(judge("-- mig:ignore drop because\nDROP TABLE a;"), JUDGE_UNSAFE);
    assert_int_equal(judge("-- mig:ignored drop-table because\nDROP TABLE a;"), JUDGE_UNSAFE);
    assert_int_equal(judge("SELECT '-- mig:ignore-file drop-table because'; DROP TABLE a;"), JUDGE_UNSAFE);
    /* What cannot be judged can be vouched for, too. */
    assert_int_equal(judge("-- mig:ignore opaque read it\nDO $$ BEGIN PERFORM 1; END $$;"), JUDGE_SAFE);
    o.no_ignore = 1;
    assert_int_equal(judge("-- mig:ignore drop-table moved\nDROP TABLE a;"), JUDGE_UNSAFE);
    o.no_ignore = 0;
}

/* With mig.json's EXEMPT. */
static int judge_exempt(const char *exempt, const char *sql)
{
    char text[256];
    struct config *c;
    int verdict = -1;

    forget();
    snprintf(text, sizeof(text), "{\"validate\": {\"exempt\": %s}}", exempt);
    write_file(path_of("mig.json"), text);
    c = config_load(path_of("mig.json"), &err);
    if (c == NULL)
        return -1;
    o.config = c;
    {
        char path[96];
        const char *files[] = {path};
        struct plan_request r = {.direction = PLAN_SQL, .sql_files = files, .nsql_files = 1};

        snprintf(path, sizeof(path), "%s", path_of("x.sql"));
        write_file(path, sql);
        assert_non_null(plan = plan_make(&r, NULL, &err));
        if ((j = judge_run(plan, NULL, &o, &err)) != NULL)
            verdict = (int)j->verdict;
    }
    o.config = NULL;
    config_free(c);
    return verdict;
}

static void test_exempt(void **state)
{
    static const char *const wrong[] = {
        "[{\"code\": \"drop-table\", \"object\": 5, \"reason\": \"r\"}]",
        "[{\"code\": \"drop-table\", \"object\": [\"public.b\"], \"reason\": \"r\"}]",
        "[{\"code\": \"drop-table\", \"objcet\": \"public.b\", \"reason\": \"r\"}]",
        "[{\"code\": \"drop-tabel\", \"reason\": \"r\"}]",
        "[{\"object\": \"public.b\", \"reason\": \"r\"}]",
        "[{\"code\": \"drop-table\"}]",
        "[{\"code\": \"drop-table\", \"reason\": \"\"}]",
        "[\"drop-table\"]",
    };

    assert_int_equal(judge_exempt("[{\"code\": \"drop_table\", \"object\": \"public.a\", \"reason\": \"r\"}]",
                                  "DROP TABLE public.a;"), JUDGE_SAFE);
    assert_string_equal(the("drop-table")->ignored, "r");
    assert_int_equal(judge_exempt("[{\"code\": \"drop-table\", \"object\": \"public.a\", \"reason\": \"r\"}]",
                                  "DROP TABLE public.a; DROP TABLE public.b;"), JUDGE_UNSAFE);
    assert_int_equal(judge_exempt("[{\"code\": \"drop-table\", \"reason\": \"r\"}]", "DROP TABLE public.a;"),
                     JUDGE_SAFE);
    /* An entry that says something else than was meant exempts nothing: it is refused. */
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (judge_exempt(wrong[i], "DROP TABLE public.a;") != -1)
            fail_msg("%s was taken", wrong[i]);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.message, "validate.exempt"));
    }
    unlink(path_of("mig.json"));
}

/* CODES must be found in SQL; with '!' in front they must not. */
static void test_detectors(void **state)
{
    static const struct {
        const char *sql;
        int version;
        const char *codes[5];
    } cases[] = {
        /* locks */
        {"CREATE INDEX i ON t (a);", 0, {"create-index"}},
        {"CREATE INDEX CONCURRENTLY i ON t (a);", 0, {"!create-index", "not-in-transaction", "not-rerunnable"}},
        {"BEGIN; SELECT 1; COMMIT; CREATE INDEX CONCURRENTLY i ON t (a);", 0,
         {"!create-index", "!not-in-transaction", "not-rerunnable"}},
        {"BEGIN; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT;", 0, {"not-in-transaction"}},
        {"CREATE TABLE t (a int); CREATE INDEX i ON t (a);", 0, {"!create-index"}},
        {"ALTER TABLE t ADD COLUMN a int DEFAULT 1;", 100000, {"add-column-default"}},
        {"ALTER TABLE t ADD COLUMN a int DEFAULT 1;", 110000, {"!add-column-default", "!add-column-volatile-default"}},
        {"ALTER TABLE t ADD COLUMN a float DEFAULT random();", 150000, {"add-column-volatile-default"}},
        {"ALTER TABLE t ADD COLUMN a timestamptz DEFAULT now();", 150000, {"!add-column-volatile-default"}},
        {"ALTER TABLE t ADD COLUMN a bigserial;", 0, {"add-serial-column"}},
        {"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;", 0, {"!add-check"}},
        {"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);", 0, {"add-check"}},
        {"BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c; COMMIT;",
         0, {"validate-in-same-transaction"}},
        {"ALTER TABLE t ADD UNIQUE (a);", 0, {"add-unique"}},
        {"ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX i;", 0, {"!add-unique"}},
        {"VACUUM FULL t;", 0, {"vacuum-full"}},
        {"VACUUM t;", 0, {"!vacuum-full"}},
        /* loss */
        {"ALTER TABLE t DROP COLUMN a;", 0, {"drop-column", "!drop-and-add-column"}},
        {"ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN b int;", 0, {"drop-and-add-column"}},
        {"DROP TABLE t; CREATE TABLE t (a int);", 0, {"drop-and-recreate"}},
        {"TRUNCATE t CASCADE;", 0, {"truncate-cascade"}},
        {"INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2;", 0, {"merge-rows"}},
        {"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING;", 0, {"!merge-rows"}},
        {"DELETE FROM t WHERE a = 1;", 0, {"delete-rows", "!update-rows"}},
        {"WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d;", 0, {"delete-rows"}},
        /* casts */
        {"ALTER TABLE t ALTER a TYPE int;", 0, {"type-change", "lossy-cast", "cast-failure"}},
        {"CREATE TABLE t (a text); ALTER TABLE t ALTER a TYPE int;", 0, {"!type-change", "!lossy-cast"}},
        {"ALTER TYPE e RENAME VALUE 'x' TO 'y';", 0, {"rename-enum-value", "!enum-value-position"}},
        /* data */
        {"ALTER TABLE t ADD COLUMN a int NOT NULL;", 0, {"add-required-column"}},
        {"ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0;", 0, {"!add-required-column"}},
        /* running code */
        {"ALTER TABLE t RENAME COLUMN a TO b;", 0, {"rename-column", "!rename-table"}},
        {"ALTER TYPE e ADD VALUE 'x';", 0, {"enum-value-position"}},
        {"ALTER TYPE e ADD VALUE 'x' BEFORE 'y';", 0, {"!enum-value-position"}},
        {"BEGIN; ALTER TYPE e ADD VALUE 'x' BEFORE 'y'; SELECT 1; COMMIT;", 110000, {"enum-value-in-transaction"}},
        /* 11: a default that is not volatile is no rewrite; 12: a valid CHECK proves NOT NULL */
        {"ALTER TABLE t ADD COLUMN a int DEFAULT 1;", 100000, {"add-column-default"}},
        {"ALTER TABLE t ADD COLUMN a int DEFAULT 1;", 110000, {"!add-column-default", "!add-column-volatile-default"}},
        {"ALTER TABLE t ADD COLUMN a timestamptz DEFAULT now();", 110000, {"!add-column-volatile-default"}},
        {"ALTER TABLE t ADD COLUMN a float DEFAULT random();", 110000, {"add-column-volatile-default"}},
        {"ALTER TABLE t ADD CHECK (a IS NOT NULL); ALTER TABLE t ALTER a SET NOT NULL;", 110000, {"set-not-null"}},
        {"ALTER TABLE t ADD CHECK (a IS NOT NULL); ALTER TABLE t ALTER a SET NOT NULL;", 120000, {"!set-not-null"}},
        {"ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t ALTER a SET NOT NULL;", 120000,
         {"set-not-null"}},
        {"ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT k; "
         "ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t DROP CONSTRAINT k;", 120000, {"!set-not-null"}},
        {"ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL); ALTER TABLE t DROP CONSTRAINT k; "
         "ALTER TABLE t ALTER a SET NOT NULL;", 160000, {"set-not-null"}},
        {"GRANT SELECT ON t TO PUBLIC;", 0, {"security-change"}},
        {"GRANT SELECT ON t TO app;", 0, {"!security-change"}},
        {"REVOKE SELECT ON t FROM app;", 0, {"security-change"}},
        /* the script as a whole */
        {"BEGIN; SELECT 1;", 0, {"open-transaction"}},
        {"BEGIN; SELECT 1; COMMIT;", 0, {"!open-transaction", "!nested-transaction"}},
        {"BEGIN; BEGIN; SELECT 1; COMMIT;", 0, {"nested-transaction"}},
        {"DROP TABLE t;", 0, {"no-lock-timeout"}},
        {"SET lock_timeout = '1s'; DROP TABLE t;", 0, {"!no-lock-timeout"}},
        {"DROP TABLE t; SET lock_timeout = '1s';", 0, {"no-lock-timeout"}}, /* too late */
        /* opaque */
        {"SELECT do_it();", 0, {"opaque"}},
        {"EXECUTE later;", 0, {"opaque"}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        o.pg_version = cases[i].version;
        (void)judge(cases[i].sql);
        for (size_t k = 0; k < 5 && cases[i].codes[k] != NULL; k++) {
            const char *code = cases[i].codes[k];
            int wanted = code[0] != '!';

            code += !wanted;
            assert_non_null(hazard_find(code)); /* or the test says nothing */
            if ((found(code) != NULL) != wanted)
                fail_msg("%s: %s is %s", cases[i].sql, code, wanted ? "missing" : "there");
        }
    }
    o.pg_version = 110000;
    (void)judge("BEGIN; ALTER TYPE e ADD VALUE 'x' BEFORE 'y'; SELECT 1; COMMIT;");
    assert_int_equal(the("enum-value-in-transaction")->predicted_failure, 1); /* refused before 12 */
    o.pg_version = 120000;
    (void)judge("BEGIN; ALTER TYPE e ADD VALUE 'x' BEFORE 'y'; SELECT 1; COMMIT;");
    assert_int_equal(the("enum-value-in-transaction")->predicted_failure, 0);
    o.pg_version = 0;
}

static void test_style(void **state)
{
    static const char sql[] = "CREATE TABLE s.t (a int, b varchar(9));";

    (void)judge(sql);
    assert_null(found("style-integer"));
    o.style = 1;
    (void)judge(sql);
    assert_non_null(found("style-integer"));
    assert_non_null(found("style-varchar"));
    assert_non_null(found("style-no-primary-key"));
    assert_null(found("style-unqualified"));
    o.style = 0;
}

static const struct lock_row *lock_on(const char *relation)
{
    for (size_t i = 0; i < j->nlocks; i++)
        if (strcmp(j->locks[i].relation, relation) == 0)
            return &j->locks[i];
    return NULL;
}

static void test_locks(void **state)
{
    static const struct {
        const char *sql, *relation, *mode;
    } cases[] = {
        {"CREATE INDEX i ON s.t (a);", "s.t", "ShareLock"},
        {"CREATE INDEX CONCURRENTLY i ON s.t (a);", "s.t", "ShareUpdateExclusiveLock"},
        {"ALTER TABLE s.t DROP COLUMN a;", "s.t", "AccessExclusiveLock"},
        {"ALTER TABLE t VALIDATE CONSTRAINT c;", "t", "ShareUpdateExclusiveLock"},
        {"UPDATE t SET a = 1;", "t", "RowExclusiveLock"},
        /* the strongest of the statement's */
        {"ALTER TABLE t VALIDATE CONSTRAINT c, DROP COLUMN a;", "t", "AccessExclusiveLock"},
        {"ALTER TABLE t DROP COLUMN a, VALIDATE CONSTRAINT c;", "t", "AccessExclusiveLock"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct lock_row *row;
        const char *mode = "none";
        size_t n = 0;

        (void)judge(cases[i].sql);
        if ((row = lock_on(cases[i].relation)) != NULL)
            mode = row->mode;
        if (strcmp(mode, cases[i].mode) != 0)
            fail_msg("%s: %s", cases[i].sql, mode);
        for (size_t k = 0; k < j->nlocks; k++)
            n += strcmp(j->locks[k].relation, cases[i].relation) == 0;
        assert_int_equal(n, 1);
    }
    (void)judge("CREATE TABLE mine (a int); CREATE INDEX i ON mine (a);");
    assert_null(lock_on("mine")); /* nobody waits for what nobody else can see */
    /* A finding names its own table's lock. */
    (void)judge("ALTER TABLE s.t DROP COLUMN a;");
    assert_string_equal(the("drop-column")->lock_mode, "AccessExclusiveLock");
    assert_string_equal(the("drop-column")->lock_relation, "s.t");
}

static void test_json(void **state)
{
    static const char *const members[] = {"schema", "verdict", "why",     "from",           "to",
                                          "steps",  "findings", "ignored", "unused_ignores", "locks"};
    static const char *const of_finding[] = {"code",     "hazard",   "severity", "object", "message",  "remedy",
                                             "statement", "revision", "file",    "lock",   "rewrite",  "scan",
                                             "evidence", "loss",     "violations"};
    json_t *doc;
    const json_t *one;
    char *text;

    (void)judge("-- mig:ignore drop-table gone\nDROP TABLE a;\n-- mig:ignore truncate no\nDELETE FROM b WHERE c = 'secret';");
    assert_non_null(doc = judgement_json(j, plan, 0, &err));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (json_object_get(doc, members[i]) == NULL)
            fail_msg("no %s", members[i]);
    assert_string_equal(json_string_value(json_object_get(doc, "schema")), "mig-validate/1");
    assert_string_equal(json_string_value(json_object_get(doc, "verdict")), "unsafe");
    assert_int_equal(json_array_size(json_object_get(doc, "ignored")), 1);
    one = json_array_get(json_object_get(doc, "ignored"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "reason")), "gone");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(one, "statement"), "line")), 2);
    assert_int_equal(json_array_size(json_object_get(doc, "unused_ignores")), 1);
    assert_int_equal(json_array_size(json_object_get(doc, "findings")), j->nfindings - 1);
    for (size_t k = 0; k < json_array_size(json_object_get(doc, "findings")); k++) {
        one = json_array_get(json_object_get(doc, "findings"), k);
        for (size_t i = 0; i < sizeof(of_finding) / sizeof(of_finding[0]); i++)
            if (json_object_get(one, of_finding[i]) == NULL)
                fail_msg("no %s", of_finding[i]);
        assert_true(json_is_null(json_object_get(one, "loss"))); /* nothing was measured */
    }
    text = json_dumps(doc, 0);
    assert_null(strstr(text, "secret"));
    free(text);
    json_decref(doc);
    assert_non_null(doc = judgement_json(j, plan, 1, &err));
    text = json_dumps(doc, 0);
    assert_non_null(strstr(text, "secret")); /* --show-values */
    free(text);
    json_decref(doc);
}

static void test_hazards(void **state)
{
    static const char *const groups[] = {"data-loss", "lossy-cast", "locks", "data-dependent", "compatibility",
                                         "transactions", "timeouts", "opaque", "style"};

    for (size_t i = 0; i < hazard_count; i++) {
        const struct hazard *h = &hazard_table[i];
        size_t k = 0;

        assert_ptr_equal(hazard_find(h->code), h); /* no code twice */
        while (k < 9 && strcmp(h->group, groups[k]) != 0)
            k++;
        if (k == 9)
            fail_msg("%s: group %s", h->code, h->group);
        if ((strcmp(h->group, "style") == 0) != ((h->flags & HAZARD_STYLE) != 0))
            fail_msg("%s: style or not?", h->code);
        /* what cannot be judged must not be taken for measured */
        if ((h->flags & HAZARD_OPAQUE) != 0 && (h->flags & (HAZARD_LOSS | HAZARD_DATA)) != 0)
            fail_msg("%s: opaque and measured", h->code);
        if ((h->trips == NULL) != (h->neighbour == NULL))
            fail_msg("%s: half an example", h->code);
    }
    assert_ptr_equal(hazard_find("DROP_Column"), hazard_find("drop-column"));
    assert_null(hazard_find("drop"));
    assert_null(hazard_find("drop-column "));
    assert_null(hazard_find(""));
}

static int setup(void **state)
{
    log_init("test", LOG_ERROR);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    forget();
    unlink(path_of("x.sql"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence), cmocka_unit_test(test_unread), cmocka_unit_test(test_ignore),
        cmocka_unit_test(test_exempt),     cmocka_unit_test(test_detectors),
        cmocka_unit_test(test_style),      cmocka_unit_test(test_locks), cmocka_unit_test(test_json),
        cmocka_unit_test(test_hazards),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
