# shellcheck shell=bash disable=SC2034,SC2154
# Deliveries (k): how many messages a second reach a webhook on this machine, and how many requests curl itself makes there. Both are what the
# endpoint saw: from its first request to its last.

messages=10000

# Requests per second in the endpoint's record, which must have all of them.
rate_of_record() {
    awk -v wanted="$messages" -F'"time":' '{ split($2, t, ","); if (NR == 1) first = t[1]; last = t[1] }
        END { if (NR != wanted) { print "bench: " NR " requests of " wanted > "/dev/stderr"; exit 1 } printf "%.0f\n", (NR - 1) / (last - first) }' "$work/requests"
}

worker_delivers() { # $1 at a time
    : >"$work/requests"
    sql -d a -o /dev/null -c "TRUNCATE swipesavvy.outbox CASCADE" -c "SELECT swipesavvy.update_sink('hook', '{\"max_in_flight\": $1, \"enabled\": false}')" \
        -c "INSERT INTO swipesavvy.outbox (message_id, event, version, order_key, body, sink)
            SELECT swipesavvy.uuid_v7(), 'test', 1, 'key ' || g, jsonb_build_object('n', g), 'hook' FROM generate_series(1, $messages) g" \
        -c 'VACUUM ANALYZE swipesavvy.outbox' -c "SELECT swipesavvy.update_sink('hook', '{\"enabled\": true}')"
    until_true a "SELECT NOT EXISTS (SELECT FROM swipesavvy.outbox WHERE delivered_at IS NULL)" && rate_of_record
}

curl_sends() { # $1 at a time
    : >"$work/requests"
    curl --silent --show-error --parallel --parallel-immediate --parallel-max "$1" --config "$work/curl.conf" >"$work/curl.out" 2>&1 || { cat "$work/curl.out" >&2 && return 1; }
    rate_of_record
}

figure_k() {
    local at name round side
    local -a worker curl
    if [[ "$(sql -c 'SHOW shared_preload_libraries')" != *swipesavvy* ]]; then
        printf '\nk  skipped: the server does not preload swipesavvy (BENCH_ONLY=k does)\n'
        return
    fi
    drop a
    sql -c 'CREATE DATABASE a TEMPLATE template0'
    sql -d a -c 'CREATE EXTENSION swipesavvy CASCADE'
    set_fsync on
    : >"$work/requests"
    coproc ENDPOINT { exec perl "$here/../t/lib/Stub.pm" "$work/requests"; }
    read -r -u "${ENDPOINT[0]}" at
    for ((round = 0; round < messages; round++)); do
        printf 'url = "http://127.0.0.1:%s/hook"\nheader = "Content-Type: application/json"\noutput = "/dev/null"\ndata = "%0110d"\nnext\n' "$at" "$round"
    done | sed '$d' >"$work/curl.conf"
    sql -o /dev/null -c "ALTER SYSTEM SET swipesavvy.private_networks = '127.0.0.1'"
    sql -o /dev/null -d a -c "SELECT swipesavvy.set_sink_secret('key', 'whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3A=')" \
        -c "SELECT swipesavvy.create_sink('hook', 'webhook', 'http://127.0.0.1:$at/hook', secret => 'key', events => '{nothing.at_all}')"
    set_workers a
    printf '\nk  %s messages of their own keys to a webhook on this machine, per second\n\n  %-19s %-40s %12s %12s %12s\n' \
        "$(commas "$messages")" '' '' worker curl goal
    for at in 16 1; do
        name=$([ $at = 16 ] && echo deliveries || echo -)
        worker=() curl=()
        for ((round = 0; round <= BENCH_ROUNDS; round++)); do
            side=("$(worker_delivers $at)" "$(curl_sends $at)")
            if [ "$round" = 0 ]; then continue; fi
            worker+=("${side[0]}")
            curl+=("${side[1]}")
            csv k "$name" "$at at a time" 1 local worker "$round" "${side[0]}"
            csv k "$name" "$at at a time" 1 local curl "$round" "${side[1]}"
        done
        side=("$(printf '%s\n' "${worker[@]}" | median)" "$(printf '%s\n' "${curl[@]}" | median)")
        printf '%s%12.0f %12.0f %12s\n' "$(label "$name" "$at at a time")" "${side[@]}" "$([ $at = 16 ] && echo '>= 1000')"
        remember "$name" "${side[0]}" 1000
    done
    set_workers ''
    sql -o /dev/null -c 'ALTER SYSTEM RESET swipesavvy.private_networks'
    eval "exec ${ENDPOINT[1]}>&-"
    wait "$ENDPOINT_PID" || :
    drop a
}
