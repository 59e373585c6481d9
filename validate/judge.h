/*
 * judge: what a plan would lose, lock, rewrite or break, measured.
 */
#ifndef MIG_VALIDATE_JUDGE_H
#define MIG_VALIDATE_JUDGE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "validate/pace.h"

struct conn;
struct config;
struct plan;

enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };
enum evidence { EVIDENCE_NONE, EVIDENCE_EXACT, EVIDENCE_ESTIMATED, EVIDENCE_EMPTY };
enum judge_verdict { JUDGE_SAFE, JUDGE_UNSAFE, JUDGE_UNKNOWN };

struct finding {
    const char *code;       /* static: the hazard's */
    const char *hazard;     /* static: its title */
    enum severity severity;
    enum evidence evidence;
    char *object;           /* "public.users.phone" */
    char *message, *remedy;
    size_t step;            /* index into the plan's steps */
    const struct statement *statement; /* borrowed from the plan; NULL: the plan as a whole */
    const char *lock_mode;  /* static, as pg_locks spells it; NULL: none */
    char *lock_relation;
    int rewrite, scan;
    int has_loss;
    uint64_t loss_rows, loss_values, loss_bytes;
    uint64_t table_rows;    /* counted with them: in how many rows */
    int loss_exact;
    char *loss_sql;
    int undo;               /* UPDATE: 1 the new values tell the old ones, 0 they do not, -1 not known */
    int64_t since_upgrade;  /* of the rows at risk, written since the newest upgrade; -1: not known */
    int has_violations;
    uint64_t violation_rows;
    int violation_exact;
    char *violation_sql;
    int quotes;             /* the SQL above holds the script's own literals */
    int covered;            /* a snapshot of the affected tables covers this loss */
    int opaque;
    int possible;           /* a DO block may do it: what is lost is at most so much */
    int possible_line;      /* ... in this line */
    int predicted_failure;  /* the statement would fail as the data is now */
    int bars_return;        /* of a downgrade: its upgrade would fail afterwards */
    char *ignored;          /* the reason in mig:ignore or mig.json, or NULL */
};

struct lock_row {
    size_t step;
    const struct statement *statement;
    char *relation;
    const char *mode;
    int possible;      /* a DO block may take it */
    int index;         /* RELATION is an index; REWRITE: it is built anew */
    int rewrite, scan;
};

/* How long a lock is held, once it is granted: an estimate. */
struct hold {
    char *relation;
    const char *mode;       /* the strongest in the transaction; static */
    size_t step, last_step; /* FIRST takes it, LAST ends the transaction */
    const struct statement *first, *last;
    int index;              /* it is an index */
    double least, most;     /* seconds; -1: not known (offline) */
    int endless;            /* nobody knows the most: something opaque runs meanwhile */
};

struct judgement {
    enum judge_verdict verdict;
    struct finding *findings;
    size_t nfindings;
    struct lock_row *locks;
    size_t nlocks;
    struct hold *holds;
    size_t nholds;
    struct pace pace;       /* what the estimates go by */
    char *why_unknown; /* or NULL */
    int only_fires;    /* unknown by fires-triggers alone: who verifies before COMMIT may go on */
    char **unused_ignores; /* "0042_x.py:17: drop-column", NULL-terminated or NULL */
};

struct judge_options {
    const struct config *config;
    enum severity fail_on;    /* SEVERITY_INFO (0) means default: high */
    int fail_on_info;         /* any finding is unsafe */
    int64_t max_loss_rows;    /* -1: no limit */
    int limit_loss;           /* MAX_LOSS_ROWS counts (so that a zeroed struct has no limit) */
    int64_t budget_ms;        /* 0: 10 s */
    int jobs;
    int no_ignore;
    int style;                /* style advice too */
    int pg_version;           /* offline: 150000; 0: the newest known */
    int show_values;
};

/* C NULL: offline, nothing is measured. */
struct judgement *judge_run(const struct plan *p, struct conn *c, const struct judge_options *o,
                            struct err *err) MIG_MUST_CHECK;
void judgement_free(struct judgement *j);
const char *severity_name(enum severity s);
/* "mig-validate/1" (DESIGN.md, section 6).  Owned. */
json_t *judgement_json(const struct judgement *j, const struct plan *p, int show_values,
                       struct err *err) MIG_MUST_CHECK;

#endif
