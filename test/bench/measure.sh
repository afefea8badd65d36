# shellcheck shell=bash disable=SC2034,SC2154
# Databases from templates, runs in turns, medians, the table and the CSV. The variables are those of bench.sh.

declare -A ratio goal
names=() # of the figures that have one, in the order in which they were measured
begun=$EPOCHSECONDS
failed=0
fsync=on

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
has_database() { [ "$(sql -c "SELECT count(*) FROM pg_database WHERE datname = '$1'")" = 1 ]; }
drop() { sql -c "DROP DATABASE IF EXISTS $1 WITH (FORCE)"; }

set_fsync() {
    if [ "$fsync" = "$1" ]; then return; fi
    sql -o /dev/null -c "ALTER SYSTEM SET fsync = $1" -c 'SELECT pg_reload_conf()'
    fsync=$1
}

# Database $2 as a copy of $1: both sides of a pair start from the same files. Not flushed to disk one by one.
clone() {
    set_fsync off
    drop "$2"
    sql -c "CREATE DATABASE $2 TEMPLATE $1 STRATEGY file_copy"
}

fail() {
    echo "bench: $1" >&2
    failed=1
}

# 10000 -> 10,000
commas() { sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta' <<<"$1"; }
wanted() { [ -z "$BENCH_ONLY" ] || [[ " $BENCH_ONLY " == *" $1 "* ]]; }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# letter of the figure, its name or -, what, clients, synchronous_commit, side, run, value
csv() { printf '%s,%s,"%s",%s,%s,"%s",%s,%s\n' "$1" "${2#-}" "${@:3}" >>"$csv"; }
# The begin of a line of a table: the figure's name, or - if it has none, and what is measured.
label() { printf '  %-19s %-40s ' "${1#-}" "$2"; }

# The purchases of database $1 must add up.
verify() {
    local found
    found=$(PGOPTIONS="$PGOPTIONS -c work_mem=256MB" sql -d "$1" -c "SELECT swipesavvy.verify_ledger()->>'mismatches'")
    if [ "$found" != 0 ]; then fail "verify_ledger finds $found mismatches"; fi
}

# pgbench on database $1 with more options, as the service that records purchases; prints what it prints.
run_pgbench() {
    PGUSER=${caller:-bench_service} PGOPTIONS="-c synchronous_commit=$sync" pgbench -n -M prepared -c "$clients" -j $((clients < 2 ? 1 : 2)) \
        -D users="$users" -D n=0 -D run=$((EPOCHSECONDS - begun)) "${world[@]}" "${@:2}" "$1" 2>"$work/pgbench.log" ||
        { cat "$work/pgbench.log" >&2 && return 1; }
}

# Purchases per second, without the lead in which sessions start: each compiles rules and plans.
pgbench_tps() {
    local lead=$((clients > 8 ? 3 : 1))
    run_pgbench "$@" -P 1 -T $((seconds + lead)) >"$work/pgbench.out" &&
        awk -v lead=$lead '/^progress:/ { if ($2 > lead + 0.5) { sum += $4 * ($2 - before); time += $2 - before } before = $2 }
            END { if (time == 0) exit 1; print sum / time }' "$work/pgbench.log"
}

# Microseconds of processor time, of one session of database $1, that each of the $3 calls takes that the statement $2 makes; it is run once before that
# does not count. Where the system does not say how long a process has run (/proc/PID/schedstat) there is no answer.
session_time() {
    printf "SELECT pg_backend_pid() AS pid \\\\gset\n\\\\setenv BACKEND :pid\n" >"$work/answers.sql"
    for _ in warm measured; do
        printf '%s\n' "\\! cut -d' ' -f1 /proc/\$BACKEND/schedstat" "$2 \\g /dev/null" >>"$work/answers.sql"
    done
    printf '%s\n' "\\! cut -d' ' -f1 /proc/\$BACKEND/schedstat" >>"$work/answers.sql"
    sql -d "$1" -f "$work/answers.sql" | awk -v calls="$3" 'NR == 3 { printf "%.1f", ($1 - before) / 1000 / calls } { before = $1 }'
}

heading() {
    printf '\n%s\n\n  %-19s %-40s %7s %4s %10s %10s %6s %6s\n' "$1" '' '' clients sync "$2" "$3" ratio goal
}

# compare LETTER NAME GOAL WHAT SIDE_A 'COMMAND_A' SIDE_B 'COMMAND_B': runs A and B in turns, $BENCH_ROUNDS times each, after one
# run each that does not count. A command prints what it achieved. GOAL is - where there is none; NAME is - where the ratio stands beside a figure and is none.
compare() {
    local letter=$1 name=$2 least=$3 what=$4 side round value
    local -a sides=("$5" "$7") command words runs=('' '') middle
    command=("$6" "$8")
    set_fsync on
    sql -c CHECKPOINT
    for ((round = 0; round <= BENCH_ROUNDS; round++)); do
        seconds=$BENCH_SECONDS
        if [ "$round" = 0 ]; then seconds=$warm_up; fi
        for side in 0 1; do
            read -ra words <<<"${command[side]}"
            value=$("${words[@]}")
            if [ "$round" = 0 ]; then continue; fi
            runs[side]+="$value "
            csv "$letter" "$name" "$what" "$clients" "$sync" "${sides[side]}" "$round" "$value"
        done
    done
    for side in 0 1; do middle[side]=$(tr ' ' '\n' <<<"${runs[side]% }" | median); done
    value=$(awk "BEGIN { printf \"%.3f\", ${middle[0]} / ${middle[1]} }")
    csv "$letter" "$name" "$what" "$clients" "$sync" "ratio" median "$value"
    label "$name" "$what"
    printf '%7s %4s %10.0f %10.0f %6.2f %6s\n' "$clients" "$sync" "${middle[@]}" "$value" "${least#-}"
    remember "$name" "$value" "$least"
}

# remember NAME VALUE GOAL: for the last lines. Of several values for one name the lower counts.
remember() {
    if [ "$1" = - ]; then return; fi
    if [ -z "${goal[$1]:-}" ]; then names+=("$1"); fi
    if [ -z "${ratio[$1]:-}" ] || awk "BEGIN { exit !($2 < ${ratio[$1]}) }"; then ratio[$1]=$2; fi
    goal[$1]=$3
}
