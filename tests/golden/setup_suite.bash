source "$BATS_TEST_DIRNAME/../cli/setup_suite.bash"
