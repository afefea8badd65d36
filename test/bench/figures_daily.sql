\set n random(1, :merchants)
SELECT swipesavvy.get_campaign_daily('MERCHANT-' || :n);
