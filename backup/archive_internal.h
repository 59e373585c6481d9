/* archive_internal: the reader's inside, for archive.c, frame.c, stream.c, rekey.c and reencrypt.c alone. */
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

/* Room for frames of one source; zeroed at first. */
struct frame_buf {
    unsigned char *sealed, *plain;
    size_t sealed_cap, plain_cap;
    struct inflater *inflater;
};
void frame_buf_free(struct frame_buf *b);

int frame_read_at(const struct archive_reader *r, void *data, size_t len, uint64_t offset,
                  struct err *err) MIG_MUST_CHECK;
/* "frame at offset ... WHAT"; -1. */
int frame_fault(const struct format_entry *e, const char *what, struct err *err);
/* The stored bytes of E into B->sealed, and their hash compared. */
int frame_load(const struct archive_reader *r, const struct format_entry *e, struct frame_buf *b,
               struct err *err) MIG_MUST_CHECK;
/* Decrypt what frame_load brought; CHECK_ONLY: its tag alone. */
int frame_open(const struct archive_reader *r, const struct format_entry *e, struct frame_buf *b,
               int check_only, struct err *err) MIG_MUST_CHECK;
/* Load, open and inflate: the plain bytes of E behind the AT that B->plain holds already. */
int frame_read(const struct archive_reader *r, const struct format_entry *e, struct frame_buf *b,
               size_t at, struct err *err) MIG_MUST_CHECK;
/* Room for LEN plain bytes in all, before the first of them is read. */
int frame_reserve(struct frame_buf *b, size_t len, struct err *err) MIG_MUST_CHECK;
/* The first place in R->order of STREAM. */
uint32_t frame_stream_begin(const struct archive_reader *r, uint32_t stream);

#endif
