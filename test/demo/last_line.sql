-- The line for machines.
SELECT format('demo: purchases=%s users=%s points=%s redemptions=%s overspent=%s mismatches=%s purchases_per_second=%s',
    (SELECT count(*) FROM swipesavvy.transactions),
    (SELECT count(*) FROM swipesavvy.users),
    (SELECT sum(points_base + points_bonus) FROM swipesavvy.transactions),
    (SELECT count(*) FROM swipesavvy.campaign_redemptions),
    (SELECT count(*) FROM swipesavvy.campaigns AS c
     WHERE budget < (SELECT sum(cost_minor) FROM swipesavvy.campaign_redemptions AS r WHERE r.campaign_no = c.campaign_no)),
    swipesavvy.verify_ledger()->>'mismatches',
    (SELECT round(count(*) / :seconds) FROM swipesavvy.transactions));
