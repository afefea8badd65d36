#!/usr/bin/env bash
# foreign_keys.sh [ROUNDS]: what foreign keys on the three hot tables would cost; the figures of doc/operations.md.
# Needs PGHOST, PGPORT and PGUSER (a superuser) of an otherwise idle throw-away server where the extension is available.
# Each round loads the demo's first 20,000 purchases by one COPY and makes 4,000 calls, for each of four variants in
# turn, every time in a new copy of the same database: as it is (none); by saved plans (plans), because the engine does
# not write tables directly that have triggers, as those of foreign keys; with foreign keys (keys); with the indexes
# they want as well (indexed). What is measured is the processor time of the session's backend: it says little else than
# the work done, also on a busy machine. Prints one line a run (round, variant, seconds of COPY and of calls,
# mismatches), then medians and ratios.
set -euo pipefail

rounds=${1:-7}
here=$(cd "$(dirname "$0")/../demo" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PGCLIENTENCODING=UTF8 PGOPTIONS='-c client_min_messages=warning'
copied=20000
called=4000

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

keys="
ALTER TABLE swipesavvy.transactions
    ADD FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    ADD FOREIGN KEY (merchant_id) REFERENCES swipesavvy.merchants,
    ADD FOREIGN KEY (user_id, account_id) REFERENCES swipesavvy.accounts (user_id, account_id);
ALTER TABLE swipesavvy.points_entries
    ADD FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    ADD FOREIGN KEY (campaign_no) REFERENCES swipesavvy.campaigns,
    ADD FOREIGN KEY (transaction_id, user_id) REFERENCES swipesavvy.transactions;
ALTER TABLE swipesavvy.campaign_redemptions
    ADD FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    ADD FOREIGN KEY (campaign_no) REFERENCES swipesavvy.campaigns,
    ADD FOREIGN KEY (transaction_id, user_id) REFERENCES swipesavvy.transactions;"
indexes="
CREATE INDEX ON swipesavvy.transactions (merchant_id);
CREATE INDEX ON swipesavvy.transactions (user_id, account_id);
CREATE INDEX ON swipesavvy.points_entries (campaign_no);
CREATE INDEX ON swipesavvy.points_entries (transaction_id, user_id);
CREATE INDEX ON swipesavvy.campaign_redemptions (transaction_id, user_id);"
plans='ALTER DATABASE keys_run SET swipesavvy.direct_tables = off'
declare -A setup=([none]='SELECT' [plans]=$plans [keys]=$keys [indexed]=$keys$indexes)

sql -d postgres -c "CREATE DATABASE keys_base TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
sql -d keys_base -f "$here/stage.sql"
gzip -dc "$here/data/purchases_cdnow.csv.gz" | sql -d keys_base -c 'COPY demo.log FROM STDIN WITH (FORMAT csv, HEADER)'
sql -d keys_base -c 'COPY demo.merchants FROM STDIN WITH (FORMAT csv, HEADER)' <"$here/data/merchants.csv"
sql -d keys_base -v first=69659 -f "$here/world.sql" -f "$here/campaigns.sql" >/dev/null
sql -d keys_base -c "COPY (SELECT * FROM demo.input ORDER BY occurred_at, transaction_id LIMIT $((copied + called))) TO STDOUT WITH (FORMAT csv)" >"$work/all.csv"
head -n $copied "$work/all.csv" >"$work/copy.csv"
sql -d keys_base -c "SELECT format('SELECT swipesavvy.record_transaction(%L, %s.%s, %L, %L, NULL, %L, %L, %L, %L, %L) IS NULL;', user_id,
        amount_minor / 100, lpad((amount_minor % 100)::text, 2, '0'), currency, merchant_id, occurred_at, status,
        idempotency_key, metadata, transaction_id)
    FROM (SELECT * FROM demo.input ORDER BY occurred_at, transaction_id LIMIT $called OFFSET $copied) p" >"$work/calls.sql"

# The backend's clock ticks so far, in its own words; from the first and the last, the seconds in between.
echo "SELECT 'cpu ' || split_part(stat, ' ', 14)::int + split_part(stat, ' ', 15)::int FROM regexp_replace(pg_read_file('/proc/self/stat'), '\\(.*\\)', 'postgres') stat;" >"$work/cpu.sql"
seconds() { awk -v hz="$(getconf CLK_TCK)" '$1 == "cpu" { if (!n++) from = $2; to = $2 } END { printf "%.2f", (to - from) / hz }'; }

for ((round = 1; round <= rounds; round++)); do
    for variant in none plans keys indexed; do
        sql -d postgres -c 'CREATE DATABASE keys_run TEMPLATE keys_base' -c CHECKPOINT
        sql -d keys_run -c "${setup[$variant]}"
        copy=$(sql -d keys_run -f "$work/cpu.sql" -f "$here/load.sql" -f "$work/cpu.sql" <"$work/copy.csv" | seconds)
        call=$(sql -d keys_run -f "$work/cpu.sql" -f "$work/calls.sql" -f "$work/cpu.sql" | seconds)
        mismatches=$(sql -d keys_run -c "SELECT swipesavvy.verify_ledger() ->> 'mismatches'")
        echo "$round $variant $copy $call $mismatches"
        sql -d postgres -c 'DROP DATABASE keys_run'
    done
done | tee "$work/runs"
sql -d postgres -c 'DROP DATABASE keys_base'

median() { awk -v v="$1" -v c="$2" '$2 == v { print $c }' "$work/runs" | sort -n | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'; }
for variant in none plans keys indexed; do
    awk -v v=$variant -v copy="$(median $variant 3)" -v call="$(median $variant 4)" -v copy0="$(median none 3)" -v call0="$(median none 4)" \
        'BEGIN { printf "%-8s COPY %.3f s (x %.2f)  calls %.3f s (x %.2f)\n", v, copy, copy / copy0, call, call / call0 }'
done
