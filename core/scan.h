/*
 * scan: which of 64 bytes are special, as one bit each.
 *
 * Special is what both COPY text and JSON must look at: bytes below 0x20, the
 * double quote and the backslash.  Vectorised where the machine can (AVX2,
 * SSE2), the same answer everywhere.
 */
#ifndef MIG_CORE_SCAN_H
#define MIG_CORE_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Bit i % 64 of MASKS[i / 64] says whether DATA[i] is special; bits past LEN are 0.  MASKS holds
 * (LEN + 63) / 64 words.  Reads no byte past LEN. */
void scan_special(const char *data, size_t len, uint64_t *masks);

/* The portable version, for the tests to compare with. */
void scan_special_portable(const char *data, size_t len, uint64_t *masks);

#endif
