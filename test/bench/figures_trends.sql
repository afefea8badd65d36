\set n random(1, :merchants)
SELECT swipesavvy.get_campaign_trends('MERCHANT-' || :n, 'hourly', current_date - 14, current_date - 8);
