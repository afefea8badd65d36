-- What is wrong with what is near, one line each; nothing if all is well. Distances to every location, without any index, are the judge.
SELECT string_agg(what, '; ') FROM (
    SELECT format('%s locations are missing', (SELECT count(*) FROM demo.shops) - count(*)) AS what FROM swipesavvy.merchant_locations
    HAVING count(*) <> (SELECT count(*) FROM demo.shops)
    UNION ALL
    SELECT format('%s: the nearest of all locations are others', c.name)
    FROM (SELECT n, name, lat, lon, array_agg((merchant->>'merchant_id')::uuid ORDER BY place) AS shown FROM demo.near GROUP BY n, name, lat, lon) AS c
    WHERE shown IS DISTINCT FROM (
        SELECT array_agg(merchant_id ORDER BY distance) FROM (
            SELECT merchant_id, min(swipesavvy.place_distance(c.lat, c.lon, lat_e7 / 1e7, lon_e7 / 1e7)) AS distance
            FROM swipesavvy.merchant_locations GROUP BY merchant_id ORDER BY 2 LIMIT 6) AS brute)
    UNION ALL
    SELECT 'a city has nothing near' WHERE (SELECT count(DISTINCT n) FROM demo.near) <> 3) AS problems;
