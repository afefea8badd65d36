#!/usr/bin/env bash
# server.sh TASK, inside the sandbox: builds the tree, installs it into $DESTDIR, starts a server, runs TASK.sh with
# PGHOST, PGPORT and PGUSER set, and stops the server. $WORK is the sandbox's directory.
set -euo pipefail

task=$1
cd "$WORK/tree"
bindir=$("$PG_CONFIG" --bindir)
export PATH=$bindir:$PATH
# A warning is an error in our own checks alone: the next compiler finds new ones, and must not break somebody's build.
case $task in
    check | stress) copt=-Werror ;;
    coverage) copt='-Werror --coverage -Og' ;;
    *) copt= ;;
esac

echo "building for $("$PG_CONFIG" --version)"
jobs=$(nproc)
if ! make -s -j "$jobs" PG_CONFIG="$PG_CONFIG" COPT="$copt" all >"$WORK/build.log" 2>&1 ||
    { [ -n "$DESTDIR" ] && ! make -s PG_CONFIG="$PG_CONFIG" COPT="$copt" DESTDIR="$DESTDIR" install >>"$WORK/build.log" 2>&1; }; then
    cat "$WORK/build.log"
    exit 1
fi

# Settings of every server started here; PostgreSQL::Test::Cluster reads TEMP_CONFIG too.
export TEMP_CONFIG=$WORK/server.conf
{
    echo "max_connections = 100"
    echo "max_prepared_transactions = 5"
    if [ -z "$DESTDIR" ]; then :
    else
        if grep -qa extension_destdir "$bindir/postgres"; then echo "extension_destdir = '$DESTDIR'"
        else echo "extension_control_path = '$DESTDIR$("$PG_CONFIG" --sharedir):\$system'"; fi
        echo "dynamic_library_path = '$DESTDIR$("$PG_CONFIG" --pkglibdir):\$libdir'"
    fi
} >"$TEMP_CONFIG"

data=$WORK/data
initdb --no-sync --auth=trust --encoding=UTF8 --locale=C.UTF-8 --username=postgres -D "$data" >"$WORK/initdb.log" ||
    { cat "$WORK/initdb.log"; exit 1; }
mkdir -m 700 "$WORK/socket"
port=$((50000 + $$ % 10000))
cat "$TEMP_CONFIG" - >>"$data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$WORK/socket'
port = $port
fsync = $([ "$task" = demo ] || [ "$task" = bench ] || [ "$task" = loadtest ] && echo on || echo off)
END
if [ -f "test/$task/server.conf" ]; then cat "test/$task/server.conf" >>"$data/postgresql.conf"; fi
# shellcheck source=test/bench/figures.sh
. test/bench/figures.sh
for letter in "${preloaded[@]}"; do
    if [[ " ${BENCH_ONLY:-} " == *" $letter "* ]]; then echo "shared_preload_libraries = 'swipesavvy'" >>"$data/postgresql.conf"; fi
done
mkdir -p log
pg_ctl start -s -w -D "$data" -l "$WORK/tree/log/server.log" || { cat log/server.log; exit 1; }

export PGHOST=$WORK/socket PGPORT=$port PGUSER=postgres PGDATABASE=postgres
status=0
bash "test/run/$task.sh" || status=$?
pg_ctl stop -s -m fast -D "$data" || status=1
exit $status
