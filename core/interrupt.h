/*
 * interrupt: SIGINT, SIGTERM and SIGHUP become a flag and a cancelled query.
 *
 * The handler sets one sig_atomic_t and calls the hook (pg/conn sets one that
 * sends PQcancel, which is async-signal-safe).  Long loops ask interrupt_check.
 */
#ifndef MIG_CORE_INTERRUPT_H
#define MIG_CORE_INTERRUPT_H

#include <sys/types.h>

#include "core/err.h"

void interrupt_install(void);
/* The signal that came, or 0. */
int interrupt_pending(void);
/* -1 and ERR_INTERRUPTED if a signal came. */
int interrupt_check(struct err *err) MIG_MUST_CHECK;
/* read(2) from a terminal that no signal slips past: -1 and EINTR where one came, before or while it
 * waits.  FD becomes non-blocking. */
ssize_t interrupt_read(int fd, void *data, size_t len) MIG_MUST_CHECK;
/* HOOK must be async-signal-safe; NULL removes it. */
void interrupt_hook(void (*hook)(void));

#endif
