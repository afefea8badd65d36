# shellcheck shell=bash disable=SC2034,SC2154
# What users see (i): our functions against one prepared statement of SQL by hand for each answer, on the same database.

# The database world_readers: $1 purchases of a year, 40 users with 5,000 each and the others with 45; all pay with their card.
make_readers() {
    has_database world_readers && return
    local size=$1 heavy=200000 users users_at=$users
    users=$((40 + (size - heavy) / 45))
    clone template0 making
    run_file making world
    run_file making campaigns -v campaigns=1000
    sql -o /dev/null -d making -c "SELECT count(swipesavvy.link_account(bench.user_id(n), 'card', lpad((n % 10000)::text, 4, '0'),
        issuer => 'Visa', card_type => 'credit')) FROM generate_series(1, $users) AS n"
    local each=$((size / heavy)) from to
    for ((from = 1; from <= size; from = to + 1)); do
        to=$((from + 999999 < size ? from + 999999 : size))
        run_file making stock -v from="$from" -v to="$to" \
            -v user_no="CASE WHEN n % $each = 0 THEN 1 + n / $each % 40 ELSE 41 + (n - n / $each) % ($users - 40) END"
        sql -c CHECKPOINT
    done
    users=$users_at
    sql -d making -c 'CREATE ROLE bench_reader LOGIN IN ROLE swipesavvy_admin' -c 'GRANT USAGE ON SCHEMA swipesavvy TO bench_reader' \
        -c 'GRANT SELECT ON ALL TABLES IN SCHEMA swipesavvy TO bench_reader'
    sql -c 'ALTER DATABASE making RENAME TO world_readers'
    same_answers
}

# Both sides must say the same of some users; instants by hand have six decimals, and the one of the call differs.
same_answers() {
    local user pair file function differ
    for pair in last20:get_user_transactions rewards:get_user_rewards analytics:get_user_spending_analytics; do
        file=${pair%:*} function=${pair#*:}
        for user in 1 40 41 1000; do
            differ=$({ printf 'WITH hand (answer) AS (%s), ours (answer) AS (SELECT swipesavvy.%s(bench.user_id(%s)))' \
                "$(sed -e '/^\\set/d; s/;$//' -e "s/:days/30/g; s/:u)/(1000000000000000000 + $user))/g" "$here/hand_$file.sql")" "$function" "$user"
                cat <<'END'
, said (answer) AS (SELECT answer FROM hand UNION ALL SELECT answer FROM ours)
SELECT count(DISTINCT regexp_replace(regexp_replace((answer - 'analysis_date')::text, '(\.[0-9]*[1-9])0*Z"', '\1Z"', 'g'), '\.0+Z"', 'Z"', 'g')::jsonb)
FROM said
END
            } | sql -d world_readers -f -)
            if [ "$differ" != 1 ]; then fail "$function and its SQL by hand differ for user $user"; fi
        done
    done
}

# Calls per second of scripts $2 … for users $1 (first-last).
reads() {
    local first=${1%-*} last=${1#*-} script
    local -a files=()
    for script in "${@:2}"; do files+=(-f "$script"); done
    caller=bench_reader run_pgbench world_readers -D first_user="$first" -D last_user="$last" -D days=30 -T "$seconds" "${files[@]}" >"$work/pgbench.out" &&
        sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/pgbench.out"
}

figure_i() {
    local light=41-10000 heavy=1-40
    make_readers "$BENCH_BIG"
    cat "$here"/read_{profile,last20,analytics}.sql >"$work/read_all.sql"
    cat "$here"/hand_{profile,rewards,last20,analytics}.sql >"$work/hand_all.sql"
    heading "i  what users see, $(commas "$BENCH_BIG") purchases stored" first second
    set_cell off1
    compare i profile 0.9 'profile and rewards: 5,000 / 45 purchases' 5,000 "reads $heavy $here/read_profile.sql" 45 "reads $light $here/read_profile.sql"
    compare i last20 1.0 'last 20 / by hand' C "reads $light $here/read_last20.sql" SQL "reads $light $here/hand_last20.sql"
    compare i analytics45 1.0 '30 days, 45 purchases / by hand' C "reads $light $here/read_analytics.sql" SQL "reads $light $here/hand_analytics.sql"
    compare i analytics5000 1.0 '30 days, 5,000 purchases / by hand' C "reads $heavy $here/read_analytics.sql" SQL "reads $heavy $here/hand_analytics.sql"
    set_cell off8
    compare i dashboard 4.0 'all four, 5,000 purchases / by hand' C "reads $heavy $work/read_all.sql" SQL "reads $heavy $work/hand_all.sql"
}
