# faults: what tests of failing system calls share (tests/lib/shim.c).

# shim_make: in setup_file.
shim_make() {
    SHIM=$BATS_FILE_TMPDIR/shim.so
    export SHIM
    ${CC:-cc} -shared -fPIC -o "$SHIM" "$MIG_ROOT/tests/lib/shim.c" -ldl
}

# faulty PATH CALL NTH FAULT COMMAND...: $status; $hit says whether the fault has happened.
faulty() {
    local path=$1 call=$2 nth=$3 fault=$4
    shift 4
    rm -f "$BATS_TEST_TMPDIR/mark"
    run --separate-stderr env LD_PRELOAD="$SHIM" SHIM_PATH="$path" SHIM_CALL="$call" SHIM_NTH="$nth" SHIM_FAULT="$fault" \
        SHIM_MARK="$BATS_TEST_TMPDIR/mark" "$@" </dev/null
    hit=0
    [ ! -e "$BATS_TEST_TMPDIR/mark" ] || hit=1
}
