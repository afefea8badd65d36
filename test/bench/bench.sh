#!/usr/bin/env bash
# The benchmark: each figure a ratio of medians of runs in turns. What is measured and why so: doc/performance.md.
# Needs PGHOST, PGPORT and PGUSER (a superuser) of an empty server where the extension is available. Writes the CSV to the
# file that is its argument. It asserts no times: it exits 1 only when something fails or does not add up.
#   BENCH_SECONDS=2    of a run                            BENCH_ROUNDS=5             runs of each side
#   BENCH_ONLY="a d"   letters of figures.sh, not all      BENCH_FULL=1               a, b and c with 1, 2, 8 and 64 clients, synchronous_commit off and on
#   BENCH_BIG=1000000  purchases stored in e, i, l and q   BENCH_PEOPLE=1000000       users of g
#   BENCH_PAIRS=30     runs with and without it in l       BENCH_WORKER_SECONDS=600   for which l watches the worker
# shellcheck disable=SC1091,SC2034,SC2154,SC2317  # variables that measure.sh reads or sets, functions that it calls by name
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
csv=$1
BENCH_SECONDS=${BENCH_SECONDS:-2}
BENCH_ROUNDS=${BENCH_ROUNDS:-5}
BENCH_BIG=${BENCH_BIG:-1000000}
BENCH_PEOPLE=${BENCH_PEOPLE:-1000000}
BENCH_ONLY=${BENCH_ONLY:-}
BENCH_FULL=${BENCH_FULL:-}
users=10000
stored=100000
loaded=50000
warm_up=2
clients=1
sync=off
world=()
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PGOPTIONS='-c client_min_messages=warning'
# shellcheck source=test/bench/figures.sh
. "$here/figures.sh"
# shellcheck source=test/bench/measure.sh
. "$here/measure.sh"
# shellcheck source=test/bench/floor.sh
. "$here/floor.sh"
# shellcheck source=test/bench/readers.sh
. "$here/readers.sh"
# shellcheck source=test/bench/audit.sh
. "$here/audit.sh"
# shellcheck source=test/bench/worker.sh
. "$here/worker.sh"
# shellcheck source=test/bench/deliveries.sh
. "$here/deliveries.sh"
# shellcheck source=test/bench/models.sh
. "$here/models.sh"
# shellcheck source=test/bench/places.sh
. "$here/places.sh"
# shellcheck source=test/bench/flags.sh
. "$here/flags.sh"
# shellcheck source=test/bench/analytics.sh
. "$here/analytics.sh"

# --- worlds ---------------------------------------------------------------------------

run_file() { sql -o /dev/null -d "$1" -f "$here/$2.sql" -v users="$users" -v merchants=6000 "${@:3}"; }

make_role() {
    sql -c 'CREATE ROLE bench_service LOGIN' 2>"$work/role.log" || grep -q 'already exists' "$work/role.log"
}

make_world() {
    has_database world && return
    make_role
    sql -c 'CREATE DATABASE world TEMPLATE template0'
    run_file world world
    sql -d world -c 'GRANT swipesavvy_backend TO bench_service' \
        -c 'GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA swipesavvy TO bench_service'
}

# The database world_$1: $1 running campaigns and 100 thousand purchases; and the floors for purchases there.
make_programme() {
    has_database "world_$1" && return
    make_world
    clone world making
    run_file making campaigns -v campaigns="$1"
    run_file making stock -v from=1 -v to="$stored"
    sql -c "ALTER DATABASE making RENAME TO world_$1"
    clone "world_$1" sample
    set_world "$1"
    run_pgbench sample -t 4000 -f "$here/call.sql" >"$work/sample.log"
    floor_scripts sample "$work/floor.$1"
    floor_scripts sample "$work/strict.$1" without
    verify sample
    drop sample
}

# What pgbench's scripts must know of the programme with $1 campaigns: merchants and (fewer by the few added) segments.
set_world() {
    local at_merchants=$(((8 * ($1 - 3) + 7) / 14))
    local at_segments=$(($1 - 3 - at_merchants))
    world=(-D first_merchant=1 -D last_merchant="$at_merchants" -D segments="$((at_segments > 8 ? at_segments - 8 : 1))")
}

# Sides of a pair, on a database. Calls at merchants $2 to $3 only are for c.
calls() { pgbench_tps "$1" -f "$here/call.sql"; }
calls_at() { pgbench_tps "$1" -D first_merchant="$2" -D last_merchant="$3" -f "$here/call.sql"; }
twin_calls() { pgbench_tps "$1" -f "$here/twin_call.sql"; }
floor() {
    local -a scripts
    read -ra scripts <"$2"
    pgbench_tps "$1" "${scripts[@]}"
}

