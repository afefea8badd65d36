# shellcheck shell=bash disable=SC2034,SC2154
# Flags (n) and A/B tests (o): one user beside a look-up by primary key, all users beside plain SQL, purchases with and without a test.

make_flags() {
    has_database flags && return
    make_role
    sql -c 'CREATE DATABASE flags TEMPLATE template0'
    set_fsync off
    sql -o /dev/null -d flags -v users=100000 -f "$here/flags.sql"
}

flag_calls() { pgbench_tps flags -D users=100000 -f "$here/$1.sql"; }

# Rows a second of the query that is the rest of the arguments, in a session that has run it before.
rows_a_second() {
    PGOPTIONS="$PGOPTIONS -c max_parallel_workers_per_gather=0" sql -d flags -c "$*" -c '\timing on' -c "$*" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | awk '{ print 100000 / $1 * 1000 }'
}

figure_n() {
    make_flags
    set_cell off1
    world=()
    heading 'n  evaluate_flag and evaluate_flags against a look-up by primary key' flag key
    compare n flag 0.8 'a flag on the tier' flag 'flag_calls flags_one' key 'flag_calls flags_floor'
    compare n - - 'fifty flags at once' flags 'flag_calls flags_all' key 'flag_calls flags_floor'
    heading 'n  all of 100,000 users against plain SQL' flag SQL
    compare n flag_enabled 1.0 'a share of the users' flag \
        "rows_a_second SELECT count(*) FILTER (WHERE swipesavvy.flag_enabled('half', user_id)) FROM swipesavvy.users" SQL \
        "rows_a_second SELECT count(*) FILTER (WHERE abs(hashtext('half'||user_id::text))%10000<5000) FROM swipesavvy.users"
    compare n flag_users 0.15 'a share of two tiers' flag \
        "rows_a_second SELECT count(*) FILTER (WHERE enabled) FROM swipesavvy.flag_users('golden')" SQL \
        "rows_a_second SELECT count(*) FILTER (WHERE tier IN ('gold','platinum') AND abs(hashtext('golden'||user_id::text))%10000<5000) FROM swipesavvy.users JOIN swipesavvy.reward_accounts USING (user_id)"
    drop flags
}

# Two campaigns for everybody, which $1 tests: each user gets one of them. Without the test everybody gets the first one.
with_second() {
    clone world_10000 "$1"
    sql -o /dev/null -d "$1" -c "SELECT swipesavvy.create_campaign('Second', 'SEASONAL', 0.5, 'FIXED_DISCOUNT', now() - interval '2 years', campaign_id => 'SECOND')"
    if [ "$2" = tested ]; then
        sql -o /dev/null -d "$1" -c "SELECT swipesavvy.create_ab_test('Bench', 'EVERYBODY', '{SECOND}', test_id => 'f0000000-0000-4000-8000-000000000001')" \
            -c "SELECT swipesavvy.start_ab_test('f0000000-0000-4000-8000-000000000001')"
    fi
}

assigned() { pgbench_tps a -f "$here/$1.sql"; }

figure_o() {
    make_programme 10000
    set_cell off1
    set_world 10000
    with_second a tested
    with_second b untested
    heading 'o  purchases with an A/B test among 10,000 campaigns, against none' test none
    compare o ab_purchase 0.97 '10,000 campaigns' test 'calls_in a 10000' none 'calls_in b 10000'
    heading 'o  assign_ab_test against a look-up by primary key' assign key
    compare o ab_assign 0.8 'the group of a user' assign 'assigned ab_assign' key 'assigned flags_floor'
    verify a
    verify b
    drop a
    drop b
}
