-- A user at random is somewhere within 300 m of a large place: in its fence, at its edge or out of it.
\set u random(1, 10000)
\set d random(-300, 300)
SELECT swipesavvy.report_location(('c000000040008' || (1000000000000000000 + :u))::uuid, p.lat + :d / 111195.0, p.lon, 10) FROM bench.large p WHERE p.n = 1 + :u % 1000;
