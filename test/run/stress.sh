#!/usr/bin/env bash
# The stress test at length, on the server that server.sh built (it starts one of its own); then random calls under valgrind.
# SWIPESAVVY_STRESS_SECONDS (180), SWIPESAVVY_STRESS_CLIENTS (32), SWIPESAVVY_CALLS (100000 random ones), SWIPESAVVY_MESSAGES (10000),
# SWIPESAVVY_AUDIT_ROWS (1000000), SWIPESAVVY_STREAMS (2000), SWIPESAVVY_REPORTS (2000000) and one of SWIPESAVVY_EVENTS (10000), SWIPESAVVY_VALGRIND_CALLS (2000), SWIPESAVVY_DDL (0: every kind of
# DDL on every table between calls), SWIPESAVVY_DDL_LOADS (300 beside each kind of load), SWIPESAVVY_SEED.
set -uo pipefail
src_test=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
export SWIPESAVVY_STRESS_SECONDS=${SWIPESAVVY_STRESS_SECONDS:-180}
export SWIPESAVVY_CALLS=${SWIPESAVVY_CALLS:-100000}
export SWIPESAVVY_STREAMS=${SWIPESAVVY_STREAMS:-2000}
export SWIPESAVVY_REPORTS=${SWIPESAVVY_REPORTS:-2000000}
export SWIPESAVVY_EVENTS=${SWIPESAVVY_EVENTS:-10000}
export SWIPESAVVY_MESSAGES=${SWIPESAVVY_MESSAGES:-10000}
export SWIPESAVVY_DDL=${SWIPESAVVY_DDL:-0}
export SWIPESAVVY_DDL_LOADS=${SWIPESAVVY_DDL_LOADS:-300}
export SWIPESAVVY_AUDIT_ROWS=${SWIPESAVVY_AUDIT_ROWS:-1000000}
export TESTDIR=$PWD TESTDATADIR=$PWD/tmp_check TESTLOGDIR=$PWD/log PG_REGRESS=$src_test/regress/pg_regress top_builddir=$PWD
prove -v -I test/t/lib -I "$src_test/perl" test/t/200_stress.pl test/t/560_random_calls.pl test/t/330_outbox.pl test/t/640_delivery_crash.pl test/t/340_audit_rows.pl test/t/110_streams.pl test/t/230_operators_ddl.pl test/t/725_fences.pl
status=$?
bash test/run/valgrind.sh -I test/t/lib -I "$src_test/perl" || status=1
cp -r tmp_check/log/. log/ 2>/dev/null
exit $status
