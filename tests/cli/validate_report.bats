#!/usr/bin/env bats
# Where a finding is, for people and for machines: file:line:col, a caret, the range of a statement over several lines.

load ../lib/common

setup() { cd "$BATS_TEST_TMPDIR"; }

@test "a caret stands below what the finding is about" {
    printf 'select 1;\n  alter table users\n    drop column phone;\n' >x.sql
    mig mig-validate sql --offline x.sql
    [[ $output == *$'\n           x.sql:2:3  alter table users drop column phone\n'*'^'* ]]
    # In the very column of the word.
    shown=$(grep -A1 'drop column phone$' <<<"$output" | head -n 2)
    line=$(head -n 1 <<<"$shown") caret=$(tail -n 1 <<<"$shown")
    [ "${caret%^}" = "$(printf '%*s' $((${#line} - 5)) '')" ]
}

@test "a syntax error has its own line and column, a caret, and shows no literal" {
    printf 'select 1;\nalter table t\n  drop colum phone;\ninsert into t values (1234, '"'geheim'"' ,, 2);\n' >x.sql
    mig mig-validate sql --offline x.sql
    [ "$status" -eq 3 ]
    [[ $output == *"x.sql:4:1  stopped at 4:39"* ]]
    [[ $output == *"insert into t values (...., ........ ,, .)"* ]]
    [[ $output != *geheim* && $output != *1234* ]]
    shown=$(grep -A1 'insert into t' <<<"$output" | tail -n 2)
    line=$(head -n 1 <<<"$shown") caret=$(tail -n 1 <<<"$shown")
    [ "${line:$((${#caret} - 2)):3}" = ",, " ]
    mig mig-validate sql --offline --show-values x.sql
    [[ $output == *"'geheim' ,, 2"* ]]
    # Characters are counted, not bytes.
    printf 'select '"'äöü'"' fromm ü (;\n' >y.sql
    mig mig-validate sql --offline y.sql
    [[ $output == *"stopped at 1:"* ]]
    shown=$(grep -A1 '  select \.' <<<"$output" | tail -n 2)
    line=$(head -n 1 <<<"$shown") caret=$(tail -n 1 <<<"$shown")
    [ "${line:$((${#caret} - 1)):1}" != "" ]
}

@test "SARIF and GitHub get the whole range of a statement over several lines" {
    printf 'select 1;\n  alter table users\n    drop column phone;\n alter table users drop column code;\nfrobnicate\n  now;\n' >x.sql
    mig mig-validate sql --offline --format sarif=s.json --format github=g.txt x.sql
    "$MIG_PYTHON" - <<'END'
import json
r = [(x["ruleId"], x["locations"][0]["physicalLocation"]["region"]) for x in json.load(open("s.json"))["runs"][0]["results"]]
drops = [region for code, region in r if code == "drop-column"]
assert drops[0] == {"startLine": 2, "startColumn": 3, "endLine": 3, "endColumn": 22}, drops[0]
assert drops[1] == {"startLine": 4, "startColumn": 2, "endLine": 4, "endColumn": 36}, drops[1]
wrong = [region for code, region in r if code == "unparsed"][0]
assert (wrong["startLine"], wrong["startColumn"], wrong["endLine"]) == (5, 1, 6), wrong
END
    grep -q '^::error file=x.sql,line=2,endLine=3,title=drop-column' g.txt
    grep -q '^::error file=x.sql,line=4,endLine=4,col=2,endColumn=36,title=drop-column' g.txt
}
