/*
 * secret: bytes that are locked in memory, kept out of core dumps, and wiped
 * when freed (libsodium's guarded allocations).
 */
#ifndef MIG_CORE_SECRET_H
#define MIG_CORE_SECRET_H

#include <stddef.h>

#include "core/err.h"

struct secret;

/* LEN zero bytes. */
struct secret *secret_new(size_t len, struct err *err) MIG_MUST_CHECK;
struct secret *secret_random(size_t len, struct err *err) MIG_MUST_CHECK;
/* Copies DATA; the caller wipes its own. */
struct secret *secret_copy(const void *data, size_t len, struct err *err) MIG_MUST_CHECK;
unsigned char *secret_bytes(struct secret *s);
const unsigned char *secret_view(const struct secret *s);
size_t secret_len(const struct secret *s);
/* Wipes, then frees.  NULL is harmless. */
void secret_free(struct secret *s);

#endif
