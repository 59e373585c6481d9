#include "migration/plain.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/log.h"
#include "script/statement.h"

#define MAX_SQL ((size_t)256 << 20)

/* What a file says of itself. */
struct marks {
    const char *section;   /* the tool whose section was taken, or NULL */
    int no_transaction;    /* and it wants none */
};

/* The sections of a file that holds both ways. */
static const struct {
    const char *tool, *up, *down;
} sections[] = {
    {"dbmate", "-- migrate:up", "-- migrate:down"},
    {"goose", "-- +goose Up", "-- +goose Down"},
    {"sql-migrate", "-- +migrate Up", "-- +migrate Down"},
};

const char *const plain_tools[] = {"auto",   "psql", "single-transaction", "flyway", "golang-migrate",
                                   "dbmate", "goose", "sql-migrate", "sqitch", NULL};

static const char each[] = "each statement commits by itself";
static const char whole[] = "one transaction around all of it";
static const char batch[] = "one message: several statements share a transaction of the server's";
static const char mixes[] = "one transaction; Flyway refuses a file in which only some statements can be in one";

/* The line that starts with MARK, or NULL. */
static char *find_line(char *text, const char *mark)
{
    size_t n = strlen(mark);

    for (char *p = text; p != NULL; p = strchr(p, '\n')) {
        if (*p == '\n')
            p++;
        if (strncmp(p, mark, n) == 0 && (p[n] == '\0' || strchr(" \t\r\n", p[n]) != NULL))
            return p;
    }
    return NULL;
}

static void blank(char *from, const char *to)
{
    for (; from < to; from++) {
        if (*from != '\n' && *from != '\r')
            *from = ' ';
    }
}

/* Of a file that holds both ways, the way down (or FORWARD) is left; lines keep their numbers. */
static int take_section(struct buf *b, const char *file, int forward, struct marks *m, struct err *err)
{
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]) && strlen(b->data) == b->len; i++) {
        char *up = find_line(b->data, sections[i].up), *down = find_line(b->data, sections[i].down);
        char *here = forward ? up : down, *other = forward ? down : up;
        const char *eol;

        if (up == NULL && down == NULL)
            continue;
        if (here == NULL)
            return err_set(err, ERR_FAILED, "%s: a %s migration without \"%s\": there is no way %s", file,
                           sections[i].tool, forward ? sections[i].up : sections[i].down, forward ? "up" : "down");
        log_info("%s: the %s section of a %s migration", file, forward ? "up" : "down", sections[i].tool);
        m->section = sections[i].tool;
        eol = here + strcspn(here, "\n");
        if (other != NULL && other > here)
            blank(other, b->data + b->len);
        for (const char *p = here; p < eol; p++) {
            if (strncmp(p, "transaction:false", 17) == 0 || strncmp(p, "notransaction", 13) == 0)
                m->no_transaction = 1;
        }
        if (find_line(b->data, "-- +goose NO TRANSACTION") != NULL)
            m->no_transaction = 1;
        blank(b->data, here);
        break;
    }
    return 0;
}

static int ends_in(const char *s, const char *tail)
{
    size_t n = strlen(s), k = strlen(tail);

    return n >= k && strcmp(s + n - k, tail) == 0;
}

/* V1.2__name.sql, U1.2__name.sql, B3__name.sql, R__name.sql */
static int is_flyway(const char *base)
{
    const char *p = base + 1;

    if (base[0] == '\0' || strchr("VUBR", base[0]) == NULL || !ends_in(base, ".sql"))
        return 0;
    while (base[0] != 'R' && (isdigit((unsigned char)*p) || *p == '.' || (*p == '_' && p[1] != '_')))
        p++;
    return (base[0] == 'R') == (p == base + 1) && strncmp(p, "__", 2) == 0;
}

/* 0042_name.down.sql */
static int is_golang_migrate(const char *base)
{
    return isdigit((unsigned char)base[0]) && base[strspn(base, "0123456789")] == '_' &&
           (ends_in(base, ".up.sql") || ends_in(base, ".down.sql"));
}

/* "-- Revert app:users from pg", which sqitch writes into each file. */
static int is_sqitch(const char *text)
{
    const char *p = text + strspn(text, " \t\r\n"), *end = p + strcspn(p, "\r\n");

    return (strncmp(p, "-- Revert ", 10) == 0 && end - p > 8 && strncmp(end - 8, " from pg", 8) == 0) ||
           (strncmp(p, "-- Deploy ", 10) == 0 && end - p > 6 && strncmp(end - 6, " to pg", 6) == 0);
}

/* Flyway's script configuration beside the file. */
static int conf_says_no(const char *file)
{
    struct err ignored = {0};
    struct buf name = {0}, text = {0};
    int no = 0;

    if (strcmp(file, "-") != 0 && buf_addf(&name, &ignored, "%s.conf", file) == 0 &&
        buf_read_file(&text, name.data, MAX_SQL, &ignored) == 0 && text.data != NULL)
        no = find_line(text.data, "executeInTransaction=false") != NULL;
    buf_free(&name);
    buf_free(&text);
    return no;
}

static const char *guess(const char *base, const char *text, const struct marks *m)
{
    if (m->section != NULL)
        return m->section;
    if (is_flyway(base))
        return "flyway";
    if (is_golang_migrate(base))
        return "golang-migrate";
    return is_sqitch(text) ? "sqitch" : "";
}

static void count_alone(const struct script *s, size_t *alone, size_t *begins)
{
    *alone = *begins = 0;
    for (size_t i = 0; i < s->count; i++) {
        *alone += s->statements[i].alone != 0;
        *begins += s->statements[i].tag != NULL && strcmp(s->statements[i].tag, "BEGIN") == 0;
    }
}

