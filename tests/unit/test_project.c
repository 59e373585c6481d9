#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"
#include "migration/plan.h"
#include "migration/project.h"

static char folder[] = "/tmp/mig-project.XXXXXX";

static int setup(void **state)
{
    log_init("test", LOG_ERROR);
    (void)unsetenv("ALEMBIC_CONFIG");
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return -1;
    return mkdir("m", 0700) | mkdir("m/versions", 0700) | mkdir("v1", 0700) | mkdir("v2", 0700);
}

static int teardown(void **state)
{
    char command[60];

    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") != 0 || system(command) != 0;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* The folders with "|" between, then the url; or the message. */
static const char *tell(struct project *p, const struct err *err)
{
    static char out[1200];

    if (p == NULL) {
        assert_int_equal(err->kind, ERR_USAGE);
        return strcpy(out, err->message);
    }
    out[0] = '\0';
    for (size_t i = 0; p->versions != NULL && p->versions[i] != NULL; i++)
        (void)strcat(strcat(out, i > 0 ? "|" : ""), p->versions[i]);
    if (p->url != NULL)
        (void)strcat(strcat(out, " "), p->url);
    if (p->recursive)
        (void)strcat(out, " recursive");
    project_free(p);
    return out;
}

static const char *ini(const char *text)
{
    struct plan_request r = {0};
    struct err err = {0};

    put("alembic.ini", text);
    return tell(project_read(&r, &err), &err);
}

static void test_locations(void **state)
{
    assert_string_equal(ini("[alembic]\nscript_location = m\nsqlalchemy.url = postgresql://h/d%%20e\n"),
                        "m/versions postgresql://h/d%20e");
    assert_string_equal(ini("[alembic]\nscript_location = %(here)s/m\n"), "m/versions"); /* named from here */
    assert_string_equal(ini("[alembic]\nscript_location = m\nsqlalchemy.url = %(DB_URL)s\n"), "m/versions");
    assert_non_null(strstr(ini("[alembic]\nscript_location = gone\n"), "gone/versions is not there"));
    assert_non_null(strstr(ini("[alembic]\nscript_location = app:migrations\n"), "names a Python package"));
    assert_non_null(strstr(ini("[alembic]\n"), "has no script_location"));
    assert_non_null(strstr(ini("[other]\n"), "no section [alembic]"));
    assert_string_equal(ini("[alembic]\nscript_location=m\nversion_locations = v1, v2  /x/y\n"), "v1|v2|/x/y");
    assert_string_equal(ini("[alembic]\nscript_location=m\nversion_locations =\n v1\n v2\nversion_path_separator = newline\n"), "v1|v2");
    assert_string_equal(ini("[alembic]\nscript_location=m\nversion_locations = v1 ; v 2 ;\nversion_path_separator = ;\n"), "v1|v 2");
    assert_string_equal(ini("[alembic]\nscript_location=m\nversion_locations = v1:v2\npath_separator = os\nversion_path_separator = ;\n"), "v1|v2");
    assert_non_null(strstr(ini("[alembic]\nscript_location=m\nversion_locations = v1\nversion_path_separator = |\n"), "'|' is none of"));
    assert_non_null(strstr(ini("[alembic]\nscript_location=m\nversion_locations = app:v\n"), "names a Python package"));
    assert_non_null(strstr(ini("[alembic]\nscript_location=m\nversion_locations = ,\n"), "names no folder"));
    assert_non_null(strstr(ini("[alembic]\nversion_locations = v1\n"), "has no script_location"));
    assert_string_equal(ini("[alembic]\nscript_location=m\nrecursive_version_locations = true\n"), "m/versions recursive");
    assert_string_equal(ini("[alembic]\nscript_location=m\nrecursive_version_locations = True\n"), "m/versions");
}

static void test_which_file(void **state)
{
    struct plan_request r = {0};
    struct err err = {0};
    struct project *p;

    put("alembic.ini", "[alembic]\nscript_location = m\n[prod]\nscript_location = m\nversion_locations = v1\n");
    put("other.ini", "[alembic]\nscript_location = m\nversion_locations = v2\n");
    r.alembic_name = "prod";
    assert_string_equal(tell(project_read(&r, &err), &err), "v1");
    r.alembic_name = NULL;
    assert_int_equal(setenv("ALEMBIC_CONFIG", "other.ini", 1), 0);
    assert_string_equal(tell(project_read(&r, &err), &err), "v2");
    r.alembic_config = "alembic.ini"; /* the flag is stronger */
    p = project_read(&r, &err);
    assert_non_null(p);
    assert_int_equal(p->config_given, 1);
    assert_string_equal(tell(p, &err), "m/versions");
    assert_int_equal(setenv("ALEMBIC_CONFIG", "", 1), 0);
    r.alembic_config = "gone.ini";
    r.versions = "v1"; /* what was named must be there */
    assert_non_null(strstr(tell(project_read(&r, &err), &err), "cannot read gone.ini"));
    err_clear(&err);
    r.alembic_config = NULL;
    r.versions = "v1::v2:";
    assert_string_equal(tell(project_read(&r, &err), &err), "v1|v2");
    r.versions = "v1:v3";
    assert_non_null(strstr(tell(project_read(&r, &err), &err), "--versions: v3 is not there"));
    err_clear(&err);
    r.versions = ":";
    assert_non_null(strstr(tell(project_read(&r, &err), &err), "names no folder"));
    err_clear(&err);
    /* without any alembic.ini: the folders do, else it is said what is looked for */
    assert_int_equal(unlink("alembic.ini"), 0);
    r.versions = "v2";
    p = project_read(&r, &err);
    assert_non_null(p);
    assert_null(p->config);
    assert_string_equal(tell(p, &err), "v2");
    r.versions = NULL;
    assert_non_null(strstr(tell(project_read(&r, &err), &err), "no alembic.ini in this folder"));
    err_clear(&err);
    put("pyproject.toml", "[tool.alembic]\nscript_location = \"m\"\n");
    assert_non_null(strstr(tell(project_read(&r, &err), &err), "pyproject.toml"));
    assert_int_equal(unlink("pyproject.toml"), 0);
}

static void test_flask(void **state)
{
    struct plan_request r = {0};
    struct err err = {0};

    put("m/alembic.ini", "[alembic]\n");
    r.alembic_config = "m/alembic.ini";
    assert_non_null(strstr(tell(project_read(&r, &err), &err), "has no script_location"));
    err_clear(&err);
    put("m/env.py", "");
    assert_string_equal(tell(project_read(&r, &err), &err), "m/versions");
}

static void test_checkout(void **state)
{
    struct plan_request r = {0};
    struct err err = {0};

    (void)unlink("m/alembic.ini");
    assert_string_equal(tell(project_read_dir(&r, "m", &err), &err), "m/versions");
    assert_string_equal(tell(project_read_dir(&r, "v1", &err), &err), "v1");
    assert_non_null(strstr(tell(project_read_dir(&r, "gone", &err), &err), "--current-from: gone is not there"));
    err_clear(&err);
    /* its own file, from its own folder */
    assert_int_equal(mkdir("co", 0700) | mkdir("co/m", 0700) | mkdir("co/m/versions", 0700), 0);
    put("co/alembic.ini", "[alembic]\nscript_location = m\n");
    assert_string_equal(tell(project_read_dir(&r, "co", &err), &err), "co/m/versions");
    put("co/mine.ini", "[alembic]\nscript_location = m\nversion_locations = v9\n");
    r.alembic_config = "mine.ini";
    assert_string_equal(tell(project_read_dir(&r, "co", &err), &err), "co/v9");
    r.alembic_config = "/somewhere/else.ini"; /* of here, not of there */
    assert_string_equal(tell(project_read_dir(&r, "co", &err), &err), "co/m/versions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locations), cmocka_unit_test(test_which_file), cmocka_unit_test(test_flask),
        cmocka_unit_test(test_checkout),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
