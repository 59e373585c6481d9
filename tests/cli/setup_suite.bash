# One throwaway cluster for the whole run: ours, unless tests/run has one already.
setup_suite() {
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    if [ -z "${MIG_TEST_CLUSTER:-}" ]; then
        eval "$("$root/tests/lib/cluster" start --watch $$)"
        MIG_TEST_CLUSTER_OURS=1
    fi
    export MIG_TEST_CLUSTER_OURS
}

teardown_suite() {
    if [ "${MIG_TEST_CLUSTER_OURS:-}" = 1 ]; then "$root/tests/lib/cluster" stop "$MIG_TEST_CLUSTER"; fi
}
