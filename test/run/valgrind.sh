#!/usr/bin/env bash
# valgrind.sh: random calls (test/t/560_random_calls.pl) with the server under valgrind's memcheck, called by stress.sh in its environment.
# A server that is not built for valgrind has reports of its own; only those count that have our library in the stack, and of
# those none that server.supp knows. SWIPESAVVY_VALGRIND_CALLS (2000).
set -euo pipefail

if ! command -v valgrind >/dev/null; then
    echo "random calls under valgrind: skipped: no valgrind"
    exit 0
fi
bindir=$("$PG_CONFIG" --bindir)
wrapped=$(mktemp -d)
reports=$PWD/log/valgrind
mkdir -p "$wrapped/bin" "$reports"
trap 'rm -rf "$wrapped"' EXIT

# pg_ctl starts the server that lies beside it: this one, which is a process of the same id.
cp "$bindir/pg_ctl" "$wrapped/bin/"
cat >"$wrapped/bin/postgres" <<END
#!/usr/bin/env bash
if [ "\${1:-}" = -V ]; then exec "$bindir/postgres" -V; fi
exec valgrind --quiet --trace-children=yes --leak-check=no --num-callers=40 --fullpath-after= \\
    --suppressions="$PWD/test/run/server.supp" --log-file="$reports/%p.log" "$bindir/postgres" "\$@"
END
chmod +x "$wrapped/bin/postgres"

export SWIPESAVVY_CALLS=${SWIPESAVVY_VALGRIND_CALLS:-2000} PGCTLTIMEOUT=600
export TESTDATADIR=$PWD/tmp_check/valgrind TESTLOGDIR=$PWD/log/under_valgrind
status=0
PATH=$wrapped/bin:$PATH prove -v "$@" test/t/560_random_calls.pl || status=1

# Reports are paragraphs; a frame of ours names a source in a directory src, or the library. (Debian's servers name no sources.
# The directory may be another tree's: a compiler cache keeps the path of whoever compiled it first.)
ours=$(cat "$reports"/*.log | awk '
    function done() { if (mine) print report; report = ""; mine = 0 }
    { sub(/^==[0-9]+== ?/, "") }
    /^$/ { done(); next }
    { report = report $0 "\n" }
    /\/src\/[a-z0-9_/]+\.c:[0-9]+\)/ || /swipesavvy\.so/ { mine = 1 }
    END { done() }')
if [ -z "$(ls -A "$reports")" ]; then
    echo "random calls under valgrind: there are no logs: the server did not run under it" >&2
    exit 1
fi
if [ -n "$ours" ]; then
    printf '%s\n' "$ours" >"$reports/ours.txt"
    head -n 60 "$reports/ours.txt"
    echo "random calls under valgrind: $(grep -c '^ *at ' "$reports/ours.txt") stacks about the library (log/valgrind/ours.txt)" >&2
    exit 1
fi
echo "random calls under valgrind: $SWIPESAVVY_CALLS, no reports about the library"
exit $status
