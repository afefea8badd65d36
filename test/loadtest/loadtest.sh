#!/usr/bin/env bash
# The load test: 40 % list_campaigns, 30 % get_user_profile, 20 % create_campaign, 10 % list_users through PgBouncer in
# transaction mode, and the same mix in plain SQL that keeps a counter row for totals, in turns in one run. What it measures
# and why so: doc/performance.md. Needs PGHOST, PGPORT and PGUSER (a superuser) of an empty server. It asserts no times: it
# exits 1 only when a call fails or something does not add up.
#   LOADTEST_SECONDS=10  of a run    LOADTEST_CLIENTS="100 500 1000"    LOADTEST_ROUNDS=3    LOADTEST_POOL=8  connections to the server
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
seconds=${LOADTEST_SECONDS:-10}
rounds=${LOADTEST_ROUNDS:-3}
pool=${LOADTEST_POOL:-8}
users=100000
campaigns=1000
failed=0
bouncer=
work=$(mktemp -d)
# shellcheck disable=SC2317  # called by the trap
cleanup() {
    set +e
    if [ -n "$bouncer" ]; then
        kill "$bouncer"
        wait "$bouncer"
    fi
    rm -rf "$work"
}
trap cleanup EXIT

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
say() { printf '%s\n' "$*"; }
fail() {
    say "loadtest: $1" >&2
    failed=1
}

# --- PgBouncer -------------------------------------------------------------------------

start_bouncer() {
    mkdir "$work/bouncer"
    cat >"$work/bouncer.ini" <<END
[databases]
load = host=$PGHOST port=$PGPORT dbname=load
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = $work/bouncer
auth_type = trust
auth_file = $work/users
pool_mode = transaction
default_pool_size = $pool
max_client_conn = 1100
admin_users = load_app
ignore_startup_parameters = extra_float_digits
logfile = $work/bouncer.log
END
    echo '"load_app" ""' >"$work/users"
    ulimit -n 4096 2>/dev/null || true
    pgbouncer -q "$work/bouncer.ini" >"$work/bouncer.out" 2>&1 &
    bouncer=$!
    for _ in $(seq 100); do
        if psql -X -h "$work/bouncer" -p 6432 -U load_app -d load -c 'SELECT 1' >/dev/null 2>&1; then return; fi
        kill -0 "$bouncer" || break
        read -rt 0.1 <> <(:) || true
    done
    cat "$work/bouncer.out" "$work/bouncer.log" >&2
    exit 1
}

# --- what the machine does meanwhile ------------------------------------------------------

# busy and all ticks of the processors
ticks() { awk '/^cpu / { all = $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9; print all - $5 - $6, all }' /proc/stat; }

# MB that the server and the pooler hold, shared pages counted once
memory() {
    local pid total=0 postmaster
    postmaster=$(sql -c "SELECT pg_read_file('postmaster.pid')" -d postgres | head -n 1)
    for pid in $postmaster $(pgrep -P "$postmaster") "$bouncer"; do
        total=$((total + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null || echo 0)))
    done
    echo $((total / 1024))
}

# processor time of the server's processes and of the pooler so far, in µs
spent() {
    local postmaster tick
    postmaster=$(sql -c "SELECT pg_read_file('postmaster.pid')" -d postgres | head -n 1)
    tick=$((1000000 / $(getconf CLK_TCK)))
    for pids in "$postmaster $(pgrep -d ' ' -P "$postmaster")" "$bouncer"; do
        for pid in $pids; do cat "/proc/$pid/stat" 2>/dev/null || true; done | awk -v tick="$tick" '{ sub(/.*\) /, ""); t += $12 + $13 } END { print t * tick }'
    done | tr '\n' ' '
}

# Samples the pool each second while $1 runs: waiting clients, active connections to the server.
sample_pool() {
    while kill -0 "$1" 2>/dev/null; do
        psql -X -A -t -F ' ' -h "$work/bouncer" -p 6432 -U load_app -d pgbouncer -c 'SHOW POOLS' 2>/dev/null | awk '$1 == "load" { print $7, $4 }'
        read -rt 1 <> <(:) || true
    done
}

# --- a run ----------------------------------------------------------------------------------

