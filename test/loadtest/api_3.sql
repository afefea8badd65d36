\set n random(1, 1000000000)
SELECT swipesavvy.create_campaign(name => 'Campaign ' || :n, campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => now(), budget => 1000);
