#include "migration/ini.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"

#define MAX_INI ((size_t)4 << 20)
#define MAX_DEPTH 10 /* configparser.MAX_INTERPOLATION_DEPTH */
#define MAX_STEPS 10000 /* ten levels of many references each are a bomb, not a configuration */
#define DEFAULTS "DEFAULT"

struct option {
    char *section, *name, *value;
    int given; /* in the file; %(here)s is there before it */
};

struct ini {
    char *file;
    struct option *options;
    size_t count;
    char **sections;
    size_t nsections;
};

/* str.strip() of ASCII text. */
static int blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static void strip(const char **s, size_t *n)
{
    while (*n > 0 && blank((*s)[*n - 1]))
        (*n)--;
    while (*n > 0 && blank(**s)) {
        (*s)++;
        (*n)--;
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char *copy(const char *s, size_t n, struct err *err)
{
    char *out = strndup(s, n);

    if (out == NULL)
        (void)err_oom(err);
    return out;
}

static struct option *find(const struct ini *ini, const char *section, const char *name)
{
    for (size_t i = 0; i < ini->count; i++) {
        if (strcmp(ini->options[i].section, section) == 0 &&
            strcmp(ini->options[i].name, name) == 0)
            return &ini->options[i];
    }
    return NULL;
}

int ini_has_section(const struct ini *ini, const char *section)
{
    for (size_t i = 0; i < ini->nsections; i++) {
        if (strcmp(ini->sections[i], section) == 0)
            return 1;
    }
    return 0;
}

static int add_section(struct ini *ini, char *name, struct err *err)
{
    char **more = realloc(ini->sections, (ini->nsections + 1) * sizeof(*more));

    if (more == NULL) {
        free(name);
        return err_oom(err);
    }
    ini->sections = more;
    more[ini->nsections++] = name;
    return 0;
}

/* Takes NAME. */
static struct option *add_option(struct ini *ini, const char *section, char *name, struct err *err)
{
    struct option *more = realloc(ini->options, (ini->count + 1) * sizeof(*more));
    struct option *o;

    if (more == NULL) {
        free(name);
        (void)err_oom(err);
        return NULL;
    }
    ini->options = more;
    o = &more[ini->count];
    memset(o, 0, sizeof(*o));
    o->name = name;
    o->section = strdup(section);
    o->value = strdup("");
    ini->count++;
    if (o->section == NULL || o->value == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    return o;
}

static int set_value(struct option *o, const char *prefix, const char *v, size_t n, struct err *err)
{
    size_t before = strlen(prefix);
    char *out = malloc(before + n + 2);

    if (out == NULL)
        return err_oom(err);
    memcpy(out, prefix, before);
    memcpy(out + before, v, n);
    out[before + n] = '\0';
    free(o->value);
    o->value = out;
    return 0;
}

/* Continuation lines are joined by newlines. */
static int append_value(struct option *o, const char *v, size_t n, struct err *err)
{
    size_t before = strlen(o->value);
    char *prefix = malloc(before + 2);
    int rc;

    if (prefix == NULL)
        return err_oom(err);
    memcpy(prefix, o->value, before);
    prefix[before] = '\n';
    prefix[before + 1] = '\0';
    rc = set_value(o, prefix, v, n, err);
    free(prefix);
    return rc;
}

struct reader {
    struct ini *ini;
    char *section;   /* NULL: none yet */
    size_t option;   /* index into the options, SIZE_MAX: none */
    size_t indent;
    int line;
};

static int read_section(struct reader *r, const char *v, size_t n, struct err *err)
{
    const char *end = memchr(v, '\0', n) != NULL ? NULL : v + n;
    char *name;

    /* \[(?P<header>.+)\] is greedy: up to the last bracket */
    while (end != NULL && end > v + 1 && end[-1] != ']')
        end--;
    name = copy(v + 1, (size_t)(end - 1 - (v + 1)), err);
    if (name == NULL)
        return -1;
    r->option = SIZE_MAX;
    free(r->section);
    r->section = strdup(name);
    if (r->section == NULL) {
        free(name);
        return err_oom(err);
    }
    if (strcmp(name, DEFAULTS) == 0) {
        free(name);
        return 0;
    }
    if (ini_has_section(r->ini, name)) {
        (void)err_set(err, ERR_USAGE, "%s line %d: section [%s] is there twice", r->ini->file,
                      r->line, name);
        free(name);
        return -1;
    }
    return add_section(r->ini, name, err);
}

static int is_section(const char *v, size_t n)
{
    if (n < 3 || v[0] != '[')
        return 0;
    for (size_t i = 2; i < n; i++) {
        if (v[i] == ']')
            return 1;
    }
    return 0;
}

static int read_option(struct reader *r, const char *v, size_t n, struct err *err)
{
    size_t at = 0, nname;
    const char *value;
    char *name;
    struct option *o;

    while (at < n && v[at] != '=' && v[at] != ':')
        at++;
    if (at == n)
        return err_set(err, ERR_USAGE, "%s line %d: neither a [section] nor a \"name = value\"",
                       r->ini->file, r->line);
    nname = at;
    while (nname > 0 && blank(v[nname - 1]))
        nname--;
    if (nname == 0)
        return err_set(err, ERR_USAGE, "%s line %d: a value without a name", r->ini->file, r->line);
    name = copy(v, nname, err);
    if (name == NULL)
        return -1;
    for (char *c = name; *c != '\0'; c++)
        *c = lower(*c);
    o = find(r->ini, r->section, name);
    if (o != NULL && o->given) {
        (void)err_set(err, ERR_USAGE, "%s line %d: \"%s\" is there twice in [%s]", r->ini->file,
                      r->line, name, r->section);
        free(name);
        return -1;
    }
    if (o != NULL)
        free(name);
    else if ((o = add_option(r->ini, r->section, name, err)) == NULL)
        return -1;
    o->given = 1;
    r->option = (size_t)(o - r->ini->options);
    value = v + at + 1;
    n -= at + 1;
    strip(&value, &n);
    return set_value(o, "", value, n, err);
}

static int read_line(struct reader *r, const char *line, size_t len, struct err *err)
{
    const char *v = line;
    size_t n = len, indent = 0;

    strip(&v, &n);
    if (n > 0 && (*v == '#' || *v == ';'))
        return 0;
    if (n == 0) {
        /* an empty line inside a value stays in it */
        return r->option != SIZE_MAX ? append_value(&r->ini->options[r->option], "", 0, err) : 0;
    }
    while (indent < len && blank(line[indent]))
        indent++;
    if (r->option != SIZE_MAX && indent > r->indent)
        return append_value(&r->ini->options[r->option], v, n, err);
    r->indent = indent;
    if (is_section(v, n))
        return read_section(r, v, n, err);
    if (r->section == NULL)
        return err_set(err, ERR_USAGE, "%s line %d: before the first [section]", r->ini->file,
                       r->line);
    return read_option(r, v, n, err);
}

struct ini *ini_read(const char *text, size_t len, const char *file, const char *here,
                     struct err *err)
{
    struct ini *ini = calloc(1, sizeof(*ini));
    struct reader r = {ini, NULL, SIZE_MAX, 0, 0};
    struct option *o;
    char *name;
    size_t at = 0;

    if (ini == NULL || (ini->file = strdup(file)) == NULL || (name = strdup("here")) == NULL) {
        (void)err_oom(err);
        goto failed;
    }
    o = add_option(ini, DEFAULTS, name, err);
    if (o == NULL || set_value(o, "", here, strlen(here), err) != 0)
        goto failed;
    if (memchr(text, '\0', len) != NULL) {
        (void)err_set(err, ERR_USAGE, "%s holds a NUL byte: not a configuration file", file);
        goto failed;
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        (void)err_set(err, ERR_USAGE, "%s starts with a byte order mark, which Alembic refuses",
                      file);
        goto failed;
    }
    while (at < len) {
        size_t end = at;

        while (end < len && text[end] != '\n' && text[end] != '\r')
            end++;
        r.line++;
        if (read_line(&r, text + at, end - at, err) != 0)
            goto failed;
        if (end + 1 < len && text[end] == '\r' && text[end + 1] == '\n')
            end++;
        at = end + 1;
    }
    /* '\n'.join(value).rstrip() */
    for (size_t i = 0; i < ini->count; i++) {
        size_t n = strlen(ini->options[i].value);

        while (n > 0 && blank(ini->options[i].value[n - 1]))
            ini->options[i].value[--n] = '\0';
    }
    free(r.section);
    return ini;
failed:
    free(r.section);
    ini_free(ini);
    return NULL;
}

static char *folder(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct buf b = {0};
    char *cwd = NULL, *out = NULL;

    if (path[0] != '/') {
        cwd = getcwd(NULL, 0);
        if (cwd == NULL) {
            (void)err_set_errno(err, ERR_FAILED, "cannot tell the working directory");
            return NULL;
        }
        if (buf_adds(&b, cwd, err) != 0)
            goto out;
        if (slash != NULL && buf_addc(&b, '/', err) != 0)
            goto out;
    }
    if (slash != NULL && buf_add(&b, path, slash == path ? 1 : (size_t)(slash - path), err) != 0)
        goto out;
    out = buf_take(&b, err);
out:
    buf_free(&b);
    free(cwd);
    return out;
}

struct ini *ini_load(const char *path, struct err *err)
{
    struct buf text = {0};
    struct ini *ini = NULL;
    char *here = folder(path, err);

    if (here == NULL)
        return NULL;
    if (buf_read_file(&text, path, MAX_INI, err) == 0)
        ini = ini_read(text.data != NULL ? text.data : "", text.len, path, here, err);
    else
        err->kind = ERR_USAGE;
    buf_wipe(&text); /* it may hold a password */
    free(here);
    return ini;
}

void ini_free(struct ini *ini)
{
    if (ini == NULL)
        return;
    for (size_t i = 0; i < ini->count; i++) {
        struct buf b = {ini->options[i].value, 0, 0};

        if (b.data != NULL)
            b.len = strlen(b.data), b.cap = b.len + 1;
        buf_wipe(&b);
        free(ini->options[i].section);
        free(ini->options[i].name);
    }
    for (size_t i = 0; i < ini->nsections; i++)
        free(ini->sections[i]);
    free(ini->options);
    free(ini->sections);
    free(ini->file);
    free(ini);
}

static const struct option *lookup(const struct ini *ini, const char *section, const char *name)
{
    const struct option *o = find(ini, section, name);

    return o != NULL ? o : find(ini, DEFAULTS, name);
}

/* BasicInterpolation. */
static int interpolate(const struct ini *ini, const char *section, const char *option,
                       const char *value, int depth, int *steps, struct buf *out, struct err *err)
{
    const char *p = value;

    if (depth > MAX_DEPTH || (*steps)++ > MAX_STEPS)
        return err_set(err, ERR_USAGE, "%s: [%s] %s: %%(...)s refers to itself", ini->file, section,
                       option);
    while (*p != '\0') {
        const char *pct = strchr(p, '%'), *end;
        const struct option *o;
        char *name;
        int rc;

        if (pct == NULL)
            return buf_adds(out, p, err);
        if (buf_add(out, p, (size_t)(pct - p), err) != 0)
            return -1;
        if (pct[1] == '%') {
            if (buf_addc(out, '%', err) != 0)
                return -1;
            p = pct + 2;
            continue;
        }
        end = pct[1] == '(' ? strchr(pct, ')') : NULL;
        if (end == NULL || end == pct + 2 || end[1] != 's') {
            (void)err_set(err, ERR_USAGE, "%s: [%s] %s: a single %% (it must be written %%%%)",
                          ini->file, section, option);
            return -1;
        }
        name = copy(pct + 2, (size_t)(end - pct - 2), err);
        if (name == NULL)
            return -1;
        for (char *c = name; *c != '\0'; c++)
            *c = lower(*c);
        o = lookup(ini, section, name);
        if (o == NULL)
            rc = err_set(err, ERR_USAGE, "%s: [%s] %s refers to %%(%s)s, which is not there",
                         ini->file, section, option, name);
        else if (strchr(o->value, '%') != NULL)
            rc = interpolate(ini, section, option, o->value, depth + 1, steps, out,
                             err);
        else
            rc = buf_adds(out, o->value, err);
        free(name);
        if (rc != 0)
            return -1;
        if (out->len > MAX_INI)
            return err_set(err, ERR_USAGE, "%s: [%s] %s grows without end", ini->file, section,
                           option);
        p = end + 2;
    }
    return 0;
}

int ini_get(const struct ini *ini, const char *section, const char *option, char **value,
            struct err *err)
{
    const struct option *o = ini_has_section(ini, section) ? lookup(ini, section, option) : NULL;
    struct buf out = {0};
    int steps = 0;

    *value = NULL;
    if (o == NULL)
        return 0;
    if (interpolate(ini, section, option, o->value, 1, &steps, &out, err) != 0 ||
        buf_reserve(&out, 0, err) != 0) {
        buf_wipe(&out);
        return -1;
    }
    *value = buf_take(&out, err);
    return *value != NULL ? 0 : -1;
}

const char *ini_file(const struct ini *ini)
{
    return ini->file;
}
