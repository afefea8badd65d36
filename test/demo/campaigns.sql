-- Ten campaigns, all running.
-- Its budget is gone within the month.
SELECT swipesavvy.create_campaign('New year, 5 off', 'FLASH_SALE', 5.00, 'FIXED_DISCOUNT', '1997-01-01 00:00+00', '1997-02-01 00:00+00',
    min_spend => 25.00, budget => 5000.00, priority => 50, campaign_id => 'CAMP-NEW-YEAR');
-- A limit a day.
SELECT swipesavvy.create_campaign('Dinner 15 %', 'LOCATION_DEAL', 15, 'PERCENTAGE', '1997-01-01 00:00+00', '1998-07-01 00:00+00',
    target_category => 'Restaurants & Cafes', max_discount => 10.00, daily_limit => 20, budget => 40000.00, priority => 60,
    campaign_id => 'CAMP-DINNER');
-- A limit a user.
SELECT swipesavvy.create_campaign('Two for one', 'SEASONAL', 0, 'BOGO', '1997-01-01 00:00+00', '1998-07-01 00:00+00',
    target_category => 'Entertainment', max_discount => 15.00, per_user_limit => 1, budget => 60000.00, priority => 70,
    campaign_id => 'CAMP-TWO-FOR-ONE');
-- The stackable pair.
SELECT swipesavvy.create_campaign('Free shipping', 'EMAIL_OFFER', 6.00, 'FREE_SHIPPING', '1997-01-01 00:00+00', '1998-07-01 00:00+00',
    target_category => 'Retail & Shopping', min_spend => 20.00, stackable => true, budget => 30000.00, priority => 20,
    campaign_id => 'CAMP-SHIPPING');
SELECT swipesavvy.create_campaign('Founders double', 'LOYALTY_BOOST', 0, 'OTHER', '1997-01-01 00:00+00', '1998-07-01 00:00+00',
    target_category => 'Retail & Shopping', target_segment => 'founders', points_multiplier => 2.0, stackable => true,
    budget => 20000.00, priority => 10, campaign_id => 'CAMP-FOUNDERS');
-- With a tenth of the users held out, to measure against.
SELECT swipesavvy.create_campaign('Fill up', 'LOYALTY_BOOST', 2.00, 'FIXED_DISCOUNT', '1997-01-01 00:00+00', '1998-07-01 00:00+00',
    target_category => 'Gas Stations', min_spend => 15.00, bonus_points => 50, hold_out => 10, budget => 25000.00, priority => 60,
    campaign_id => 'CAMP-FUEL');
SELECT swipesavvy.create_campaign('Feel well', 'SEASONAL', 10, 'PERCENTAGE', '1997-03-01 00:00+00', NULL,
    target_category => 'Health & Wellness', max_discount => 20.00, points_multiplier => 1.5, budget => 15000.00, priority => 60,
    campaign_id => 'CAMP-HEALTH');
SELECT swipesavvy.create_campaign('Coffee club', 'LOCATION_DEAL', 0, 'OTHER', '1997-01-01 00:00+00', '1998-07-01 00:00+00',
    target_merchant_id => demo.merchant_id((SELECT merchant_no FROM demo.merchants WHERE name = 'Starbucks')),
    bonus_points => 250, per_user_limit => 3, stackable => true, budget => 1000.00, campaign_id => 'CAMP-COFFEE');
SELECT swipesavvy.create_campaign('Long weekend', 'FLASH_SALE', 20, 'PERCENTAGE', '1997-07-04 00:00+00', '1997-07-07 00:00+00',
    max_discount => 25.00, budget => 2000.00, priority => 90, campaign_id => 'CAMP-JULY-4TH');
SELECT swipesavvy.create_campaign('A year together', 'EMAIL_OFFER', 10.00, 'FIXED_DISCOUNT', '1998-01-01 00:00+00', '1998-07-01 00:00+00',
    min_spend => 100.00, priority => 80, campaign_id => 'CAMP-ONE-YEAR');

SELECT count(swipesavvy.launch_campaign(campaign_id, 'scheduled')) FROM (SELECT campaign_id FROM swipesavvy.campaigns) AS c;
ANALYZE;
