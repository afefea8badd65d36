-- privileges: who may call and read what places add. Last, so that it speaks of everything there is.

CALL swipesavvy.grant_access(
    tables => ARRAY['merchant_locations', 'geofences', 'location_consents', 'user_positions', 'geofence_states', 'geofence_visits', 'geofence_triggers'],
    helpers => ARRAY['place_position', 'locations_near', 'place_box', 'geofences_near'],
    functions => ARRAY[
        'add_merchant_location', 'update_merchant_location', 'remove_merchant_location', 'import_merchant_locations', 'get_merchant_locations A', 'get_nearby_merchants A', 'place_distance NB',
        'create_geofence', 'update_geofence', 'delete_geofence', 'list_geofences CB', 'set_location_consent CB', 'report_location CB', 'close_geofence_visits', 'apply_location_retention']);
