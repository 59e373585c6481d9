/* replay: run a fuzz target over files, each once, and say so in TAP. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        struct buf b = {0};
        struct err err = {0};

        if (buf_read_file(&b, argv[i], 0, &err) != 0) {
            printf("not ok %d - %s: %s\n", i, argv[i], err.message);
            continue;
        }
        /* The target sees exactly SIZE bytes: reading one more is a finding. */
        uint8_t *exact = malloc(b.len > 0 ? b.len : 1);

        if (exact == NULL)
            return 1;
        for (size_t n = 0; n < b.len; n++)
            exact[n] = (uint8_t)b.data[n];
        fflush(stdout);
        (void)LLVMFuzzerTestOneInput(exact, b.len);
        free(exact);
        printf("ok %d - %s (%zu bytes)\n", i, argv[i], b.len);
        buf_free(&b);
    }
    return 0;
}
