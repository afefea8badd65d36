\set n random(1, :merchants)
SELECT swipesavvy.get_campaign_metrics('MERCHANT-' || :n, current_date - 89, current_date);