# The cells of a table: synchronous_commit and clients.
cells() { if [ -n "$BENCH_FULL" ]; then echo off1 off2 off8 off64 on1 on2 on8 on64; else echo "$1"; fi; }
set_cell() {
    sync=${1%%[0-9]*}
    clients=${1#"$sync"}
}

# --- a: against the floor ----------------------------------------------------------------

# campaigns, floor, name, goal
against_floor() {
    clone "world_$1" a
    clone "world_$1" b
    set_world "$1"
    compare a "$3" "$4" "$(commas "$1") campaigns, $2" call 'calls a' "$2" "floor b $work/$2.$1"
    verify a
}

figure_a() {
    local cell campaigns
    for campaigns in 10 1000 10000; do make_programme "$campaigns"; done
    heading 'a  record_transaction against the floor' call floor
    for cell in $(cells 'off1 off8 off64 on8'); do
        set_cell "$cell"
        case $cell in
            off1 | off8) against_floor 10000 floor "a$clients" 1.0 ;;
            *) against_floor 10000 floor - - ;;
        esac
    done
    for campaigns in 1000 10; do
        for cell in $(cells off8); do
            set_cell "$cell"
            against_floor "$campaigns" floor - -
        done
    done
    set_cell off8
    against_floor 10000 strict - -

    heading 'a  10,000 running campaigns against 10' 10,000 10
    set_cell off1
    clone world_10000 a
    clone world_10 b
    compare flat flat 0.95 'calls' '10,000' 'calls_in a 10000' 10 'calls_in b 10'
    verify a
    verify b
}

calls_in() {
    set_world "$2"
    calls "$1"
}

# --- b: against the twin -------------------------------------------------------------------

figure_b() {
    local cell differ
    make_programme 1000
    clone world_1000 world_twin
    run_file world_twin twin
    sql -d world_twin -c 'GRANT USAGE ON SCHEMA twin TO bench_service' -c 'GRANT ALL ON ALL TABLES IN SCHEMA twin TO bench_service' \
        -c 'GRANT EXECUTE ON FUNCTION swipesavvy.uuid_v7() TO bench_service'
    clone world_twin a
    differ=$(sql -d a -f "$here/twin_check.sql")
    case $differ in
        '0 of 600 purchases, 0 of 570 sums of spent and 0 of 10000 accounts differ') ;;
        *) fail "the twin is none: $differ" ;;
    esac
    heading 'b  record_transaction against its twin in PL/pgSQL' C PL/pgSQL
    printf '  before: %s\n' "$differ"
    for cell in $(cells 'off8 on8'); do
        set_cell "$cell"
        set_world 1000
        clone world_twin a
        clone world_twin b
        case $cell in
            off8) compare b b 2.0 '1,000 campaigns' C 'calls a' PL/pgSQL 'twin_calls b' ;;
            *) compare b - - '1,000 campaigns' C 'calls a' PL/pgSQL 'twin_calls b' ;;
        esac
        verify a
    done
}

# --- c: one hot budget ------------------------------------------------------------------------

figure_c() {
    local cell name least
    make_world
    clone world world_hot
    run_file world_hot hot
    heading 'c  all purchases on one budget, or spread over 1,000' 'one' '1,000'
    for cell in $(cells 'off8 off64 on8'); do
        set_cell "$cell"
        clone world_hot a
        clone world_hot b
        case $cell in
            off8 | off64) name=c$clients least=0.85 ;;
            *) name=- least=- ;;
        esac
        compare c "$name" "$least" 'one budget / 1,000 budgets' one 'calls_at a 1 1' '1,000' 'calls_at b 1 1000'
        verify a
        verify b
    done
}

# --- d: loads -----------------------------------------------------------------------------------

# Purchases per second of the load $1 (a file of SQL) in a fresh copy; the last one stays.
load() {
    clone world_load run
    set_fsync on
    sql -c CHECKPOINT
    (cd "$work" && PGOPTIONS="-c synchronous_commit=$sync" sql -d run -v count="$loaded" -f "$here/$1.sql")
}

figure_d() {
    make_programme 10000
    clone world_10000 world_load
    set_cell off1
    # the purchases, and from one load of them the finished rows
    run_file world_load load_input -v count="$loaded" -v work="$work"
    load load_view >"$work/load.log"
    verify run
    (cd "$work" && sql -d run -f "$here/load_rows.sql" && sql -o /dev/null -d world_load -f "$here/load_stage.sql")
    heading "d  COPY of $(commas "$loaded") purchases into the view" view rows
    compare d d 0.8 'COPY of the finished rows' view 'load load_view' copy 'load load_copy'
    verify run
    compare d dset 2.5 'INSERT of the finished rows from arrays' view 'load load_view' arrays 'load load_arrays'
    verify run
    drop run
}

# --- e: growth -----------------------------------------------------------------------------------

