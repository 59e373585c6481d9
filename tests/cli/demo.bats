#!/usr/bin/env bats
# The demo is checked step by step by itself; here with few rows.

load ../lib/common

@test "make demo's story holds, and leaves nothing behind" {
    before=$(ls -d /tmp/mig-demo.* 2>/dev/null || :)
    DEMO_ROWS=4000 run "$MIG_ROOT/scripts/demo"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"Done in "* ]]
    [ "$(ls -d /tmp/mig-demo.* 2>/dev/null || :)" = "$before" ]
}
