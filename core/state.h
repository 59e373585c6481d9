/*
 * state: the folder where the journal and the operation log live.
 *
 * --state-dir, else $MIG_STATE_DIR, else mig.json's state.dir, else SHELF/.state.
 * An empty state folder is "nothing known here", never "nothing happened".
 */
#ifndef MIG_CORE_STATE_H
#define MIG_CORE_STATE_H

#include "core/err.h"

struct cli_common;
struct config;

/* The shelf: --dir, $MIG_BACKUP_DIR, mig.json's backup.dir, ./backups.  Borrowed. */
const char *state_shelf(const struct cli_common *c, const struct config *config);
/* The state folder's path.  Owned. */
char *state_dir(const struct cli_common *c, const struct config *config, struct err *err)
    MIG_MUST_CHECK;
/* The operation log's path: --log-file, $MIG_LOG_FILE, mig.json's log_file, else log.jsonl in the
 * state folder.  Owned. */
char *state_log(const struct cli_common *c, const struct config *config, struct err *err)
    MIG_MUST_CHECK;
/* Make DIR (0700, with its parents; ERR_USAGE when it cannot be made or written), and say in *VOLATILE
 * why what is written there may not survive ("a tmpfs: lost at reboot"), or NULL (static). */
int state_make(const char *dir, const char **is_volatile, struct err *err) MIG_MUST_CHECK;
/* A shelf that was just made: the .gitignore that keeps backups out of repositories. */
int state_ignore_shelf(const char *dir, struct err *err) MIG_MUST_CHECK;

struct audit;
/* The operation's line in the log, begun; the state folder is made where the log stands in it. */
struct audit *state_audit(const struct cli_common *c, const struct config *config, const char *operation,
                          struct err *err) MIG_MUST_CHECK;

#endif
