# shellcheck shell=bash disable=SC2034,SC2154
# Figures of analytics (q): the readers of roll-ups against one prepared statement of SQL that adds up the same rows and makes nothing of them, on
# the same database; and what reports and exports cost in processor time, by /proc/PID/schedstat.

# The database world_figures: $1 purchases of a year under 1,000 campaigns, folded.
make_figures() {
    has_database world_figures && return
    local size=$1 from to
    make_programme 1000
    clone world_1000 making
    for ((from = stored + 1; from <= size; from = to + 1)); do
        to=$((from + 999999 < size ? from + 999999 : size))
        run_file making stock -v from="$from" -v to="$to"
        sql -c CHECKPOINT
    done
    sql -o /dev/null -d making -c 'SELECT swipesavvy.rebuild_analytics()' \
        -c 'VACUUM ANALYZE swipesavvy.campaign_days, swipesavvy.campaign_hours, swipesavvy.merchant_days'
    sql -d making -c 'CREATE ROLE bench_analyst LOGIN IN ROLE swipesavvy_admin' -c 'GRANT USAGE ON SCHEMA swipesavvy TO bench_analyst' \
        -c 'GRANT SELECT ON ALL TABLES IN SCHEMA swipesavvy TO bench_analyst'
    sql -c 'ALTER DATABASE making RENAME TO world_figures'
}

# Answers per second of the script.
figures() {
    caller=bench_analyst run_pgbench world_figures -D merchants="$merchants_with" -T "$seconds" -f "$here/$1.sql" >"$work/pgbench.out" &&
        sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/pgbench.out"
}

# Both sides must have found the same: conversions of a campaign in 90 days and hour by hour, and of all campaigns and purchases in a year.
same_figures() {
    local differ
    differ=$(sql -d world_figures -f "$here/figures_check.sql")
    if [ "$differ" != 't t t t t' ]; then fail "figures and their SQL by hand differ: $differ"; fi
}

# A report of a year: source, measures, dimensions, filters.
year_report() {
    printf "jsonb_build_object('source', '%s', 'measures', '%s'::jsonb, 'dimensions', '%s'::jsonb, 'filters', '%s'::jsonb, 'start_date', current_date - 365, 'end_date', current_date)" "$@"
}

# NAME GOAL WHAT STATEMENT CALLS: milliseconds of processor time of each call that the statement makes; the GOAL is - where there is none
call_time() {
    local round time upper=''
    time=$(for ((round = 1; round <= BENCH_ROUNDS; round++)); do
        time=$(session_time world_figures "$4" "$5" | awk '{ printf "%.2f", $1 / 1000 }')
        csv q "$1" "$3" 1 - ms "$round" "$time"
        echo "$time"
    done | median)
    if [ "$2" != - ]; then upper="<= $2"; fi
    label "$1" "$3"
    printf '%35.2f ms %13s\n' "$time" "$upper"
    remember "$1" "$time" "$2"
}
report_time() { call_time "$1" - "$2" "SELECT count(swipesavvy.run_custom_report($3)) FROM generate_series(1, 3)" 3; }

# Records a second of processor time of a report exported as CSV.
export_rate() {
    local round rate call records
    call="swipesavvy.export_analytics('report', definition => $(year_report campaigns '["conversions", "revenue", "cost"]' '["campaign", "campaign_name", "day", "currency"]' '[]'))"
    records=$(sql -d world_figures -c "SELECT count(*) FROM $call")
    rate=$(for ((round = 1; round <= BENCH_ROUNDS; round++)); do
        rate=$(session_time world_figures "SELECT count(*) FROM $call" 1 | awk -v records="$records" '{ printf "%.0f", records / $1 * 1e6 }')
        csv q export_rows 'records exported as CSV' 1 - records/s "$round" "$rate"
        echo "$rate"
    done | median)
    label export_rows "records exported as CSV, of $(commas "$records")"
    printf '%26.0f a second\n' "$rate"
    remember export_rows "$rate" -
}

figure_q() {
    local merchants_with metrics90 trends7 portfolio usd='[{"field": "currency", "op": "eq", "value": "USD"}]'
    make_figures "$BENCH_BIG"
    merchants_with=$(sql -d world_figures -c 'SELECT count(*) FROM swipesavvy.campaigns WHERE target_merchant_id IS NOT NULL')
    world=()
    same_figures
    heading "q  figures of campaigns, $(commas "$BENCH_BIG") purchases stored" C SQL
    set_cell off1
    compare q metrics90 - '90 days of a campaign / sums by hand' C 'figures figures_metrics' SQL 'figures floor_metrics'
    compare q daily30 - '30 days, day by day / sums by hand' C 'figures figures_daily' SQL 'figures floor_daily'
    compare q trends7 - '7 days, hour by hour / sums by hand' C 'figures figures_trends' SQL 'figures floor_trends'
    compare q report_days - 'report of campaigns by month / by hand' C 'figures figures_days' SQL 'figures floor_days'
    compare q report_hours - 'report of campaigns by hour / by hand' C 'figures figures_hours' SQL 'figures floor_hours'
    compare q report_purchases - 'report of purchases by category / by hand' C 'figures figures_purchases' SQL 'figures floor_purchases'
    if [ ! -r /proc/self/schedstat ]; then return; fi
    printf '\n  processor time of one session; reports are of a year\n\n'
    metrics90="SELECT count(swipesavvy.get_campaign_metrics('MERCHANT-' || 1 + n % $merchants_with, current_date - 89, current_date)) FROM generate_series(1, 500) n"
    trends7="SELECT count(swipesavvy.get_campaign_trends('MERCHANT-' || 1 + n % $merchants_with, 'hourly', current_date - 14, current_date - 8)) FROM generate_series(1, 200) n"
    portfolio='SELECT count(swipesavvy.get_campaign_portfolio()) FROM generate_series(1, 10)'
    call_time metrics90_ms 2 '90 days of a campaign' "$metrics90" 500
    call_time trends7_ms - '7 days, hour by hour' "$trends7" 200
    call_time portfolio_ms 50 'portfolio of 1,000 campaigns, 30 days' "$portfolio" 10
    report_time report_days_ms 'campaigns by month and type' "$(year_report campaigns '["conversions", "revenue", "cost", "return_on_ad_spend"]' '["month", "campaign_type"]' "$usd")"
    report_time report_hours_ms 'campaigns by weekday and hour' "$(year_report campaigns '["conversions"]' '["weekday", "hour"]' '[]')"
    report_time report_purchases_ms 'purchases by category and month' "$(year_report purchases '["purchases", "net_amount", "average_net"]' '["category", "month"]' "$usd")"
    export_rate
    printf '\n  the same with 5,000 purchases that are not folded\n\n'
    sql -o /dev/null -d world_figures -c "SELECT count(swipesavvy.record_transaction(bench.user_id(1 + n * 7919 % $users), 5 + n * 31 % 120, merchant_id => bench.merchant_id(1 + n * 104729 % $merchants_with))) FROM generate_series(1, 5000) n"
    call_time metrics90_tail_ms 2 '90 days of a campaign' "$metrics90" 500
    call_time trends7_tail_ms - '7 days, hour by hour' "$trends7" 200
    call_time portfolio_tail_ms 50 'portfolio of 1,000 campaigns, 30 days' "$portfolio" 10
}