/* How TOOL runs S. */
static enum script_mode mode_of(const struct script *s, const char *tool, const char *file,
                                const struct marks *m, struct plain_manner *out)
{
    size_t alone, begins;

    count_alone(s, &alone, &begins);
    out->tool = tool;
    out->how = whole;
    if (strcmp(tool, "psql") == 0 || strcmp(tool, "sqitch") == 0) {
        out->how = each;
    } else if (strcmp(tool, "golang-migrate") == 0) {
        out->how = batch;
    } else if (strcmp(tool, "flyway") == 0) {
        if (conf_says_no(file) || (alone > 0 && alone == s->count))
            out->how = each;
        else if (alone > 0)
            out->how = mixes;
    } else if (m->no_transaction) {
        /* dbmate sends the section as it is; goose and sql-migrate cut it into statements. */
        out->how = strcmp(tool, "dbmate") == 0 ? batch : each;
    } else if (*tool == '\0' && alone > 0 && begins == 0) {
        out->tool = "psql";
        out->how = each;
        out->either = 1;
    }
    return out->how == each ? SCRIPT_AUTO : out->how == batch ? SCRIPT_BATCH : SCRIPT_WHOLE;
}

static struct script *section(const char *text, size_t len, const char *file, int forward, const char *tool,
                              struct plain_manner *manner, struct err *err)
{
    const char *base = strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file;
    struct plain_manner m = {.tool = "", .how = whole};
    struct marks marks = {0};
    struct script *s = NULL;
    struct buf b = {0};

    if (buf_add(&b, text, len, err) != 0 || buf_reserve(&b, 0, err) != 0 ||
        take_section(&b, file, forward, &marks, err) != 0)
        goto out;
    m.down = marks.section != NULL || ends_in(base, ".down.sql") || (base[0] == 'U' && is_flyway(base)) ||
             (is_sqitch(b.data) && strstr(b.data, "-- Revert ") != NULL);
    s = script_read(b.data, b.len, file, marks.no_transaction ? SCRIPT_AUTO : SCRIPT_WHOLE, err);
    if (s == NULL)
        goto out;
    if (tool != NULL) {
        if (strcmp(tool, "auto") == 0) {
            tool = guess(base, b.data, &marks);
            m.assumed = 1;
        }
        script_transactions(s, mode_of(s, tool, file, &marks, &m));
    } else if (marks.no_transaction) {
        m.how = each;
    }
    if (manner != NULL)
        *manner = m;
out:
    buf_wipe(&b);
    return s;
}

struct script *plain_text(const char *text, size_t len, const char *file, const char *tool,
                          struct plain_manner *manner, struct err *err)
{
    return section(text, len, file, 0, tool, manner, err);
}

static struct script *read_section(const char *file, int forward, const char *tool, struct plain_manner *manner,
                                   struct err *err)
{
    struct buf b = {0};
    struct script *s = NULL;

    if (buf_read_file(&b, file, MAX_SQL, err) == 0)
        s = section(b.data != NULL ? b.data : "", b.len, strcmp(file, "-") == 0 ? "<standard input>" : file,
                    forward, tool, manner, err);
    else
        err->kind = ERR_USAGE;
    buf_wipe(&b);
    return s;
}

struct script *plain_read(const char *file, const char *tool, struct plain_manner *manner,
                          struct err *err)
{
    return read_section(file, 0, tool, manner, err);
}

struct script *plain_read_up(const char *file, struct err *err)
{
    return read_section(file, 1, NULL, NULL, err);
}

/* ---- the way forward again ------------------------------------------------------------------- */

static int holds_both(const char *file)
{
    struct err ignored = {0};
    struct buf b = {0};
    int yes = 0;

    if (buf_read_file(&b, file, MAX_SQL, &ignored) == 0 && b.data != NULL && strlen(b.data) == b.len)
        for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
            yes |= find_line(b.data, sections[i].up) != NULL && find_line(b.data, sections[i].down) != NULL;
    buf_wipe(&b);
    return yes;
}

/* HEAD's first N bytes, then MIDDLE, then TAIL, where there is such a file. */
static int present(char **found, const char *head, size_t n, const char *middle, const char *tail,
                   struct err *err)
{
    struct buf b = {0};

    if (buf_add(&b, head, n, err) != 0 || buf_adds(&b, middle, err) != 0 || buf_adds(&b, tail, err) != 0) {
        buf_free(&b);
        return -1;
    }
    if (access(b.data, R_OK) == 0)
        *found = b.data;
    else
        buf_free(&b);
    return 0;
}

int plain_forward(const char *file, char **found, struct err *err)
{
    static const char down[] = ".down.sql", revert[] = "revert/";
    const char *slash = strrchr(file, '/'), *name = slash != NULL ? slash + 1 : file;
    size_t len = strlen(file), folder = (size_t)(name - file);

    *found = NULL;
    if (strcmp(file, "-") == 0)
        return 0;
    if (holds_both(file)) {
        *found = strdup(file);
        return *found != NULL ? 0 : err_oom(err);
    }
    if (ends_in(file, down))
        return present(found, file, len - (sizeof(down) - 1), ".up.sql", "", err);
    if (name[0] == 'U' && is_flyway(name))
        return present(found, file, folder, "V", name + 1, err);
    if (folder >= sizeof(revert) - 1 && strncmp(name - (sizeof(revert) - 1), revert, sizeof(revert) - 1) == 0 &&
        (folder == sizeof(revert) - 1 || file[folder - sizeof(revert)] == '/'))
        return present(found, file, folder - (sizeof(revert) - 1), "deploy/", name, err);
    return 0;
}
