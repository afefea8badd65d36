#!/usr/bin/env bash
# All tests on a build that counts executed lines, and the report: coverage/index.html.
set -euo pipefail
status=0
bash test/run/check.sh || status=$?
lcov -q -c -d src --no-external -o "$WORK/coverage.info" 2> >(grep -v 'redefined at' >&2)
genhtml -q -o coverage "$WORK/coverage.info"
lcov --summary "$WORK/coverage.info" 2>&1 | grep -E 'lines|functions'
exit $status
