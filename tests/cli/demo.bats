#!/usr/bin/env bats
# The demo is checked step by step by itself; here with few rows.

load ../lib/common

@test "make demo's story holds, and leaves nothing behind" {
    # Another demo may run beside this one; a socket's path must stay short.
    mine=$(mktemp -d /tmp/mig-d.XXXXXX)
    chmod 755 "$mine"
    TMPDIR=$mine DEMO_ROWS=4000 run "$MIG_ROOT/scripts/demo"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"Done in "* ]]
    [ -z "$(ls -A "$mine")" ]
    rmdir "$mine"
}
