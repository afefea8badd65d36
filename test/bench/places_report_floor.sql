-- What that must do at least, in one transaction: the user's row is locked, the fence found by the index with its state, the row updated.
\set u random(1, 10000)
\set d random(-300, 300)
BEGIN;
SELECT occurred_at, lat_e7, lon_e7, accuracy_mm FROM swipesavvy.user_positions WHERE user_id = ('c000000040008' || (1000000000000000000 + :u))::uuid FOR NO KEY UPDATE;
SELECT f.*, s.* FROM bench.large p, swipesavvy.geofences f LEFT JOIN swipesavvy.geofence_states s ON s.user_id = ('c000000040008' || (1000000000000000000 + :u))::uuid AND s.geofence_id = f.geofence_id
 WHERE p.n = 1 + :u % 1000 AND f.is_active AND f.bounds && cube_enlarge(p.position, 300, 3);
UPDATE swipesavvy.user_positions SET occurred_at = now(), lat_e7 = :d, lon_e7 = :d, accuracy_mm = 10000 WHERE user_id = ('c000000040008' || (1000000000000000000 + :u))::uuid;
COMMIT;
