#!/usr/bin/env bash
# sandbox.sh check|demo|stress|bench|loadtest|coverage: copies the tree to a directory of its own, and there, as an unprivileged user with
# a clean environment, lets server.sh build it and run the task on a throw-away server. Whatever happens (an error,
# Ctrl-C, kill), the servers are stopped and the directory is removed.
set -euo pipefail

task=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pg_config=$(command -v "${PG_CONFIG:-pg_config}" || echo pg_config)
child=

PG_CONFIG=$pg_config bash "$here/test/run/packages.sh" "$task"
with_parts=no
if [[ $task =~ ^(check|coverage|stress)$ && " ${SUITES:-tap} " == *" tap "* ]]; then
    with_parts=yes
    bash "$here/test/run/parts.sh"
fi

# Not in $TMPDIR: a socket's path has at most 107 bytes, make knows no spaces, and root's may be closed to others.
work=$(mktemp -d /tmp/swipesavvy.XXXXXX)
as_user=()
if [ "$(id -u)" = 0 ]; then
    user=nobody
    if id postgres >/dev/null 2>&1; then user=postgres; fi
    as_user=(setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --)
fi

# shellcheck disable=SC2317  # called by the trap
cleanup() {
    trap '' INT TERM HUP
    set +e
    cd /
    if [ -n "$child" ]; then
        kill -TERM -- "-$child"
        timeout 10 sh -c "while kill -0 -- -$child; do sleep 0.1; done" || kill -KILL -- "-$child"
    fi
    find "$work" -name postmaster.pid | while read -r pid; do
        "${as_user[@]}" "$("$pg_config" --bindir)/pg_ctl" stop -s -m immediate -D "${pid%/*}"
    done
    rm -rf "$work" || { sleep 1 && rm -rf "$work"; }
} 2>/dev/null
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -m 755 "$work/tree" "$work/tmp"
chmod 755 "$work"
tar -C "$here" --exclude='./.git' --exclude='./'{build,coverage,results,log,tmp_check,regression.diffs} --exclude='*.'{o,so} -cf - . |
    tar -C "$work/tree" --no-same-owner -xf -
if [ $with_parts = yes ] && [ -d "$here/build/parts/bin" ]; then
    mkdir -m 755 "$work/parts"
    cp -r "$here/build/parts/." "$work/parts/"
fi
cd "$work"

# A server that cannot look for extensions elsewhere (neither Debian's nor 18) needs them installed for real.
destdir=$work/install
if ! grep -qaE 'extension_destdir|extension_control_path' "$("$pg_config" --bindir)/postgres"; then
    root=()
    if [ "$(id -u)" != 0 ]; then root=(sudo); fi
    echo "installing into this server: it can load an extension from nowhere else"
    make -s -C tree PG_CONFIG="$pg_config" all
    "${root[@]}" make -s -C tree PG_CONFIG="$pg_config" install
    destdir=
fi
if [ "$(id -u)" = 0 ]; then chown -R "$user:" "$work"; fi

# In a session of its own, so that one signal ends all of it and Ctrl-C comes here first.
setsid "${as_user[@]}" env -i PATH="$PATH:/usr/sbin:/sbin:$work/parts/bin" HOME="$work" TMPDIR="$work/tmp" LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC \
    PG_CONFIG="$pg_config" WORK="$work" DESTDIR="$destdir" SUITES="${SUITES:-}" FILES="${FILES:-}" JOBS="${JOBS:-}" \
    SWIPESAVVY_MESSAGES="${SWIPESAVVY_MESSAGES:-}" SWIPESAVVY_SEED="${SWIPESAVVY_SEED:-}" SWIPESAVVY_CALLS="${SWIPESAVVY_CALLS:-}" SWIPESAVVY_VALGRIND_CALLS="${SWIPESAVVY_VALGRIND_CALLS:-}" SWIPESAVVY_STREAMS="${SWIPESAVVY_STREAMS:-}" \
    SWIPESAVVY_AUDIT_ROWS="${SWIPESAVVY_AUDIT_ROWS:-}" SWIPESAVVY_PROGRAMMES="${SWIPESAVVY_PROGRAMMES:-}" SWIPESAVVY_EVENTS="${SWIPESAVVY_EVENTS:-}" SWIPESAVVY_AA="${SWIPESAVVY_AA:-}" SWIPESAVVY_USERS="${SWIPESAVVY_USERS:-}" \
    SWIPESAVVY_REPORTS="${SWIPESAVVY_REPORTS:-}" SWIPESAVVY_SCREENSHOTS="${SWIPESAVVY_SCREENSHOTS:-}" SWIPESAVVY_DDL="${SWIPESAVVY_DDL:-}" SWIPESAVVY_DDL_LOADS="${SWIPESAVVY_DDL_LOADS:-}" \
    SWIPESAVVY_STRESS_SECONDS="${SWIPESAVVY_STRESS_SECONDS:-}" SWIPESAVVY_STRESS_CLIENTS="${SWIPESAVVY_STRESS_CLIENTS:-}" \
    BENCH_SECONDS="${BENCH_SECONDS:-}" BENCH_ROUNDS="${BENCH_ROUNDS:-}" BENCH_ONLY="${BENCH_ONLY:-}" BENCH_BIG="${BENCH_BIG:-}" \
    BENCH_FULL="${BENCH_FULL:-}" BENCH_PEOPLE="${BENCH_PEOPLE:-}" BENCH_PAIRS="${BENCH_PAIRS:-}" BENCH_WORKER_SECONDS="${BENCH_WORKER_SECONDS:-}" \
    LOADTEST_SECONDS="${LOADTEST_SECONDS:-}" LOADTEST_CLIENTS="${LOADTEST_CLIENTS:-}" LOADTEST_ROUNDS="${LOADTEST_ROUNDS:-}" LOADTEST_POOL="${LOADTEST_POOL:-}" \
    bash "$work/tree/test/run/server.sh" "$task" &
child=$!
status=0
wait "$child" || status=$?
child=

# What a developer wants to see outside: the report, what was measured, or what a failed test printed.
for result in tree/bench-*.csv; do
    if [ -e "$result" ] && [ $status = 0 ]; then cp "$result" "$here/" || echo "could not write $here/${result#tree/}"; fi
done
for result in coverage results regression.diffs log; do
    if [ -e "tree/$result" ] && { [ "$result" = coverage ] || [ $status != 0 ]; }; then
        rm -rf "${here:?}/$result" && cp -r "tree/$result" "$here/" || echo "could not write $here/$result"
    fi
done
exit $status
