/* archive_internal: the reader's inside, for archive.c and rekey.c alone. */
#ifndef MIG_BACKUP_ARCHIVE_INTERNAL_H
#define MIG_BACKUP_ARCHIVE_INTERNAL_H

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/slots.h"

struct archive_reader {
    int fd;
    char *path;
    uint64_t size;
    struct format_head head;
    struct format_footer footer;
    char id[65], signer[KEY_PUBLIC_TEXT];
    int trusted;
    json_t *label, *manifest;
    unsigned char *index; /* FORMAT_ENTRY bytes each, in the order of the file */
    uint32_t *order;      /* numbers of entries, by stream and sequence */
    uint32_t count;
    unsigned char context[FORMAT_HASH];
    unsigned char *area; /* both slot copies */
    struct slots_pair slots;
    int used;            /* the copy that gave the data key; -1: none yet */
    struct slots_keys k;
};

#endif
