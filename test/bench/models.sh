# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# What models say (m): processor time of an answer, of users with 45 and with 5,000 purchases within a year.

# Microseconds of processor time of the call $1 of user u, among users $2 to $3; $4 calls after as many that do not count.
answer_time() { session_time models "SELECT count($1) FROM (SELECT bench.id($2 + n % ($3 - $2 + 1)) AS u FROM generate_series(1, $4) n) x" "$4"; }

# WHAT NAME GOAL CALL FIRST LAST CALLS; NAME and GOAL are - where there is none
answer() {
    local round time
    for ((round = 1; round <= BENCH_ROUNDS; round++)); do
        time=$(answer_time "$4" "$5" "$6" "$7")
        csv m "$2" "$1" 1 - us "$round" "$time"
        echo "$time"
    done | median >"$work/answer"
    time=$(cat "$work/answer")
    label "$2" "$1"
    printf '%35.1f us %13s\n' "$time" "${3/#[0-9]/<= ${3:0:1}}"
    remember "$2" "$time" "$3"
}

figure_m() {
    if [ ! -r /proc/self/schedstat ]; then
        printf '\nm  skipped: this system does not say how long a process has run\n'
        return
    fi
    sql -c 'CREATE DATABASE models TEMPLATE template0'
    sql -o /dev/null -d models -f "$here/models.sql"
    printf '\nm  what models say: processor time of an answer\n\n'
    answer 'churn, 45 purchases' predict45 150 "swipesavvy.predict('churn', u)" 1 100 4000
    answer 'churn, 5,000 purchases' predict5000 1000 "swipesavvy.predict('churn', u)" 101 104 300
    answer 'conversion, 45 purchases' conversion45 150 "swipesavvy.predict('conversion', u, 'shown')" 1 100 2000
    answer 'conversion, 5,000 purchases' conversion5000 1000 "swipesavvy.predict('conversion', u, 'shown')" 101 104 300
    answer 'offer, 45 purchases' offer45 150 "swipesavvy.predict('offer', u)" 1 100 4000
    answer 'offer, 5,000 purchases' offer5000 1000 "swipesavvy.predict('offer', u)" 101 104 300
    answer 'merchants of a user, 45 purchases' affinity45 200 'swipesavvy.get_merchant_affinity(u)' 1 100 2000
    answer 'merchants of a user, 5,000 purchases' affinity5000 1500 'swipesavvy.get_merchant_affinity(u)' 101 104 300
    answer 'send times, 45 purchases' - - 'swipesavvy.get_send_times(u)' 1 100 4000
    drop models
}
