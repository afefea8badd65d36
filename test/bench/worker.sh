# shellcheck shell=bash disable=SC2034,SC2154
# What the background worker costs (l): its processor time and memory, and purchases with and without it, in pairs.

BENCH_PAIRS=${BENCH_PAIRS:-30}
BENCH_WORKER_SECONDS=${BENCH_WORKER_SECONDS:-600}

status() { sql -d a -c "SELECT $1 FROM swipesavvy.worker_status() w"; }
until_true() { # SQL on $1, for two minutes at most
    local i
    for ((i = 0; i < 1200; i++)); do
        if [ "$(sql -d "$1" -c "$2")" = t ]; then return; fi
        read -rt 0.1 <> <(:) || :
    done
    fail "never: $2" && return 1
}

# Workers for the databases $1, or none; back when they are there, or gone.
set_workers() {
    sql -o /dev/null -c "ALTER SYSTEM SET swipesavvy.databases = '$1'" -c 'SELECT pg_reload_conf()'
    until_true a "SELECT (swipesavvy.worker_status() ->> 'state' = 'running') = ('$1' <> '')"
}

# The launcher and the workers of a.
worker_pids() { sql -d a -c "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'swipesavvy %'"; }

# Their processor time so far, in seconds; of health's alone with $1.
worker_cpu() {
    local pid ticks=0
    for pid in $(sql -d a -c "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'swipesavvy %' AND application_name ~ '${1:-}'"); do
        ticks=$((ticks + $(sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }')))
    done
    awk "BEGIN { print $ticks / $(getconf CLK_TCK) }"
}

# What they hold, in MB, pages that several share in parts; without the server's shared memory, which is there anyway.
worker_memory() {
    local pid
    for pid in $(worker_pids); do cat "/proc/$pid/smaps"; done |
        awk '/^[0-9a-f]+-[0-9a-f]+ / { shared = $2 ~ /s$/ } /^Pss:/ && !shared { sum += $2 } END { print sum / 1024 }'
}

calls_with() { # workers of '' or a
    set_workers "$1" && calls a
}

figure_l() {
    local n before before_health all health memory ratios=() with without low high middle
    if [[ "$(sql -c 'SHOW shared_preload_libraries')" != *swipesavvy* ]]; then
        printf '\nl  skipped: the server does not preload swipesavvy (BENCH_ONLY=l does)\n'
        return
    fi
    make_programme 10
    set_world 10
    clone world_10 a
    run_file a stock -v from=$((stored + 1)) -v to="$BENCH_BIG"
    sql -d a -c 'VACUUM ANALYZE' -c CHECKPOINT
    set_fsync on
    printf '\nl  the background worker beside %s stored purchases\n\n' "$(commas "$BENCH_BIG")"
    set_workers a
    # every job once: what is measured is every day's work
    until_true a "SELECT bool_and(j ->> 'last_success_at' IS NOT NULL) FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j"
    before=$(worker_cpu)
    before_health=$(worker_cpu health)
    read -rt "$BENCH_WORKER_SECONDS" <> <(:) || :
    all=$(awk "BEGIN { printf \"%.3f\", 100 * ($(worker_cpu) - $before) / $BENCH_WORKER_SECONDS }")
    health=$(awk "BEGIN { printf \"%.3f\", 100 * ($(worker_cpu health) - $before_health) / $BENCH_WORKER_SECONDS }")
    memory=$(worker_memory)
    printf '%s%36.3f %% %13s\n' "$(label worker_cpu "of a core in $BENCH_WORKER_SECONDS s, all processes")" "$all" '<= 0.5'
    printf '%s%36.3f %%\n' "$(label - 'of it, samples of health')" "$health"
    printf '%s%35.1f MB %13s\n' "$(label worker_mb 'memory (PSS), all processes')" "$memory" '<= 30'
    csv l worker_cpu 'processor time of the worker' 0 - percent 1 "$all"
    csv l worker_mb 'memory of the worker' 0 - MB 1 "$memory"
    remember worker_cpu "$all" 0.5
    remember worker_mb "$memory" 30
    set_cell off8
    seconds=$BENCH_SECONDS
    for ((n = 0; n <= BENCH_PAIRS; n++)); do
        if ((n % 2)); then
            with=$(calls_with a)
            without=$(calls_with '')
        else
            without=$(calls_with '')
            with=$(calls_with a)
        fi
        if [ "$n" = 0 ]; then continue; fi
        csv l worker_purchases purchases 8 off with "$n" "$with"
        csv l worker_purchases purchases 8 off without "$n" "$without"
        ratios+=("$(awk "BEGIN { print $with / $without }")")
    done
    # of so many pairs in order, the two between which the median lies at 95 %
    low=$(awk "BEGIN { n = $BENCH_PAIRS / 2 - 0.98 * sqrt($BENCH_PAIRS); print n < 1 ? 1 : int(n) }")
    high=$((BENCH_PAIRS + 1 - low))
    middle=$(printf '%s\n' "${ratios[@]}" | median)
    printf '%s%16.3f (%.3f to %.3f, 95 %%)\n' "$(label worker_purchases "purchases with it / without, $BENCH_PAIRS pairs")" "$middle" \
        "$(printf '%s\n' "${ratios[@]}" | sort -n | sed -n "${low}p")" "$(printf '%s\n' "${ratios[@]}" | sort -n | sed -n "${high}p")"
    remember worker_purchases "$middle" -
    set_workers ''
    verify a
    drop a
}
