#!/usr/bin/env bash
# The main job on real input: 69,659 purchases earn points, spend budgets and balance to zero.
# Then a model learns from them who is about to be lost, some are refunded, points are spent and expire, figures say what came
# of it all, the merchants get places, a campaign is simulated before and after it runs, and two are tested against each other.
# Needs PGHOST, PGPORT and PGUSER (a superuser) of an empty server where the extension is available; makes five
# databases there. Exits 1 when a count, a sum, a budget, a figure or the ledger is wrong, the two doors disagree, the model
# is not worth having, something else is near than distances to every location say, a campaign gives anything else than its simulation says, or a test counts anything else than the purchases say.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PGCLIENTENCODING=UTF8 PGOPTIONS='-c client_min_messages=warning'
first=5000

case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
    *UTF-8* | *utf-8* | *UTF8* | *utf8*) full=█ rest=░ ;;
    *) full='#' rest=. ;;
esac

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -v full="$full" -v rest="$rest" "$@"; }

# 5000 -> 5,000
commas() { sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta' <<<"$1"; }

fail() {
    printf 'demo: %s\n' "$1" >&2
    exit 1
}

# A database with the same merchants, users and boosts; users are those of the first $2 purchases.
make_world() {
    sql -d postgres -c "CREATE DATABASE $1 TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    sql -d "$1" -f "$here/stage.sql"
    gzip -dc "$here/data/purchases_cdnow.csv.gz" | sql -d "$1" -c 'COPY demo.log FROM STDIN WITH (FORMAT csv, HEADER)'
    sql -d "$1" -c 'COPY demo.merchants FROM STDIN WITH (FORMAT csv, HEADER)' <"$here/data/merchants.csv"
    sql -d "$1" -v first="$2" -f "$here/world.sql" >"$work/world.out"
}

cat <<'TEXT'

swipesavvy: real purchases earn points inside PostgreSQL

  Real: the purchase log of the CD shop CDNOW (Fader and Hardie), 1997-01-01 to 1998-06-30: who, when,
  how much. Real: the merchants, brands of the name-suggestion-index, with their MCC.
  Real: cities, with their coordinates and time zones (GeoNames, https://www.geonames.org, CC BY 4.0).
  Ours: the log names no merchants, so each purchase was given one by a fixed rule (customer and line
  number, test/demo/README.md); shipping charges, campaigns, boosts, the segment and which shop stands
  where are invented too.
TEXT

make_world demo 69659
sql -d demo -f "$here/campaigns.sql" >"$work/world.out"
sql -d demo -c 'COPY (SELECT * FROM demo.input ORDER BY occurred_at, transaction_id) TO STDOUT WITH (FORMAT csv)' >"$work/purchases.csv"
seconds=$(sql -d demo -f "$here/load.sql" <"$work/purchases.csv")
sql -d demo -v seconds="$seconds" -f "$here/report.sql"

for database in demo_copy demo_calls; do
    make_world "$database" "$first"
    sql -d "$database" -f "$here/campaigns.sql" >"$work/world.out"
done
head -n "$first" "$work/purchases.csv" >"$work/first.csv"
copied=$(sql -d demo_copy -f "$here/load.sql" <"$work/first.csv")
called=$(sql -d demo_calls -v first="$first" -f "$here/calls.sql")
sql -d demo_copy -f "$here/digest.sql" >"$work/copied.txt"
sql -d demo_calls -f "$here/digest.sql" >"$work/called.txt"
if ! diff "$work/copied.txt" "$work/called.txt" >"$work/doors.diff"; then
    head -n 20 "$work/doors.diff" >&2
    fail "COPY and record_transaction disagree on the first $first purchases (< COPY, > calls)"
fi
[ "$(grep -c '^purchase ' "$work/copied.txt")" = "$first" ] || fail "the two doors did not load $first purchases"

printf '\nTwo doors, one result: the first %s purchases again, in two further databases\n\n' "$(commas "$first")"
printf '  %-28s %9s s\n' 'one COPY into the view' "$copied"
printf '  %-28s %9s s\n' 'a call and a commit each' "$called"
for what in account:balances purchase:purchases award:awards entries:'sums of ledger entries' campaign:budgets; do
    printf '  %-28s %9s compared, all equal\n' "${what#*:}" "$(commas "$(grep -c "^${what%%:*} " "$work/copied.txt")")"
done

# Before anything else happens to them, what the purchases earned must be as it was computed by other means.
problems=$(sql -d demo -f "$here/check.sql")
[ -z "$problems" ] || fail "$problems"
sql -d demo -v seconds="$seconds" -f "$here/last_line.sql" >"$work/last_line.txt"

sql -d demo -f "$here/churn.sql"
problems=$(sql -d demo -f "$here/churn_check.sql")
[ -z "$problems" ] || fail "$problems"

sql -d demo -f "$here/life.sql"
problems=$(sql -d demo -f "$here/life_check.sql")
[ -z "$problems" ] || fail "$problems"

sql -d demo -f "$here/figures.sql"
problems=$(sql -d demo -f "$here/figures_check.sql")
[ -z "$problems" ] || fail "$problems"

gzip -dc "$here/data/places_geonames.csv.gz" | sql -d demo -c 'COPY demo.places FROM STDIN WITH (FORMAT csv, HEADER)'
sql -d demo -f "$here/places.sql"
problems=$(sql -d demo -f "$here/places_check.sql")
[ -z "$problems" ] || fail "$problems"

make_world demo_forecast 69659
sql -d postgres -c 'CREATE DATABASE demo_test TEMPLATE demo_forecast'
sql -d demo_forecast -c "COPY (SELECT * FROM demo.input WHERE occurred_at < '1998-04-01 00:00+00' ORDER BY occurred_at, transaction_id)
    TO STDOUT WITH (FORMAT csv)" >"$work/before.csv"
sql -d demo_forecast -c "COPY (SELECT * FROM demo.input WHERE occurred_at >= '1998-04-01 00:00+00' ORDER BY occurred_at, transaction_id)
    TO STDOUT WITH (FORMAT csv)" >"$work/after.csv"
sql -d demo_forecast -f "$here/load.sql" <"$work/before.csv" >"$work/load.out"
sql -d demo_forecast -f "$here/forecast.sql"
sql -d demo_forecast -f "$here/load.sql" <"$work/after.csv" >"$work/load.out"
sql -d demo_forecast -f "$here/outcome.sql"
problems=$(sql -d demo_forecast -c "SELECT string_agg(format('the campaign gave %s and its simulation says %s (%s)', outcome, replayed, what), '; ')
    FROM demo.outcomes WHERE outcome IS DISTINCT FROM replayed")
[ -z "$problems" ] || fail "$problems"

sql -d demo_test -c "COPY (SELECT * FROM demo.input WHERE occurred_at >= '1997-10-01 00:00+00' AND occurred_at < '1998-01-01 00:00+00'
    ORDER BY occurred_at, transaction_id) TO STDOUT WITH (FORMAT csv)" >"$work/quarter.csv"
sql -d demo_test -f "$here/ab_test.sql" <"$work/quarter.csv"
sql -d demo_test -f "$here/ab_test_report.sql"
problems=$(sql -d demo_test -f "$here/ab_test_check.sql")
[ -z "$problems" ] || fail "$problems"

printf '\n'
cat "$work/last_line.txt"
