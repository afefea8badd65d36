# shellcheck shell=bash disable=SC2154
# The FLOOR: pgbench scripts, each one prepared statement that writes what a purchase writes, its values known beforehand.

# The statement for a purchase with $1 redemptions, $2 bonus entries and $3 budget rows. Its ids ascend over all clients, as
# the real ones do, and come after all that is stored. Its campaigns are those of the merchant, then of segments.
floor_script() {
    local redemptions=$1 bonuses=$2 budgets=$3 i
    local user="('c000000040008' || :u)::uuid" id="('f000000070008' || :id)::uuid" number
    cat <<'END'
\set n :n + 1
\set id 1000000000000000000 + :run * 1000000000000 + :n * 1000 + :client_id
\set entry 1000000000000000000 + :run * 1000000000000 + :n * 10000 + :client_id * 10
\set u 1000000000000000000 + random(1, :users)
\set c random(:first_merchant, :last_merchant)
\set m 1000000000000000000 + :c
\set segment :last_merchant + random(1, :segments)
\set amount random(100, 10000)
\set key random(1, 9000000000000000000)
END
    for ((i = 0; i <= bonuses; i++)); do echo "\\set e$i :entry + $i"; done
    for ((i = 1; i <= redemptions; i++)); do echo "\\set s$i :segment + $i"; done
    cat <<END
WITH t AS (
    INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base, points_bonus,
        discount_minor, status, currency, category_no, request, merchant_id, idempotency_key, decision)
    VALUES ($id, $user, :amount, now(), now(), 500, 250, 50, 'completed', 'USD', 3, 1, ('b000000040008' || :m)::uuid, :key,
        '\x010482010100920401098d2f010981530109')
), e AS (
    INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account, campaign_no,
        transaction_id)
    VALUES ($user, ('f000000070008' || :e0)::uuid, 500, now(), 'earn', 'issuance', 'available', NULL, $id)
END
    for ((i = 1; i <= bonuses; i++)); do
        echo "    , ($user, ('f000000070008' || :e$i)::uuid, 250, now(), 'bonus', 'issuance', 'available', :s1, $id)"
    done
    echo ')'
    if [ "$redemptions" -gt 0 ]; then
        echo ', r AS (INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points,'
        echo '        discount_minor, cost_minor, day, position) VALUES'
        for ((i = 1; i <= redemptions; i++)); do
            number=":s$i"
            if [ "$i" = 1 ]; then number=:c; fi
            echo "    $([ "$i" = 1 ] || echo ,) ($user, $id, $number, 1, 250, 50, 300, current_date, $i)"
        done
        echo ')'
    fi
    if [ "$budgets" -gt 0 ]; then
        echo ", s AS (UPDATE swipesavvy.campaign_slots SET used = used + 300 WHERE slot_key = '00000000-0000-0000-0000-000000000000' AND campaign_no = :c AND day = '-infinity' AND slot = 0)"
    fi
    cat <<END
UPDATE swipesavvy.reward_accounts
SET points_available = points_available + 750, lifetime_points = lifetime_points + 750, transaction_count = transaction_count + 1,
    spent_minor = spent_minor + :amount
WHERE user_id = $user;
END
}

# Writes the scripts for the purchases that database $1 saw since it was made, as files $2.*, and into $2 pgbench's options
# for them: each as often as purchases of that kind came. $3 = without: without budget rows.
floor_scripts() {
    local shapes redemptions bonuses budgets weight
    shapes=$(sql -d "$1" -F ' ' -f "$here/shapes.sql")
    while read -r redemptions bonuses budgets weight; do
        floor_script "$redemptions" "$bonuses" "$([ -n "${3:-}" ] && echo 0 || echo "$budgets")" >"$2.$redemptions.$bonuses.$budgets"
        printf -- '-f %s@%s ' "$2.$redemptions.$bonuses.$budgets" "$weight"
    done <<<"$shapes" >"$2"
}
