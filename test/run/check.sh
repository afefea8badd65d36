#!/usr/bin/env bash
# All tests, on the server that server.sh started. SUITES="regress tap" runs only these, FILES="010 050" of the
# TAP files only those whose names begin so. JOBS is how many of these run at a time: one more than there are processors, as
# most of their time they wait for a server, a worker or a clock.
set -uo pipefail

status=0
wanted() { [ -z "$SUITES" ] || [[ " $SUITES " == *" $1 "* ]]; }
run() { "$@" || { echo "failed: $*"; status=1; }; }
src_test=$(dirname "$("$PG_CONFIG" --pgxs)")/../test

bash test/run/frozen.sh || exit 1

if wanted regress && compgen -G 'test/sql/*.sql' >/dev/null; then
    run make -s PG_CONFIG="$PG_CONFIG" installcheck ISOLATION=
fi
if wanted isolation && compgen -G 'test/specs/*.spec' >/dev/null; then
    cp regression.diffs regress.diffs 2>/dev/null
    run make -s PG_CONFIG="$PG_CONFIG" installcheck REGRESS=
fi
if wanted pgtap && compgen -G 'test/pgtap/*.sql' >/dev/null; then
    run createdb pgtap
    run psql -qX -v ON_ERROR_STOP=1 -d pgtap -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION swipesavvy CASCADE'
    run pg_prove -d pgtap test/pgtap/*.sql
fi
if wanted tap && compgen -G 'test/t/*.pl' >/dev/null; then
    # the server's own test modules want these, whatever the version
    export TESTDIR=$PWD TESTDATADIR=$PWD/tmp_check TESTLOGDIR=$PWD/log PG_REGRESS=$src_test/regress/pg_regress top_builddir=$PWD
    files=(test/t/*.pl)
    if [ -n "${FILES:-}" ]; then
        files=()
        for prefix in $FILES; do files+=("test/t/$prefix"*.pl); done
    fi
    # those first that take long, lest one of them be left alone at the end
    mapfile -t files < <(grep -liE '^# \(?takes long\b' "${files[@]}"; grep -LiE '^# \(?takes long\b' "${files[@]}")
    jobs=$(($(nproc) + 1))
    run prove --timer -j "${JOBS:-$((jobs < 8 ? jobs : 8))}" -I test/t/lib -I "$src_test/perl" "${files[@]}"
    # prove does not show what a test said before it died
    cp -r tmp_check/log/. log/ 2>/dev/null # where they are before 16
    grep -lE '^not ok|not ok [0-9]|error running SQL|^Can.t|^Bail|timed out|pg_ctl start failed' log/regress_log_* | while read -r log; do
        echo "==> $log <=="
        grep -E -A 15 'not ok [0-9]' "$log" | head -n 80
        tail -n 25 "$log"
    done
fi
if [ $status != 0 ]; then
    cat regress.diffs regression.diffs 2>/dev/null
    echo "check: FAILED (results/, regression.diffs and log/ hold the details)"
fi
exit $status
