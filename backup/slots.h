/*
 * slots: who can open the data key of one file.
 *
 * The data key is random, one per file.  Each slot record holds it sealed for
 * one X25519 key or under one passphrase.  Two copies of the records stand in
 * the file, so that a crash while they are rewritten leaves one of them good.
 */
#ifndef MIG_BACKUP_SLOTS_H
#define MIG_BACKUP_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "backup/format.h"
#include "core/err.h"

struct keyring;
struct key_public;
struct key_cost;
struct secret;

/* The data key of one file and what is derived from it. */
struct slots_keys {
    struct secret *dek, *data, *manifest, *footer_mac, *slots_mac;
    unsigned char commitment[32];
};

/* Takes DEK.  CONTEXT is the hash of head and label. */
int slots_keys_derive(struct slots_keys *k, struct secret *dek,
                      const unsigned char context[FORMAT_HASH], struct err *err) MIG_MUST_CHECK;
void slots_keys_free(struct slots_keys *k);

/* One record of FORMAT_RECORD bytes. */
int slots_seal_box(unsigned char *record, const struct key_public *p, const struct secret *dek,
                   const unsigned char id[FORMAT_ID], struct err *err) MIG_MUST_CHECK;
int slots_seal_passphrase(unsigned char *record, const struct secret *phrase,
                          const struct key_cost *cost, const struct secret *dek,
                          const unsigned char id[FORMAT_ID], struct err *err) MIG_MUST_CHECK;
/* Records for every recipient of K: *COUNT of them, owned. */
unsigned char *slots_seal_all(const struct keyring *k, const struct secret *dek,
                              const unsigned char id[FORMAT_ID], uint32_t *count, struct err *err)
    MIG_MUST_CHECK;
/* The public key of a box record; 0 where it is another kind. */
int slots_record_public(const unsigned char *record, struct key_public *p);

/* The size of a copy that has room for COUNT records and some more; 0: too many. */
size_t slots_size_for(uint32_t count);
/* One whole copy of SIZE bytes. */
void slots_encode(unsigned char *out, size_t size, uint64_t generation,
                  const unsigned char *records, uint32_t count, const struct slots_keys *keys);

/* Whether one of COUNT records is for a key of K or a passphrase; else ERR_BACKUP naming whom they are
 * for.  Nothing is tried. */
int slots_may_open(const unsigned char *records, uint32_t count, const struct keyring *k,
                   struct err *err) MIG_MUST_CHECK;
/* The data key from COUNT records, by K's keys, then by its passphrase.  WHAT names the file for a
 * prompt.  NULL: ERR_BACKUP, telling a wrong key from a damaged slot. */
struct secret *slots_open(const unsigned char *records, uint32_t count,
                          const unsigned char id[FORMAT_ID], const struct keyring *k,
                          const char *what, struct err *err) MIG_MUST_CHECK;

/* Both copies as they stand in a file, and which of them to believe. */
struct slots_pair {
    struct format_slots copy[2];
    struct err problem[2]; /* ERR_NONE: the copy is good */
    int best;              /* the good one of the higher generation; -1: none */
};
/* AREA is 2 * SIZE bytes, borrowed as long as P. */
void slots_pair_decode(struct slots_pair *p, const unsigned char *area, size_t size);
/* With the keys at hand: the commitment and the MAC of copy I. */
int slots_check(const struct slots_pair *p, int i, const unsigned char *area, size_t size,
                const struct slots_keys *keys, struct err *err) MIG_MUST_CHECK;

#endif