# side, clients: runs the mix; leaves figures in $work/result: calls/s avg p50 p95 p99 errors cpu MB, active waiting, server pooler
run() {
    local side=$1 clients=$2 before after mb spent_before spent_after
    rm -f "$work"/log.*
    before=$(ticks)
    spent_before=$(spent)
    (cd "$work" && PGOPTIONS='' pgbench -n -M extended -h "$work/bouncer" -p 6432 -U load_app -c "$clients" -j 2 -T "$seconds" -D users=$users -l --log-prefix="$work/log" \
        -f "$here/${side}_1.sql@40" -f "$here/${side}_2.sql@30" -f "$here/${side}_3.sql@20" -f "$here/${side}_4.sql@10" load >"$work/pgbench.out" 2>"$work/pgbench.err") &
    local pgbench=$!
    sample_pool $pgbench >"$work/pool" &
    local sampler=$!
    read -rt $((seconds / 2)) <> <(:) || true
    mb=$(memory)
    if ! wait $pgbench; then fail "$side with $clients clients: $(tail -n 3 "$work/pgbench.err")"; fi
    after=$(ticks)
    spent_after=$(spent)
    wait $sampler || true
    local errors tps
    errors=$(grep -cE 'aborted|ERROR|FATAL' "$work/pgbench.err" || true)
    tps=$(awk '/^tps = / { print $3 }' "$work/pgbench.out")
    if [ "$errors" != 0 ]; then fail "$side with $clients clients: $errors errors: $(head -n 1 "$work/pgbench.err")"; fi
    cat "$work"/log.* | awk '{ print $3 / 1000 }' | sort -n >"$work/sorted"
    awk -v tps="${tps:-0}" -v errors="$errors" -v mb="$mb" -v cpu="$before $after" '
        { v[NR] = $1; sum += $1 }
        END {
            split(cpu, t, " ")
            printf "%.0f %.1f %.1f %.1f %.1f %d %.0f %d\n", tps, NR ? sum / NR : 0, v[int(NR * 0.5)], v[int(NR * 0.95)], v[int(NR * 0.99)], errors,
                100 * (t[3] - t[1]) / (t[4] - t[2]), mb
        }' "$work/sorted" >"$work/result"
    awk '{ a += $1; w += $2 } END { if (NR) printf "%.1f %.0f\n", a / NR, w / NR; else print "0 0" }' "$work/pool" >>"$work/result"
    awk -v spent="$spent_before $spent_after" '/^number of transactions actually processed/ {
        split(spent, t, " "); printf "%.0f %.0f\n", (t[3] - t[1]) / $6, (t[4] - t[2]) / $6 }' "$work/pgbench.out" >>"$work/result"
    tr '\n' ' ' <"$work/result"
    echo
}

# The run whose calls per second are the median of those in a file.
middle() { sort -n "$1" | awk '{ line[NR] = $0 } END { print line[int((NR + 1) / 2)] }'; }

show() {
    # shellcheck disable=SC2086  # words
    printf '  %7s %-6s %9s %8s %8s %8s %8s %7s %5s %7s %7s %8s %8s %8s\n' "$1" "$2" $3
}

# --- all of it --------------------------------------------------------------------------------

sql -c 'CREATE DATABASE load TEMPLATE template0'
sql -o /dev/null -d load -v users=$users -v campaigns=$campaigns -f "$here/world.sql"
start_bouncer
say
say "swipesavvy on PostgreSQL $(sql -c 'SHOW server_version' | cut -d' ' -f1), $(nproc) processors, $(pgbouncer --version | head -n 1) in transaction mode with $pool connections:"
say "$rounds runs of $seconds s a side, in turns; the run in the middle. Times in ms; processors of the whole machine, pgbench"
say "included; what the server and the pooler took of them, in µs a call."
say
show clients side 'calls/s average P50 P95 P99 errors cpu% MB active waiting server pooler'
run api 8 >/dev/null
run plain 8 >/dev/null
for clients in ${LOADTEST_CLIENTS:-100 500 1000}; do
    for ((round = 1; round <= rounds; round++)); do
        for side in api plain; do run $side "$clients" >>"$work/$side.$clients"; done
    done
    for side in api plain; do show "$clients" $side "$(middle "$work/$side.$clients")"; done
done

counted=$(sql -d load -c "SELECT (SELECT count(*) FROM swipesavvy.campaigns) || ' ' || (SELECT count(*) FROM plain.campaigns) - (SELECT n FROM plain.counters WHERE name = 'campaigns')")
if [ "${counted#* }" != 0 ]; then fail "the counter row is wrong by ${counted#* }"; fi
say
for clients in ${LOADTEST_CLIENTS:-100 500 1000}; do
    # shellcheck disable=SC2046
    set -- $(middle "$work/api.$clients") $(middle "$work/plain.$clients")
    say "loadtest: $clients calls_per_second=$1 average_ms=$2 p95_ms=$4 p99_ms=$5 errors=$6 ratio=$(awk "BEGIN { printf \"%.2f\", $1 / ${13} }") goal=2.5"
done
exit $failed
