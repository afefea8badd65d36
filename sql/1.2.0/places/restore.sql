-- restore: as 1.0.0 has it, for the tables of places: foreign keys wait while a dump is restored, and none comes into a database that is in use.

CALL swipesavvy.guard_restores(ARRAY['merchant_locations', 'merchant_reviews', 'merchant_ratings', 'rating_prior', 'merchant_offers', 'geofences', 'location_consents', 'user_positions', 'geofence_states', 'geofence_visits', 'geofence_triggers',
        'merchant_partnerships', 'merchant_customers', 'merchant_analytics']);
