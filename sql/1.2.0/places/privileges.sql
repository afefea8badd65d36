-- privileges: who may call and read what places add. Last, so that it speaks of everything there is.

CALL swipesavvy.grant_access(
    tables => ARRAY['merchant_locations', 'merchant_reviews', 'merchant_ratings', 'rating_prior', 'merchant_offers', 'geofences', 'location_consents', 'user_positions', 'geofence_states', 'geofence_visits', 'geofence_triggers',
        'merchant_partnerships', 'merchant_customers', 'merchant_analytics'],
    views => ARRAY['merchant_rating_averages', 'merchant_network_performance', 'user_favorite_merchants_view', 'nearby_merchants_view'],
    helpers => ARRAY['place_position', 'locations_near', 'place_box', 'geofences_near', 'rating_average'],
    triggers => ARRAY['place_split'], -- which GiST calls, and nobody else
    functions => ARRAY[
        'add_merchant_location', 'update_merchant_location', 'remove_merchant_location', 'import_merchant_locations', 'get_merchant_locations A', 'get_nearby_merchants A', 'place_distance NB',
        'rate_merchant CB', 'delete_rating C', 'get_merchant_reviews A', 'moderate_review S', 'list_reviews_to_moderate S', 'refresh_rating_prior', 'rating_average N',
        'add_merchant_offer', 'update_merchant_offer', 'remove_merchant_offer', 'get_merchant_offers A', 'list_merchants A', 'delete_merchant',
        'create_geofence', 'update_geofence', 'delete_geofence', 'list_geofences CB', 'set_location_consent CB', 'report_location CB', 'close_geofence_visits', 'apply_location_retention',
        'set_partnership', 'get_partnership N', 'refresh_merchant_analytics', 'get_merchant_analytics N', 'merchant_network_figures N']);

-- the library reads it, too
GRANT SELECT ON swipesavvy.merchant_rating_averages TO swipesavvy_owner;