figure_e() {
    local size name from to
    make_programme 10000
    set_cell off8
    set_world 10000
    heading "e  calls with more purchases stored, or $(commas "$stored")" more fewer
    for size in $([ "$BENCH_BIG" -le 1000000 ] || echo 1000000) "$BENCH_BIG"; do
        name=-
        if [ "$size" = "$BENCH_BIG" ]; then name=e; fi
        clone world_10000 a
        clone world_10000 b
        for ((from = stored + 1; from <= size; from = to + 1)); do
            to=$((from + 999999 < size ? from + 999999 : size))
            run_file a stock -v from="$from" -v to="$to"
            sql -c CHECKPOINT
        done
        warm_up=10
        compare e "$name" 0.90 "$(commas "$size") stored" more 'calls a' fewer 'calls b'
        warm_up=2
        verify a
        drop a
    done
    if [ "$BENCH_BIG" -lt 10000000 ]; then
        printf '  The goal is for 10,000,000: BENCH_BIG=10000000 (some 15 minutes more, and 30 GB of disk).\n'
    fi
}

# --- f: compiled rules -----------------------------------------------------------------------------

figure_f() {
    local first rest bytes
    make_programme 10000
    clone world_10000 a
    sql -d a -f "$here/rebuild.sql" >"$work/rebuilds"
    first=$(head -n 1 "$work/rebuilds" | cut -d' ' -f1)
    rest=$(tail -n +2 "$work/rebuilds" | cut -d' ' -f1 | median)
    bytes=$(tail -n 1 "$work/rebuilds" | cut -d' ' -f2)
    bytes=$(awk "BEGIN { printf \"%.2f\", $bytes / 1e6 }")
    printf '\nf  compiled rules of 10,000 running campaigns\n\n'
    printf '%s%35.1f ms %13s\n' "$(label - 'first compilation in a session')" "$first" ''
    printf '%s%35.1f ms %13s\n' "$(label rebuild_ms 'compilation after a change, median')" "$rest" '<= 20'
    printf '%s%35.2f MB %13s\n' "$(label backend_mb 'held by each session')" "$bytes" '<= 6'
    csv f - 'first compilation' 1 - ms 1 "$first"
    csv f rebuild_ms 'compilation after a change' 1 - ms median "$rest"
    csv f backend_mb 'held by each session' 1 - MB 1 "$bytes"
    remember rebuild_ms "$rest" 20
    remember backend_mb "$bytes" 6
    drop a
}

# --- g: searching users ------------------------------------------------------------------------------

people() { pgbench_tps people -D people="$BENCH_PEOPLE" -f "$here/$1.sql"; }

figure_g() {
    make_role
    sql -c 'CREATE DATABASE people TEMPLATE template0'
    set_fsync off
    sql -o /dev/null -d people -v people="$BENCH_PEOPLE" -f "$here/people.sql"
    heading "g  list_users(search) among $(commas "$BENCH_PEOPLE") users" search 'key + 20'
    set_cell off1
    world=()
    compare g list_users 0.1 'part of a name or e-mail, few found' search 'people people_search' 'key + 20' 'people people_floor'
    compare g - - 'a whole name, thousands share its parts' name 'people people_name' 'key + 20' 'people people_floor'
    compare g - - 'no search: the newest 20 of all' list 'people people_list' 'key + 20' 'people people_floor'
    drop people
}

# --- h: simulation -----------------------------------------------------------------------------------

# Purchases per second of simulate_campaign over all that is stored, beside $1 other campaigns, for the figure $2 or -.
simulations() {
    local round rate
    for ((round = 0; round <= BENCH_ROUNDS; round++)); do
        rate=$(sql -d a -f "$here/simulate.sql")
        if [ "$round" = 0 ]; then continue; fi
        csv h "$2" "a campaign simulated beside $1" 1 - purchases/s "$round" "$rate"
        echo "$rate"
    done | median
}

figure_h() {
    local rate size=1000000
    make_programme 10
    set_world 10
    clone world_10 a
    run_file a stock -v from=$((stored + 1)) -v to="$size"
    rate=$(simulations 10 -)
    printf '\nh  a campaign simulated over %s stored purchases, one session\n\n' "$(commas "$size")"
    printf '%s%26.0f a second\n' "$(label - 'beside 10 campaigns that ran')" "$rate"
    # as if none of them had run
    sql -d a -c 'UPDATE swipesavvy.campaigns SET launched_at = NULL'
    rate=$(simulations 0 simulate)
    printf '%s%26.0f a second %13s\n' "$(label simulate alone)" "$rate" '>= 500000'
    remember simulate "$rate" 500000
    drop a
}

# --- all of it ----------------------------------------------------------------------------------------

for letter in $BENCH_ONLY; do
    if [[ " ${figures[*]} " != *" $letter "* ]]; then fail "there is no figure $letter: BENCH_ONLY takes some of ${figures[*]}" && exit 1; fi
done
echo 'figure,name,what,clients,synchronous_commit,side,run,value' >"$csv"
printf '\nswipesavvy on PostgreSQL %s, %s processors: %s runs of %s s a side, in turns; medians\n' \
    "$(sql -c 'SHOW server_version' | cut -d' ' -f1)" "$(nproc)" "$BENCH_ROUNDS" "$BENCH_SECONDS"
for letter in "${figures[@]}"; do
    if wanted "$letter"; then "figure_$letter"; fi
done
printf '\n'
for name in "${names[@]}"; do echo "bench: $name ratio=${ratio[$name]} goal=${goal[$name]}"; done
exit "$failed"
