-- What the load looks like, at most 100 columns wide. :full and :rest draw the bars, :seconds is the load's time.
ANALYZE;

CREATE VIEW demo.campaign_totals AS
SELECT c.campaign_no, c.campaign_id, c.offer_type, c.budget, count(r.campaign_no) AS redemptions,
       coalesce(sum(r.cost_minor), 0) AS spent
FROM swipesavvy.campaigns AS c
LEFT JOIN swipesavvy.campaign_redemptions AS r USING (campaign_no)
GROUP BY c.campaign_no, c.campaign_id, c.offer_type, c.budget;

\echo
\echo 'Loaded'
\echo
SELECT format('  %s purchases of %s users at %s merchants, %s dollars in all, by one COPY into the view',
              demo.number(count(*)), demo.number(count(DISTINCT user_id)), count(DISTINCT merchant_id), demo.money(sum(amount_minor)))
FROM swipesavvy.transactions;
SELECT format('  in %s seconds: %s purchases a second, each with its points, discounts, tier and ledger entries',
              :seconds, demo.number(count(*) / :seconds))
FROM swipesavvy.transactions;
SELECT format('  points earned %s (base %s, bonus %s), discounts given %s dollars',
              demo.number(sum(points_base + points_bonus)), demo.number(sum(points_base)), demo.number(sum(points_bonus)),
              demo.money(sum(discount_minor)))
FROM swipesavvy.transactions;

\echo
\echo 'Top earners'
\echo
SELECT format('  %-16s %10s %14s %12s   %-10s %s', 'user', 'purchases', 'spent', 'points', 'tier', '');
SELECT format('  %-16s %10s %14s %12s   %-10s %s', u.name, t.purchases, demo.money(t.spent), demo.number(a.lifetime_points), a.tier,
              demo.bar(a.lifetime_points, max(a.lifetime_points) OVER (), 28, :'full', ''))
FROM (SELECT * FROM swipesavvy.reward_accounts ORDER BY lifetime_points DESC, user_id LIMIT 10) AS a
JOIN swipesavvy.users AS u USING (user_id)
JOIN LATERAL (SELECT count(*) AS purchases, sum(amount_minor) AS spent
              FROM swipesavvy.transactions AS t WHERE t.user_id = a.user_id) AS t ON true
ORDER BY a.lifetime_points DESC, user_id;

\echo
\echo 'Tiers'
\echo
SELECT format('  %-10s %8s users  %s', tier, demo.number(users), demo.bar(users, max(users) OVER (), 66, :'full', ''))
FROM (SELECT tier, count(*) AS users, min(lifetime_points) AS least FROM swipesavvy.reward_accounts GROUP BY tier) AS t
ORDER BY least;

\echo
\echo 'Campaigns'
\echo
SELECT format('  %-17s %-15s %11s %11s %11s  %-20s %5s', 'campaign', 'offer', 'redemptions', 'spent', 'budget', '', '');
SELECT format('  %-17s %-15s %11s %11s %11s  %-20s %5s', campaign_id, offer_type, demo.number(redemptions), demo.money(spent),
              coalesce(demo.money(budget), 'no limit'),
              CASE WHEN budget IS NOT NULL THEN demo.bar(spent, budget, 20, :'full', :'rest') END,
              CASE WHEN budget IS NOT NULL THEN trunc(100.0 * spent / budget, 1) || '%' END)
FROM demo.campaign_totals ORDER BY campaign_id;

-- What a rule's name means to people.
CREATE TEMPORARY TABLE rules (reason text PRIMARY KEY, words text NOT NULL);
INSERT INTO rules VALUES
    ('status', 'it was not running'),
    ('amount', 'nothing was paid'),
    ('start_date', 'it had not begun on that day'),
    ('end_date', 'it was over on that day'),
    ('merchant', 'it is for another merchant'),
    ('category', 'it is for another kind of merchant'),
    ('segment', 'the customer is not in its segment'),
    ('min_spend', 'the amount is below its minimum'),
    ('hold_out', 'the customer is held out, to measure against'),
    ('per_user_limit', 'the customer has had it as often as allowed'),
    ('daily_limit', 'as many as allowed had it that day'),
    ('exclusive', 'another one came first, and they cannot be combined'),
    ('no_gain', 'there was nothing left to give'),
    ('budget', 'its budget did not cover the cost any more');

-- One to explain: of the first 1,000 with several awards, the one with most of the stories that only a record can tell.
CREATE TEMPORARY TABLE explained AS
SELECT p.*, c.campaign_id, c.applied, c.reason
FROM (SELECT transaction_id FROM swipesavvy.campaign_redemptions
      GROUP BY transaction_id HAVING count(*) > 1 ORDER BY transaction_id LIMIT 1000) AS r
JOIN demo.purchases AS p ON demo.transaction_id(p.occurred_at, p.line_no) = r.transaction_id,
LATERAL jsonb_to_recordset(swipesavvy.explain_award(r.transaction_id)->'candidates')
    AS c(campaign_id text, applied boolean, reason text);
SELECT line_no FROM explained GROUP BY line_no
ORDER BY count(DISTINCT reason) FILTER (WHERE reason IN ('per_user_limit', 'daily_limit', 'exclusive', 'no_gain', 'budget')) DESC,
         count(*) FILTER (WHERE applied) DESC, count(DISTINCT reason) DESC, line_no
LIMIT 1 \gset
\echo
\echo 'One purchase explained'
\echo
SELECT format('  Line %s of the log: customer %s, %s, CDs: %s, for %s dollars. Merchant (ours): %s.',
              line_no, customer_id, purchase_date, cds, amount_usd, merchant)
FROM demo.purchases WHERE line_no = :line_no;
SELECT format('  Base points %s, bonus points %s, discounts %s dollars.', points_base, points_bonus, demo.money(discount_minor))
FROM demo.purchases AS p JOIN swipesavvy.transactions AS t ON t.transaction_id = demo.transaction_id(p.occurred_at, p.line_no)
WHERE p.line_no = :line_no;
\echo
SELECT format('  %-17s %s', e.campaign_id,
              CASE WHEN e.applied THEN format('applied: %s points, %s off, %s of the budget', r.points, demo.money(r.discount_minor),
                                              demo.money(r.cost_minor))
                   ELSE format('not applied: %s (%s)', coalesce(w.words, 'no record'), e.reason) END)
FROM explained AS e
LEFT JOIN rules AS w USING (reason)
JOIN swipesavvy.campaigns AS c USING (campaign_id)
LEFT JOIN swipesavvy.campaign_redemptions AS r
    ON r.campaign_no = c.campaign_no AND r.transaction_id = demo.transaction_id(e.occurred_at, e.line_no)
WHERE e.line_no = :line_no
ORDER BY NOT e.applied, r.position, e.campaign_id;

\echo
\echo 'The ledger, recomputed from its entries'
\echo
SELECT format('  %s accounts, %s entries, %s mismatches', demo.number((d->>'accounts_checked')::numeric),
              demo.number((d->>'entries_checked')::numeric), d->>'mismatches')
FROM swipesavvy.verify_ledger() AS d;
