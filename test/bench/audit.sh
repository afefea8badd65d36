# shellcheck shell=bash disable=SC2034,SC2154
# What the audit log costs (j): the library against itself without audit rows, and how fast a log is verified.

# The library's own objects once more, linked so that no call writes its row (unaudited.c). Prints the file.
link_unaudited() {
    local pg_config=${PG_CONFIG:-pg_config} tree=$here/../..
    local -a cc objects
    read -ra cc <<<"$("$pg_config" --cc)"
    "${cc[@]}" -O2 -fPIC -I"$("$pg_config" --includedir-server)" -I"$tree/src" -c "$here/unaudited.c" -o "$work/unaudited.o"
    mapfile -t objects < <(find "$tree/src" -name '*.o' -not -path '*/worker/*' -not -path '*/http/*')
    "${cc[@]}" -shared "${objects[@]}" "$work/unaudited.o" -Wl,--wrap=ss_audit_write -Wl,--wrap=ss_audit_write_rows -lsodium -o "$work/unaudited.so"
    echo "$work/unaudited.so"
}

# Databases a, and b with the other library, from world_10; one change before, so that sessions do not wait for who notes the installation.
make_pair() {
    clone world_10 a
    clone world_10 b
    sql -d b -c "UPDATE pg_proc SET probin = '$1' WHERE probin = '\$libdir/swipesavvy'"
    sql -o /dev/null -d a -c "SELECT swipesavvy.update_user(bench.user_id(1), '{\"name\": \"First\"}')"
    sql -o /dev/null -d b -c "SELECT swipesavvy.update_user(bench.user_id(1), '{\"name\": \"First\"}')"
    if [ "$(sql -d b -c "SELECT count(*) FROM swipesavvy.audit_logs WHERE event_type = 'user.update'")" != 0 ]; then
        fail 'the side without audit rows writes them'
    fi
}

changes() { caller=bench_support pgbench_tps "$1" -f "$here/change.sql"; }

# Each call must have left its row.
count_rows() {
    local rows commits
    rows=$(sql -d a -c "SELECT count(*) FROM swipesavvy.audit_logs WHERE event_type = 'user.update'")
    commits=$(sql -d a -c "SELECT count(DISTINCT xid) FROM swipesavvy.audit_logs WHERE event_type = 'user.update'")
    if [ "$rows" -lt 1000 ] || [ "$rows" != "$commits" ]; then fail "$rows audit rows of $commits changes"; fi
}

# Rows per second that verify_audit_log() reads, one session: a million rows, copies of those that a has.
verify_rows() {
    local round rate size=1000000
    sql -o /dev/null -d a -v size=$size -f "$here/audit_rows.sql" -c 'VACUUM ANALYZE swipesavvy.audit_logs' -c CHECKPOINT
    for ((round = 0; round <= BENCH_ROUNDS; round++)); do
        rate=$(PGOPTIONS="$PGOPTIONS -c max_parallel_workers_per_gather=0" sql -d a -f "$here/audit_verify.sql")
        if [ "$round" = 0 ]; then continue; fi
        csv j verify_rows 'verify_audit_log' 1 - rows/s "$round" "$rate"
        echo "$rate"
    done | median
}

figure_j() {
    local cell name least library rate
    make_programme 10
    library=$(link_unaudited)
    sql -c 'CREATE ROLE bench_support LOGIN IN ROLE swipesavvy_support'
    heading 'j  a change with its audit row, or without' with without
    for cell in $(cells 'off8 off64 on8'); do
        set_cell "$cell"
        set_world 10
        make_pair "$library"
        case $cell in
            off8) name=audit8 least=0.87 ;;
            off64) name=audit64 least=0.85 ;;
            *) name=- least=- ;;
        esac
        compare j "$name" "$least" update_user with 'changes a' without 'changes b'
        count_rows
    done
    set_cell off1
    make_pair "$library"
    compare j - - 'record_transaction, which writes none' with 'calls a' without 'calls b'
    drop b
    caller=bench_support run_pgbench a -t 2000 -f "$here/change.sql" >"$work/changes.log"
    rate=$(verify_rows)
    printf '\n%s%26.0f a second %13s\n' "$(label verify_rows 'rows that verify_audit_log() reads')" "$rate" '>= 200000'
    remember verify_rows "$rate" 200000
    drop a
}
