# shellcheck shell=bash disable=SC2034,SC2154
# Places (p): what is near, and reports of where users are, against what each must do at least in plain SQL.

places() { pgbench_tps "$1" -f "$here/$2.sql"; }

figure_p() {
    sql -c 'CREATE ROLE bench_service LOGIN' 2>"$work/role.log" || grep -q 'already exists' "$work/role.log"
    sql -c 'CREATE DATABASE world_places TEMPLATE template0'
    set_fsync off
    sql -o /dev/null -d world_places -f "$here/places.sql"
    world=()
    clone world_places a
    clone world_places b
    heading 'p  places: 28,849 locations, 1,000 fences' call floor
    set_cell off1
    compare p nearby 0.3 'the 20 nearest within 20 km' call 'places a places_near' floor 'places b places_near_floor'
    if [ "$(sql -At -c "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'")" = 1 ]; then
        sql -o /dev/null -d b -f "$here/postgis.sql"
        compare p postgis 1.0 'the same by PostGIS, without hours and offers' call 'places a places_near' floor 'places b places_postgis'
    else
        echo 'postgis: skipped, no PostGIS'
    fi
    compare p report1 0.5 'a report of a location' call 'places a places_report' floor 'places b places_report_floor'
    set_cell off8
    compare p report8 0.5 'a report of a location' call 'places a places_report' floor 'places b places_report_floor'
    drop a
    drop b
    drop world_places
}
