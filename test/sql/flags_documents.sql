-- Flags and experiments evaluated from documents alone: what is wanted stands beside each call; only what differs is shown.
SET search_path = swipesavvy, public;
CREATE FUNCTION pg_temp.condition(c jsonb, a jsonb, g jsonb DEFAULT '{}') RETURNS boolean LANGUAGE sql AS 'SELECT flag_condition_matches(c, a, g)';

-- --- the hash --------------------------------------------------------------------------------
SELECT * FROM (VALUES
    ('checkout-copy', 'user-1001', 1, 0.519::float8), ('checkout-copy', 'user-1001', 2, 0.1312), ('Größe', 'Zoë', 1, 0.288), ('Größe', 'Zoë', 2, 0.2998),
    ('s', '😀', 1, 0.001), ('s', '😀', 2, 0.2801), ('s', 'x', 0, NULL), ('s', 'x', 3, NULL), ('s', 'x', -1, NULL), ('s', 'x', NULL, NULL), (NULL, 'x', 1, NULL), ('s', NULL, 2, NULL),
    -- fnv("") = 2166136261, fnv("Zoë") = 2030543767, fnv("😀") = 3409036472: version 1 without a seed shows their last three digits
    ('', '', 1, 0.261), ('', 'Zoë', 1, 0.767), ('', '😀', 1, 0.472)) v (seed, value, version, wanted)
 WHERE flag_hash(seed, value, version) IS DISTINCT FROM wanted;
-- value first in version 1, seed first in version 2
SELECT flag_hash('ab', 'c', 1) = flag_hash('b', 'ca', 1) AS value_first, flag_hash('ab', 'c', 2) = flag_hash('a', 'bc', 2) AS seed_first;

-- --- ranges -----------------------------------------------------------------------------------
SELECT * FROM (VALUES
    (3, 0.7::float8, '{0.1,0.2,0.7}'::float8[], '[[0, 0.06999999999999999], [0.1, 0.24], [0.30000000000000004, 0.79]]'::jsonb),
    (2, NULL, NULL, '[[0, 0.5], [0.5, 1]]'), (3, 1, NULL, '[[0, 0.3333333333333333], [0.3333333333333333, 0.6666666666666666], [0.6666666666666666, 1]]'),
    (2, 0.5, NULL, '[[0, 0.25], [0.5, 0.75]]'), (2, -1, NULL, '[[0, 0], [0.5, 0.5]]'), (2, 2, NULL, '[[0, 0.5], [0.5, 1]]'),
    (2, 1, '{0.4,0.1}', '[[0, 0.5], [0.5, 1]]'), (2, 1, '{0.5,0.49}', '[[0, 0.5], [0.5, 0.99]]'), (2, 1, '{0.5,0.52}', '[[0, 0.5], [0.5, 1]]'), (2, 1, '{0.5,0.51}', '[[0, 0.5], [0.5, 1.01]]'),
    (2, 1, '{0.2,0.3,0.5}', '[[0, 0.5], [0.5, 1]]'), (2, 1, '{0.2,NULL}', '[[0, 0.5], [0.5, 1]]'), (2, 1, '{NaN,1}', '[[0, 0.5], [0.5, 1]]'), (2, 'NaN', NULL, '[[0, 0], [0.5, 0.5]]'),
    (0, 1, NULL, '[]'), (-3, 1, NULL, '[]'), (1, 1, '{1}', '[[0, 1]]'), (NULL, 1, NULL, '[]'), (4, 0, '{0,0,0.5,0.5}', '[[0, 0], [0, 0], [0, 0], [0.5, 0.5]]')) v (n, coverage, weights, wanted)
 WHERE flag_bucket_ranges(n, coverage, weights) IS DISTINCT FROM wanted;
SELECT flag_bucket_ranges(100001, 1, NULL);
SELECT * FROM (VALUES
    (0::float8, '[[0, 0.5], [0.5, 1]]'::jsonb, 0), (0.5, '[[0, 0.5], [0.5, 1]]', 1), (0.4999, '[[0, 0.5], [0.5, 1]]', 0), (1, '[[0, 0.5], [0.5, 1]]', -1), (-0.1, '[[0, 1]]', -1), (0.2, '[]', -1),
    (0.2, '[[0.5, 0.1], [0.1, 0.3], [0.1, 0.3]]', 1), (0.2, '{}', -1), (0.2, NULL, -1), (NULL, '[[0, 1]]', -1), (0.2, '["x", null, [0], [0, "1"], 7, {}, [0, 1]]', 6), ('NaN', '[[0, 1]]', -1)) v (n, ranges, wanted)
 WHERE flag_choose_variation(n, ranges) IS DISTINCT FROM wanted;
SELECT * FROM (VALUES
    ('user-7', '["pricing-q3", 0.2, 0.6]'::jsonb, true), ('user-7', '["pricing-q3", 0.2, 0.597]', false), ('user-7', '["pricing-q3", 0.597, 0.6]', true), ('user-7', '["pricing-q3", 0.6, 1]', false),
    ('user-7', '["pricing-q3", 0.2]', false), ('user-7', '{}', false), ('user-7', NULL, false), ('user-7', '["pricing-q3", "0", 1]', false), ('', '["pricing-q3", 0, 1]', true), (NULL, '["n", 0, 1]', false)) v (u, n, wanted)
 WHERE flag_in_namespace(u, n) IS DISTINCT FROM wanted;

-- --- numbers as texts, by a string that must be the same; texts as numbers --------------------------
SELECT * FROM (VALUES
    ('3.0', '3'), ('2.50', '2.5'), ('12345678901234567890', '12345678901234567000'), ('1e21', '1e+21'), ('0.000001', '0.000001'), ('0.0000001', '1e-7'), ('1e400', 'Infinity'), ('-1e400', '-Infinity'), ('0.0', '0'), ('-0.0', '0'),
    ('1e-400', '0'), ('123.456', '123.456'), ('1e23', '1e+23'), ('5e-324', '5e-324'), ('1.7976931348623157e308', '1.7976931348623157e+308'), ('-1.5e-9', '-1.5e-9'), ('100', '100'), ('123456789012345680000', '123456789012345680000'),
    ('0.1', '0.1'), ('1234.5e-10', '1.2345e-7'), ('0.00001234', '0.00001234'), ('999999999999999999999', '1e+21'), ('9007199254740993', '9007199254740992'), ('4.35', '4.35'), ('120', '120'), ('1.2e20', '120000000000000000000'),
    ('[1, null, "a"]', '1,,a'), ('[]', ''), ('[[1, [2, null]], 3]', '1,2,,3'), ('{}', '[object Object]'), ('[{}]', '[object Object]'), ('null', 'null'), ('true', 'true'), ('false', 'false'), ('"x"', 'x')) v (given, wanted)
 WHERE NOT pg_temp.condition(jsonb_build_object('a', wanted), format('{"a": %s}', given)::jsonb);
SELECT * FROM (VALUES
    ('""', 0), ('" "', 0), ('" 12 "', 12), (E'"\\t\\n\\u000b\\f\\r 7\\u00a0\\ufeff\\u1680\\u2000\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"', 7), ('"5."', 5), ('".5"', 0.5), ('"+3"', 3), ('"-3e2"', -300), ('"1E+2"', 100), ('"0x1F"', 31), ('"0XfF"', 255),
    ('"0o17"', 15), ('"0B11"', 3), ('"00012"', 12), ('null', 0), ('true', 1), ('false', 0), ('[]', 0), ('[7]', 7), ('["8"]', 8), ('[[9]]', 9)) v (given, wanted)
 WHERE NOT pg_temp.condition(jsonb_build_object('a', wanted), format('{"a": %s}', given)::jsonb);
-- no numbers: neither less than, nor equal to, nor greater than anything
SELECT given FROM unnest(ARRAY['"x"', '"1x"', '"."', '"+"', '"e5"', '"1e"', '"1e+"', '"--1"', '"-0x1"', '"+0x1"', '"0x"', '"0b2"', '"0o8"', '"0xg"', '"inf"', '"nan"', '"NaN"', '"infinity"', '"1_000"', '"1 2"', '"0x1.8p1"', '{}', '[1, 2]', '"\u200b1"', '"1,5"']) given
 WHERE pg_temp.condition('{"$or": [{"a": {"$lt": 0}}, {"a": {"$lte": 0}}, {"a": {"$gt": 0}}, {"a": {"$gte": 0}}, {"a": {"$lt": 9}}, {"a": {"$gt": 9}}]}', format('{"a": %s}', given)::jsonb);
SELECT pg_temp.condition('{"a": {"$gt": 1e300}}', '{"a": "Infinity"}') AS infinity, pg_temp.condition('{"a": {"$lt": -1e300}}', '{"a": "-Infinity"}') AS minus, pg_temp.condition('{"a": {"$gt": 0}}', '{"a": "+Infinity"}') AS plus;

-- --- conditions -------------------------------------------------------------------------------------
CREATE TEMP TABLE conditions (c jsonb, a jsonb, wanted boolean, g jsonb DEFAULT '{"beta": ["u1", 3, null], "none": "x"}');
INSERT INTO conditions VALUES
    -- logic
    ('{}', '{}', true), ('{"$or": []}', '{}', true), ('{"$nor": []}', '{}', false), ('{"$and": []}', '{}', true), ('{"$or": [{"a": 1}, {"b": 2}]}', '{"b": 2}', true), ('{"$or": [{"a": 1}, {"b": 2}]}', '{"b": 3}', false),
    ('{"$nor": [{"a": 1}, {"b": 2}]}', '{"b": 3}', true), ('{"$and": [{"a": 1}, {"b": 2}]}', '{"a": 1, "b": 2}', true), ('{"$and": [{"a": 1}, {"b": 2}]}', '{"a": 1}', false), ('{"$not": {"a": 1}}', '{"a": 2}', true), ('{"$not": {}}', '{}', false),
    ('{"a": 1, "$or": [{"b": 1}], "$not": {"c": 1}}', '{"a": 1, "b": 1, "c": 2}', true), ('{"a": 1, "$or": [{"b": 1}], "$not": {"c": 1}}', '{"a": 1, "b": 1, "c": 1}', false), ('{"$groups": 1}', '{"$groups": 1}', true), ('{"$eq": 1}', '{"a": 1}', false),
    -- paths
    ('{"a.b": 1}', '{"a": {"b": 1}}', true), ('{"a.b": 1}', '{"a.b": 1}', false), ('{"a.1.x": 2}', '{"a": [0, {"x": 2}]}', true), ('{"a.length": 2}', '{"a": [0, 1]}', true), ('{"a.01": 1}', '{"a": [0, 1]}', false), ('{"a.2": null}', '{"a": [0, 1]}', true),
    ('{"a.-1": null}', '{"a": [0, 1]}', true), ('{"a.b.c": null}', '{"a": 5}', true), ('{"a.length": null}', '{"a": "xy"}', true), ('{"": 1}', '{"": 1}', true), ('{"a.": 1}', '{"a": {"": 1}}', true), ('{"a.length": 7}', '{"a": {"length": 7}}', true),
    -- plain values
    ('{"a": "null"}', '{}', true), ('{"a": "5"}', '{"a": 5}', true), ('{"a": "a,b"}', '{"a": ["a", "b"]}', true), ('{"a": "x"}', '{"a": "X"}', false), ('{"a": 0}', '{}', true), ('{"a": 0}', '{"a": ""}', true), ('{"a": 0}', '{"a": false}', true),
    ('{"a": 0}', '{"a": []}', true), ('{"a": 8}', '{"a": "8"}', true), ('{"a": 1}', '{"a": true}', true), ('{"a": 1}', '{"a": "x"}', false), ('{"a": false}', '{}', false), ('{"a": false}', '{"a": null}', false), ('{"a": false}', '{"a": 0}', true), ('{"a": true}', '{"a": "false"}', true),
    ('{"a": true}', '{"a": []}', true), ('{"a": true}', '{"a": ""}', false), ('{"a": null}', '{}', true), ('{"a": null}', '{"a": null}', true), ('{"a": null}', '{"a": 0}', false), ('{"a": [1, "x"]}', '{"a": [1.0, "x"]}', true), ('{"a": [1, 2]}', '{"a": [2, 1]}', false),
    ('{"a": {}}', '{"a": {}}', true), ('{"a": {}}', '{"a": []}', false), ('{"a": {"b": {"c": 1}}}', '{"a": {"b": {"c": 1}}}', true), ('{"a": {"b": 1, "$eq": 1}}', '{"a": {"b": 1, "$eq": 1}}', true), ('{"a": {"b": 1, "$eq": 1}}', '{"a": 1}', false), ('{"a": []}', '{}', false),
    ('{"a": [0.1]}', '{"a": [0.1000000000000000055]}', true),
    -- equality and order
    ('{"a": {"$eq": 1}}', '{"a": 1}', true), ('{"a": {"$eq": 1}}', '{"a": "1"}', false), ('{"a": {"$eq": null}}', '{}', true), ('{"a": {"$ne": null}}', '{}', false), ('{"a": {"$eq": [1]}}', '{"a": [1]}', false), ('{"a": {"$ne": [1]}}', '{"a": [1]}', true), ('{"a": {"$ne": {}}}', '{"a": {}}', true),
    ('{"a": {"$lt": 1}}', '{}', true), ('{"a": {"$gte": 0}}', '{}', true), ('{"a": {"$gt": 0}}', '{}', false), ('{"a": {"$lt": "5"}}', '{}', true), ('{"a": {"$lt": "x"}}', '{}', false), ('{"a": {"$lt": "9"}}', '{"a": "10"}', true), ('{"a": {"$lt": 9}}', '{"a": "10"}', false), ('{"a": {"$lte": "b"}}', '{"a": "b"}', true),
    ('{"a": {"$gt": "a"}}', '{"a": "B"}', false), ('{"a": {"$lt": "\ue000"}}', '{"a": "😀"}', true), ('{"a": {"$gt": "\ud7ff"}}', '{"a": "😀"}', true), ('{"a": {"$gt": "1"}}', '{"a": [2]}', true), ('{"a": {"$gt": "[n"}}', '{"a": {}}', true), ('{"a": {"$gt": 1, "$lt": 3}}', '{"a": 2}', true), ('{"a": {"$gt": 1, "$lt": 3}}', '{"a": 3}', false),
    ('{"a": {"$gte": true}}', '{"a": 1}', true), ('{"a": {"$lt": "ab"}}', '{"a": "a"}', true),
    -- membership
    ('{"a": {"$in": [1, 2]}}', '{"a": 2}', true), ('{"a": {"$in": [1, 2]}}', '{"a": "2"}', false), ('{"a": {"$in": [1, 2]}}', '{"a": [5, 2]}', true), ('{"a": {"$in": [1, 2]}}', '{"a": []}', false), ('{"a": {"$nin": [1, 2]}}', '{"a": []}', true), ('{"a": {"$in": "x"}}', '{"a": "x"}', false), ('{"a": {"$nin": "x"}}', '{"a": "y"}', false),
    ('{"a": {"$nin": [1]}}', '{}', true), ('{"a": {"$nin": [null]}}', '{}', false), ('{"a": {"$in": [null]}}', '{}', true), ('{"a": {"$in": [[1]]}}', '{"a": [[1]]}', false), ('{"a": {"$in": ["x"]}}', '{"a": "X"}', false), ('{"a": {"$in": []}}', '{"a": 1}', false),
    ('{"a": {"$ini": ["É", "ΟΔΟΣ"]}}', '{"a": "é"}', true), ('{"a": {"$ini": ["ΟΔΟΣ"]}}', '{"a": "οδος"}', true), ('{"a": {"$ini": ["ΟΔΟΣ"]}}', '{"a": "οδοσ"}', false), ('{"a": {"$ini": ["İ"]}}', '{"a": "i̇"}', true), ('{"a": {"$ini": ["I"]}}', '{"a": "ı"}', false), ('{"a": {"$ini": ["I"]}}', '{"a": "i"}', true), ('{"a": {"$ini": ["STRASSE"]}}', '{"a": "straße"}', false),
    ('{"a": {"$ini": [1]}}', '{"a": "1"}', false), ('{"a": {"$nini": ["A"]}}', '{"a": ["b", "a"]}', false), ('{"a": {"$nini": ["A"]}}', '{"a": "b"}', true), ('{"a": {"$nini": "A"}}', '{"a": "b"}', false),
    ('{"id": {"$inGroup": "beta"}}', '{"id": "u1"}', true), ('{"id": {"$inGroup": "beta"}}', '{"id": "3"}', false), ('{"id": {"$inGroup": "beta"}}', '{"id": 3}', true), ('{"id": {"$inGroup": "gone"}}', '{"id": 3}', false), ('{"id": {"$notInGroup": "gone"}}', '{"id": 3}', true), ('{"id": {"$inGroup": "none"}}', '{"id": "x"}', false),
    ('{"id": {"$inGroup": "beta"}}', '{}', true), ('{"id": {"$notInGroup": "beta"}}', '{"id": ["z", "u1"]}', false),
    -- arrays
    ('{"a": {"$all": [1, 2]}}', '{"a": [2, 1, 0]}', true), ('{"a": {"$all": ["1"]}}', '{"a": [1]}', true), ('{"a": {"$all": [{"$gt": 5}]}}', '{"a": [1, 6]}', true), ('{"a": {"$all": []}}', '{"a": []}', true), ('{"a": {"$all": []}}', '{"a": 1}', false), ('{"a": {"$all": 1}}', '{"a": [1]}', false), ('{"a": {"$all": [1, 3]}}', '{"a": [1]}', false),
    ('{"a": {"$alli": ["É", 1]}}', '{"a": ["é", "1"]}', true), ('{"a": {"$alli": ["x"]}}', '{"a": ["y"]}', false), ('{"a": {"$alli": [{"$eq": "X"}]}}', '{"a": ["x"]}', false), ('{"a": {"$alli": ["TRUE"]}}', '{"a": [true]}', true),
    ('{"a": {"$elemMatch": {"$gt": 5}}}', '{"a": [1, 6]}', true), ('{"a": {"$elemMatch": {"b": 2}}}', '{"a": [{"b": 1}, {"b": 2}]}', true), ('{"a": {"$elemMatch": {"$or": [{"b": 2}]}}}', '{"a": [{"b": 2}]}', false), ('{"a": {"$elemMatch": {"b": 2, "$or": [{"c": 3}]}}}', '{"a": [{"b": 2, "c": 3}]}', true), ('{"a": {"$elemMatch": {"$eq": 0}}}', '{"a": [0]}', false),
    ('{"a": {"$elemMatch": {"$eq": ""}}}', '{"a": [""]}', false), ('{"a": {"$elemMatch": {"$ne": 9}}}', '{"a": [null, false, 0, ""]}', false), ('{"a": {"$elemMatch": {}}}', '{"a": ["x"]}', true), ('{"a": {"$elemMatch": {}}}', '{"a": [0]}', false), ('{"a": {"$elemMatch": {"$not": 1}}}', '{"a": [2]}', true), ('{"a": {"$elemMatch": {"$eq": 1}}}', '{"a": 1}', false),
    ('{"a": {"$elemMatch": 5}}', '{"a": [5]}', false), ('{"a": {"$elemMatch": {"0": 7}}}', '{"a": [[7]]}', true),
    ('{"a": {"$size": 2}}', '{"a": [1, 2]}', true), ('{"a": {"$size": {"$gt": 2}}}', '{"a": [1, 2]}', false), ('{"a": {"$size": 2}}', '{"a": "xy"}', false), ('{"a": {"$size": 0}}', '{}', false), ('{"a": {"$size": 0}}', '{"a": []}', true),
    -- presence and types
    ('{"a": {"$exists": true}}', '{"a": 0}', true), ('{"a": {"$exists": true}}', '{"a": null}', false), ('{"a": {"$exists": 0}}', '{}', true), ('{"a": {"$exists": false}}', '{"a": ""}', false), ('{"a": {"$exists": "no"}}', '{"a": 1}', true), ('{"a": {"$exists": null}}', '{"a": null}', true),
    ('{"a": {"$type": "string"}}', '{"a": "x"}', true), ('{"a": {"$type": "number"}}', '{"a": 1}', true), ('{"a": {"$type": "boolean"}}', '{"a": false}', true), ('{"a": {"$type": "array"}}', '{"a": []}', true), ('{"a": {"$type": "object"}}', '{"a": {}}', true), ('{"a": {"$type": "null"}}', '{}', true),
    ('{"a": {"$type": "undefined"}}', '{}', false), ('{"a": {"$type": "object"}}', '{"a": null}', false), ('{"a": {"$type": 5}}', '{"a": 5}', false), ('{"a": {"$not": {"$gt": 5}}}', '{"a": 5}', true), ('{"a": {"$not": 5}}', '{"a": "5"}', false), ('{"a": {"$not": {"$not": 5}}}', '{"a": 5}', true),
    ('{"a": {"$unknown": 1}}', '{"a": 1}', false), ('{"a": {"$eq": 1, "$unknown": 1}}', '{"a": 1}', false), ('{"a": {"$not": {"$unknown": 1}}}', '{"a": 1}', true), ('{"a": {"$or": [{"$eq": 1}]}}', '{"a": 1}', false),
    -- regular expressions and their negations; the table of patterns is in flags_regex
    ('{"a": {"$regex": "^n"}}', '{}', true), ('{"a": {"$regex": "^1,"}}', '{"a": [1, 2]}', true), ('{"a": {"$regex": 5}}', '{"a": 5}', false), ('{"a": {"$regex": "("}}', '{"a": "("}', false), ('{"a": {"$not": {"$regex": "("}}}', '{"a": "("}', true), ('{"a": {"$notRegex": "("}}', '{"a": "("}', false), ('{"a": {"$notRegex": "b"}}', '{"a": "a"}', true),
    ('{"a": {"$notRegex": "a"}}', '{"a": "a"}', false), ('{"a": {"$notRegex": "b"}}', '{"a": 5}', false), ('{"a": {"$notRegex": "b"}}', '{}', false), ('{"a": {"$notRegexi": "B"}}', '{"a": "b"}', false), ('{"a": {"$notRegexi": "B"}}', '{"a": "a"}', true), ('{"a": {"$regexi": "ZOË"}}', '{"a": "zoë"}', true),
    -- versions
    ('{"v": {"$veq": "1.2.3"}}', '{"v": "v1.2.3+build"}', true), ('{"v": {"$vgt": "2.9.0"}}', '{"v": "v2.10.0"}', true), ('{"v": {"$vlt": "2.10.0"}}', '{"v": "2.10.0-rc.1+b7"}', true), ('{"v": {"$vgt": "2.10"}}', '{"v": "2.10.0"}', true), ('{"v": {"$veq": "2.10"}}', '{"v": "2.10.0"}', false), ('{"v": {"$vgte": "0"}}', '{}', true), ('{"v": {"$veq": "0"}}', '{"v": ""}', true),
    ('{"v": {"$veq": "0"}}', '{"v": [1]}', true), ('{"v": {"$veq": "2.1"}}', '{"v": 2.10}', true), ('{"v": {"$vne": "2.1"}}', '{"v": 2.10}', false), ('{"v": {"$vlte": "1.0.0"}}', '{"v": "1.0.0-beta"}', true), ('{"v": {"$vgt": "99999.0.0"}}', '{"v": "100000.0.0"}', false), ('{"v": {"$vgt": "V1.0.0"}}', '{"v": "1.0.0"}', false), ('{"v": {"$veq": "1..2"}}', '{"v": "1--2"}', true),
    -- what is no condition
    ('null', '{}', false), ('[]', '{}', false), ('5', '{}', false), ('"x"', '{}', false), ('true', '{}', false), ('{"$or": 5}', '{}', true), ('{"$and": "x"}', '{}', true), ('{"$nor": {}}', '{}', false), ('{"$and": [5]}', '{}', false), ('{"$or": [5, null]}', '{}', false), ('{"$not": 5}', '{}', true), ('{"a": 1}', '[]', false), ('{"length": 2}', '[1, 2]', true), ('{"a": null}', '5', true);
SELECT c, a, wanted FROM conditions WHERE flag_condition_matches(c, a, g) IS DISTINCT FROM wanted;
SELECT flag_condition_matches(NULL, '{}') AS null_condition, flag_condition_matches('{"a": null}', NULL) AS null_attributes, flag_condition_matches('{"a": {"$inGroup": "g"}}', '{"a": 1}', NULL) AS null_groups;

-- --- features ------------------------------------------------------------------------------------------
CREATE TEMP TABLE features (what text, features jsonb, key text, context jsonb, wanted jsonb);
INSERT INTO features VALUES
    ('unknown', '{}', 'f', '{}', '{"value": null, "on": false, "off": true, "source": "unknownFeature", "ruleId": ""}'),
    ('null feature', '{"f": null}', 'f', '{}', '{"value": null, "on": false, "off": true, "source": "unknownFeature", "ruleId": ""}'),
    ('default', '{"f": {"defaultValue": "x"}}', 'f', '{}', '{"value": "x", "on": true, "off": false, "source": "defaultValue", "ruleId": ""}'),
    ('no default', '{"f": {}}', 'f', '{}', '{"value": null, "on": false, "off": true, "source": "defaultValue", "ruleId": ""}'),
    ('an empty list is on', '{"f": {"defaultValue": []}}', 'f', '{}', '{"value": [], "on": true, "off": false, "source": "defaultValue", "ruleId": ""}'),
    ('rules of the wrong type', '{"f": {"defaultValue": 1, "rules": {"force": 2}}}', 'f', '{}', '{"value": 1, "on": true, "off": false, "source": "defaultValue", "ruleId": ""}'),
    ('wrong rules are skipped', '{"f": {"defaultValue": 1, "rules": [null, 5, "x", [], {}, {"force": 2, "id": "r"}]}}', 'f', '{}', '{"value": 2, "on": true, "off": false, "source": "force", "ruleId": "r"}'),
    ('null is forced too, before variations', '{"f": {"defaultValue": 1, "rules": [{"force": null, "variations": [1, 2]}]}}', 'f', '{"attributes": {"id": "u"}}', '{"value": null, "on": false, "off": true, "source": "force", "ruleId": ""}'),
    ('override', '{"f": {"defaultValue": 1}}', 'f', '{"forcedFeatureValues": {"f": null}}', '{"value": null, "on": false, "off": true, "source": "override", "ruleId": ""}'),
    ('override of an unknown one', '{}', 'f', '{"forcedFeatureValues": {"f": 7}, "enabled": false}', '{"value": 7, "on": true, "off": false, "source": "override", "ruleId": ""}'),
    ('a condition', '{"f": {"defaultValue": 1, "rules": [{"force": 2, "condition": {"country": "de"}}, {"force": 3, "condition": null}]}}', 'f', '{"attributes": {"country": "us"}}', '{"value": 3, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('overriding attributes', '{"f": {"defaultValue": 1, "rules": [{"force": 2, "condition": {"country": "de", "x": 1}}]}}', 'f', '{"attributes": {"country": "us", "x": 1}, "attributeOverrides": {"country": "de"}}', '{"value": 2, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('no condition at all', '{"f": {"defaultValue": 1, "rules": [{"force": 2, "condition": "x"}]}}', 'f', '{}', '{"value": 1, "on": true, "off": false, "source": "defaultValue", "ruleId": ""}'),
    ('cover to the bucket', '{"checkout-copy": {"defaultValue": 0, "rules": [{"force": 1, "coverage": 0.519}]}}', 'checkout-copy', '{"attributes": {"id": "user-1001"}}', '{"value": 1, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('cover less', '{"checkout-copy": {"defaultValue": 0, "rules": [{"force": 1, "coverage": 0.518}]}}', 'checkout-copy', '{"attributes": {"id": "user-1001"}}', '{"value": 0, "on": false, "off": true, "source": "defaultValue", "ruleId": ""}'),
    ('a range is half open', '{"checkout-copy": {"defaultValue": 0, "rules": [{"force": 1, "range": [0, 0.519], "coverage": 1}, {"force": 2, "range": [0.519, 0.52], "coverage": 0}]}}', 'checkout-copy', '{"attributes": {"id": "user-1001"}}', '{"value": 2, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('a seed and the second hash', '{"f": {"defaultValue": 0, "rules": [{"force": 1, "coverage": 0.1312, "seed": "checkout-copy", "hashVersion": 2}]}}', 'f', '{"attributes": {"id": "user-1001"}}', '{"value": 1, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('an unknown hash', '{"f": {"defaultValue": 0, "rules": [{"force": 1, "coverage": 1, "hashVersion": 3}, {"force": 2, "coverage": 1, "hashVersion": "2"}]}}', 'f', '{"attributes": {"id": "u"}}', '{"value": 0, "on": false, "off": true, "source": "defaultValue", "ruleId": ""}'),
    ('coverage 0, and nobody to hash', '{"f": {"defaultValue": 0, "rules": [{"force": 1, "coverage": 0}, {"force": 2, "coverage": 1}, {"force": 3, "coverage": 1, "hashAttribute": "n"}]}}', 'f', '{"attributes": {"id": 0, "n": 5}}', '{"value": 3, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('a fallback counts only with sticky documents', '{"f": {"defaultValue": 0, "rules": [{"force": 1, "coverage": 1, "fallbackAttribute": "n"}]}}', 'f', '{"attributes": {"n": 5}}', '{"value": 0, "on": false, "off": true, "source": "defaultValue", "ruleId": ""}'),
    ('a prerequisite that keeps a variation is another one when it is asked again', '{"g": {"defaultValue": "none", "rules": [{"variations": ["a", "b"], "meta": [{"key": "1"}, {"key": "2"}], "minBucketVersion": 1}]},
          "f": {"defaultValue": "no", "rules": [{"force": "both", "parentConditions": [{"id": "g", "condition": {"value": {"$ne": "none"}}}, {"id": "g", "condition": {"value": "none"}}]}]}}', 'f', '{"attributes": {"id": "u"}, "stickyBucketAssignmentDocs": {}}',
        '{"value": "both", "on": true, "off": false, "source": "force", "ruleId": "", "stickyBucketAssignmentDocs": {"id||u": {"attributeName": "id", "attributeValue": "u", "assignments": {"g__0": "1"}}}}'),
    ('with them', '{"f": {"defaultValue": 0, "rules": [{"force": 1, "coverage": 1, "fallbackAttribute": "n", "disableStickyBucketing": true}, {"force": 2, "coverage": 1, "fallbackAttribute": "n"}]}}', 'f', '{"attributes": {"n": 5}, "stickyBucketAssignmentDocs": {}}',
        '{"value": 2, "on": true, "off": false, "source": "force", "ruleId": "", "stickyBucketAssignmentDocs": {}}'),
    ('filters', '{"f": {"defaultValue": 0, "rules": [{"force": 1, "filters": [{"seed": "checkout-copy", "ranges": [[0, 0.1312]]}]}, {"force": 2, "filters": "x"}, {"force": 3, "filters": [5]}, {"force": 4, "filters": [{"seed": "checkout-copy", "hashVersion": 0, "ranges": [[0.1312, 0.2]]}]}]}}', 'f', '{"attributes": {"id": "user-1001"}}',
        '{"value": 4, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('no filters pass everybody', '{"f": {"defaultValue": 0, "rules": [{"force": 1, "filters": []}]}}', 'f', '{}', '{"value": 1, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    -- prerequisites
    ('a prerequisite holds', '{"p": {"defaultValue": true}, "f": {"defaultValue": 0, "rules": [{"force": 1, "parentConditions": [{"id": "p", "condition": {"value": true}}]}]}}', 'f', '{}', '{"value": 1, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('fails without a gate', '{"p": {"defaultValue": false}, "f": {"defaultValue": 7, "rules": [{"force": 1, "parentConditions": [{"id": "p", "condition": {"value": true}}]}]}}', 'f', '{}', '{"value": 7, "on": true, "off": false, "source": "defaultValue", "ruleId": ""}'),
    ('fails with a gate', '{"p": {"defaultValue": false}, "f": {"defaultValue": 7, "rules": [{"parentConditions": [{"id": "p", "condition": {"value": true}, "gate": true}]}]}}', 'f', '{}', '{"value": null, "on": false, "off": true, "source": "prerequisite", "ruleId": ""}'),
    ('an unknown parent is null', '{"f": {"defaultValue": 7, "rules": [{"force": 1, "parentConditions": [{"id": "p", "condition": {"value": null}}]}]}}', 'f', '{}', '{"value": 1, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('a cycle', '{"f": {"defaultValue": 7, "rules": [{"force": 1, "parentConditions": [{"id": "g"}]}]}, "g": {"rules": [{"force": 1, "parentConditions": [{"id": "f"}]}]}}', 'f', '{}', '{"value": null, "on": false, "off": true, "source": "cyclicPrerequisite", "ruleId": ""}'),
    ('itself', '{"f": {"defaultValue": 7, "rules": [{"force": 1, "parentConditions": [{"id": "f"}]}]}}', 'f', '{}', '{"value": null, "on": false, "off": true, "source": "cyclicPrerequisite", "ruleId": ""}'),
    ('siblings are no cycle', '{"p": {"defaultValue": 1}, "f": {"defaultValue": 7, "rules": [{"force": 1, "parentConditions": [{"id": "p"}, {"id": "q"}, {"id": "p"}]}]}, "q": {"rules": [{"force": 1, "parentConditions": [{"id": "p"}]}]}}', 'f', '{}', '{"value": 1, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('an overridden parent ends a cycle', '{"f": {"defaultValue": 7, "rules": [{"force": 1, "parentConditions": [{"id": "g"}]}]}, "g": {"rules": [{"force": 1, "parentConditions": [{"id": "f"}]}]}}', 'f', '{"forcedFeatureValues": {"g": 1}}', '{"value": 1, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('no saved groups for prerequisites', '{"p": {"defaultValue": "u1"}, "f": {"defaultValue": 7, "rules": [{"force": 1, "parentConditions": [{"id": "p", "condition": {"value": {"$inGroup": "g"}}}]}]}}', 'f', '{"savedGroups": {"g": ["u1"]}}', '{"value": 7, "on": true, "off": false, "source": "defaultValue", "ruleId": ""}'),
    ('wrong prerequisites', '{"f": {"defaultValue": 7, "rules": [{"force": 1, "parentConditions": [5]}, {"force": 2, "parentConditions": "x"}, {"force": 3, "parentConditions": [{"id": "p", "condition": 5}]}, {"force": 4, "parentConditions": []}]}}', 'f', '{}', '{"value": 4, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    -- experiments
    ('an experiment', '{"f": {"rules": [{"id": "r", "variations": ["a", "b"], "seed": "checkout-copy", "hashVersion": 2, "name": "", "phase": "0", "unknown": 1, "status": "draft", "parentConditions": []}]}}', 'f', '{"attributes": {"id": "user-1001"}}',
        '{"value": "a", "on": true, "off": false, "source": "experiment", "ruleId": "r", "experiment": {"key": "f", "variations": ["a", "b"], "seed": "checkout-copy", "hashVersion": 2, "phase": "0"}, "experimentResult": {"key": "0", "featureId": "f", "inExperiment": true,
          "hashUsed": true, "variationId": 0, "value": "a", "hashAttribute": "id", "hashValue": "user-1001", "stickyBucketUsed": false, "bucket": 0.1312}}'),
    ('a passthrough variation lets the next rule decide', '{"f": {"rules": [{"variations": [0, 1], "weights": [1, 0], "meta": [{"passthrough": true}, {}]}, {"force": 5}]}}', 'f', '{"attributes": {"id": "u"}}', '{"value": 5, "on": true, "off": false, "source": "force", "ruleId": ""}'),
    ('nobody is in an experiment when it is disabled', '{"f": {"defaultValue": 9, "rules": [{"variations": [0, 1]}]}}', 'f', '{"attributes": {"id": "u"}, "enabled": false}', '{"value": 9, "on": true, "off": false, "source": "defaultValue", "ruleId": ""}'),
    ('a bandit', '{"f": {"rules": [{"contextualVariations": ["a", "b"], "variations": ["c", "d"], "contextualBanditRef": "r", "key": "e"}]}}', 'f', '{"attributes": {"id": "u", "country": "de"}, "contextualBandits": {"r": {"banditVersion": 3, "contexts": [{"leafId": 0, "condition": {"country": "us"}, "weights": [1, 0]}, {"leafId": 4, "condition": {"country": "de"}, "weights": [0, 1]}]}}}',
        '{"value": "b", "on": true, "off": false, "source": "experiment", "ruleId": "", "experiment": {"key": "e", "variations": ["a", "b"], "weights": [0, 1], "contextualBandit": {"leafId": 4, "variationWeights": [0, 1], "banditVersion": 3}},
          "experimentResult": {"key": "1", "featureId": "f", "inExperiment": true, "hashUsed": true, "variationId": 1, "value": "b", "hashAttribute": "id", "hashValue": "u", "stickyBucketUsed": false, "bucket": 0.231, "leafId": 4, "variationWeights": [0, 1], "banditVersion": 3}}'),
    ('a bandit without a context', '{"f": {"rules": [{"variations": ["a", "b"], "contextualBanditRef": "r", "key": "e"}]}}', 'f', '{"attributes": {"id": "u"}, "contextualBandits": {"r": {"contexts": []}}}',
        '{"value": "a", "on": true, "off": false, "source": "experiment", "ruleId": "", "experiment": {"key": "e", "variations": ["a", "b"], "contextualBandit": {"leafId": -1, "variationWeights": [0.5, 0.5]}},
          "experimentResult": {"key": "0", "featureId": "f", "inExperiment": true, "hashUsed": true, "variationId": 0, "value": "a", "hashAttribute": "id", "hashValue": "u", "stickyBucketUsed": false, "bucket": 0.231, "leafId": -1, "variationWeights": [0.5, 0.5]}}'),
    ('a forced variation of a bandit', '{"f": {"rules": [{"variations": ["a", "b"], "contextualBanditRef": "r", "key": "e"}]}}', 'f', '{"attributes": {"id": "u"}, "forcedVariations": {"e": 0}, "contextualBandits": {"r": {"contexts": []}}}',
        '{"value": "a", "on": true, "off": false, "source": "experiment", "ruleId": "", "experiment": {"key": "e", "variations": ["a", "b"]},
          "experimentResult": {"key": "0", "featureId": "f", "inExperiment": true, "hashUsed": false, "variationId": 0, "value": "a", "hashAttribute": "id", "hashValue": "u", "stickyBucketUsed": false}}');
SELECT what, flag_evaluate_document(features, key, context) AS got, wanted FROM features WHERE flag_evaluate_document(features, key, context) IS DISTINCT FROM wanted;
SELECT flag_evaluate_document(NULL, 'f', NULL) = flag_evaluate_document('{}', 'f', '{}') AS null_documents, flag_evaluate_document('{"": {"defaultValue": 1}}', NULL, '{}') -> 'value' AS null_key;

-- --- experiments -------------------------------------------------------------------------------------------
-- of the result: variation, whether in the experiment, whether hashed; the user is user-1001 with the seed of bucket 0.1312
CREATE FUNCTION pg_temp.run(more jsonb, context jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r ->> 'variationId', CASE WHEN (r ->> 'inExperiment')::boolean THEN 'in' ELSE 'out' END, CASE WHEN (r ->> 'hashUsed')::boolean THEN 'hashed' END, CASE WHEN (r ->> 'stickyBucketUsed')::boolean THEN 'sticky' END)
      FROM (SELECT experiment_run_document('{"key": "e", "variations": ["a", "b", "c"], "seed": "checkout-copy", "hashVersion": 2}' || more, '{"attributes": {"id": "user-1001"}}' || context) r) r $$;
SELECT * FROM (VALUES
    ('{}'::jsonb, '{}'::jsonb, '0 in hashed'), ('{"weights": [0.1, 0.1, 0.8]}', '{}', '1 in hashed'), ('{"weights": [0.1, 0.8]}', '{}', '0 in hashed'), ('{"coverage": 0.3}', '{}', '0 out'), ('{"coverage": 0.4}', '{}', '0 in hashed'), ('{"coverage": "0.4"}', '{}', '0 in hashed'),
    ('{"ranges": [[0, 0.1312], [0.1312, 0.2], [0.2, 1]], "weights": [1, 0, 0], "coverage": 0}', '{}', '1 in hashed'), ('{"ranges": []}', '{}', '0 out'), ('{"ranges": "x"}', '{}', '0 out'), ('{"variations": ["a"]}', '{}', '0 out'), ('{"variations": null}', '{}', '0 out'), ('{}', '{"enabled": false}', '0 out'), ('{}', '{"enabled": 0}', '0 in hashed'),
    ('{"hashVersion": 9}', '{}', '0 out'), ('{"hashAttribute": "nobody"}', '{}', '0 out'), ('{"hashAttribute": ""}', '{}', '0 in hashed'), ('{"key": "", "seed": "", "hashVersion": 1}', '{}', '0 in hashed'),
    ('{"status": "draft"}', '{}', '0 out'), ('{"status": "running"}', '{}', '0 in hashed'), ('{"status": "stopped"}', '{}', '0 out'), ('{"active": false}', '{}', '0 out'), ('{"active": 0}', '{}', '0 in hashed'), ('{"active": null}', '{}', '0 in hashed'), ('{}', '{"qaMode": true}', '0 out'), ('{}', '{"qaMode": 0}', '0 in hashed'),
    ('{"condition": {"x": 1}}', '{}', '0 out'), ('{"condition": 5}', '{}', '0 out'), ('{"condition": {"id": "user-1001"}}', '{}', '0 in hashed'), ('{"namespace": ["n", 0, 0]}', '{}', '0 out'), ('{"namespace": ["n", 0, 1]}', '{}', '0 in hashed'), ('{"namespace": ["n", 0, 0], "filters": []}', '{}', '0 in hashed'), ('{"namespace": 5}', '{}', '0 out'),
    ('{"filters": [{"seed": "s", "ranges": []}]}', '{}', '0 out'), ('{"force": 2}', '{}', '2 in'), ('{"force": 2, "coverage": 0}', '{}', '0 out'), ('{"force": 7}', '{}', '0 out'), ('{"force": null}', '{}', '0 out'), ('{"force": 1.5}', '{}', '0 out'), ('{"force": "1"}', '{}', '0 out'), ('{"force": 1, "status": "stopped"}', '{"qaMode": true}', '1 in'), ('{"force": -1}', '{}', '0 out'),
    ('{}', '{"forcedVariations": {"e": 2}}', '2 in'), ('{"status": "draft", "active": false, "coverage": 0, "condition": {"x": 1}}', '{"forcedVariations": {"e": 2}, "qaMode": true}', '2 in'), ('{}', '{"forcedVariations": {"e": 2}, "enabled": false}', '0 out'), ('{}', '{"forcedVariations": {"e": 9}}', '0 out'), ('{}', '{"forcedVariations": {"e": "1"}}', '0 out'), ('{}', '{"forcedVariations": {"e": null}}', '0 out'),
    ('{}', '{"forcedVariations": {"x": 2}}', '0 in hashed'), ('{"variations": ["a"]}', '{"forcedVariations": {"e": 0}}', '0 out'),
    -- the query string
    ('{}', '{"url": "http://x.com/?e=2"}', '2 in'), ('{}', '{"url": "http://x.com/?a=1&e=2#e=1"}', '2 in'), ('{}', '{"url": "http://x.com/?e=3"}', '0 in hashed'), ('{}', '{"url": "http://x.com/?e=-1"}', '0 in hashed'), ('{}', '{"url": "http://x.com/?e="}', '0 in hashed'), ('{}', '{"url": "http://x.com/?e"}', '0 in hashed'), ('{}', '{"url": "http://x.com/?e=1.9"}', '1 in'),
    ('{}', '{"url": "http://x.com/?e=%31"}', '0 in hashed'), ('{}', '{"url": "http://x.com/?e= +2x"}', '2 in'), ('{}', '{"url": "http://x.com/?e=0x2"}', '2 in'), ('{}', '{"url": "http://x.com/?e=x&e=2"}', '0 in hashed'), ('{}', '{"url": "http://x.com/?e=1&e=2"}', '1 in'), ('{}', '{"url": "http://x.com/?a=1?e=2"}', '0 in hashed'), ('{}', '{"url": "http://x.com/#?e=2"}', '2 in'),
    ('{}', '{"url": "?e=1=2"}', '1 in'), ('{"active": false}', '{"url": "?e=1", "forcedVariations": {"e": 2}}', '1 in'), ('{}', '{"url": 5}', '0 in hashed'), ('{"key": "é"}', '{"url": "?é=1"}', '1 in'), ('{}', '{"url": "?e=99999999999999999999"}', '0 in hashed'),
    -- URL patterns
    ('{"urlPatterns": []}', '{"url": "http://x.com/"}', '0 out'), ('{"urlPatterns": "x"}', '{"url": "http://x.com/"}', '0 out'), ('{"urlPatterns": [{"type": "simple", "pattern": "/shop/*", "include": true}]}', '{"url": "https://x.com/Shop/1/"}', '0 in hashed'), ('{"urlPatterns": [{"type": "simple", "pattern": "/shop/*", "include": true}]}', '{"url": "https://x.com/shops/1"}', '0 out'),
    ('{"urlPatterns": [{"type": "simple", "pattern": "*.x.com", "include": true}]}', '{"url": "https://www.x.com"}', '0 in hashed'), ('{"urlPatterns": [{"type": "simple", "pattern": "x.com/a?q=*z", "include": true}]}', '{"url": "http://x.com/a/?p=1&q=yz"}', '0 in hashed'), ('{"urlPatterns": [{"type": "simple", "pattern": "x.com/a#top", "include": true}]}', '{"url": "http://x.com/a"}', '0 out'),
    ('{"urlPatterns": [{"type": "regex", "pattern": "^/a", "include": true}]}', '{"url": "http://x.com/a"}', '0 in hashed'), ('{"urlPatterns": [{"type": "regex", "pattern": "^http://x", "include": true}]}', '{"url": "http://x.com/a"}', '0 in hashed'), ('{"urlPatterns": [{"type": "regex", "pattern": "x\\.com", "include": false}]}', '{"url": "http://x.com/a"}', '0 out'), ('{"urlPatterns": [{"type": "regex", "pattern": "y", "include": false}]}', '{"url": "http://x.com/a"}', '0 in hashed'),
    ('{"urlPatterns": [{"type": "regex", "pattern": "(", "include": true}]}', '{"url": "http://x.com/("}', '0 out'), ('{"urlPatterns": [{"type": "simple", "pattern": "/b", "include": true}]}', '{"url": "?e=1"}', '0 out'),
    ('{"urlPatterns": [{"type": "regex", "pattern": "//x\\.com", "include": true}]}', '{"url": "http://u:p@x.com/a"}', '0 out'), ('{"urlPatterns": [{"type": "regex", "pattern": "^http://u:p@x\\.com/a$", "include": true}]}', '{"url": "http://u:p@x.com:80/a"}', '0 in hashed'), ('{"urlPatterns": [{"type": "regex", "pattern": "^/a", "include": true}]}', '{"url": "http://u:p@x.com/a"}', '0 out'),
    ('{"urlPatterns": [{"type": "regex", "pattern": "^http://u@x", "include": true}]}', '{"url": "http://u:@X.com/a"}', '0 in hashed'), ('{"urlPatterns": [{"type": "regex", "pattern": "^http://x", "include": true}]}', '{"url": "http://:@x.com/a"}', '0 in hashed'), ('{"urlPatterns": [{"type": "regex", "pattern": "//u%20%C3%BC%40b:%3A@x", "include": true}]}', '{"url": "http://u ü@b::@x.com/a"}', '0 in hashed'),
    -- prerequisites: whatever fails, gate or not
    ('{"parentConditions": [{"id": "p", "condition": {"value": 1}}]}', '{"features": {"p": {"defaultValue": 1}}}', '0 in hashed'), ('{"parentConditions": [{"id": "p", "condition": {"value": 2}, "gate": true}]}', '{"features": {"p": {"defaultValue": 1}}}', '0 out'), ('{"parentConditions": [{"id": "p"}]}', '{"features": {"p": {"rules": [{"force": 1, "parentConditions": [{"id": "p"}]}]}}}', '0 out')) v (more, context, wanted)
 WHERE pg_temp.run(more, context) IS DISTINCT FROM wanted;
SELECT experiment_run_document('{"key": "e", "variations": [0, 1], "meta": [{"key": "control", "name": "Control", "passthrough": 1}]}', '{"attributes": {"id": 3.0}, "forcedVariations": {"e": 0}}');
SELECT experiment_run_document('{"key": "e", "variations": [0, 1], "meta": [{"key": "control"}]}', '{"attributes": {"id": ""}, "forcedVariations": {"e": 1}}');
SELECT experiment_run_document(NULL, NULL);

-- --- variations that are kept ----------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.kept(assignments jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT jsonb_build_object('stickyBucketAssignmentDocs', jsonb_build_object('id||user-1001', jsonb_build_object('attributeName', 'id', 'attributeValue', 'user-1001', 'assignments', assignments)))$$;
SELECT * FROM (VALUES
    ('{:meta}'::text, '{"e__0": "c"}'::jsonb, '2 in hashed sticky'), ('{:meta, "condition": {"x": 1}, "coverage": 0, "filters": [5], "namespace": 5}', '{"e__0": "c"}', '2 in hashed sticky'), ('{:meta, "bucketVersion": 1}', '{"e__0": "c"}', '0 in hashed'), ('{:meta, "bucketVersion": 1}', '{"e__1": "b"}', '1 in hashed sticky'),
    ('{:meta, "bucketVersion": 2, "minBucketVersion": 1}', '{"e__0": "c"}', '0 out sticky'), ('{:meta, "bucketVersion": 2, "minBucketVersion": 1}', '{"e__1": "c"}', '0 in hashed'), ('{:meta, "bucketVersion": 2, "minBucketVersion": 1}', '{"e__2": "c", "e__0": "a"}', '0 out sticky'), ('{:meta, "minBucketVersion": 1, "condition": {"x": 1}}', '{"e__0": "c"}', '0 out'),
    ('{:meta}', '{"e__0": "z"}', '0 in hashed'), ('{:meta}', '{}', '0 in hashed'), ('{:meta, "disableStickyBucketing": true}', '{"e__0": "c"}', '0 in hashed'), ('{}', '{"e__0": "2"}', '0 in hashed'), ('{:meta, "status": "stopped"}', '{"e__0": "c"}', '0 out'), ('{:meta, "force": 1}', '{"e__0": "c"}', '1 in'), ('{:meta, "minBucketVersion": 1000000000}', '{"e__0x": "c"}', '0 in hashed')) v (more, assignments, wanted)
 WHERE pg_temp.run(replace(more, ':meta', '"meta": [{"key": "a"}, {"key": "b"}, {"key": "c"}]')::jsonb, pg_temp.kept(assignments)) IS DISTINCT FROM wanted;
-- saved under the attribute and value that were hashed; a prerequisite sees what was saved, and a feature that does not decide saves all the same
SELECT experiment_run_document('{"key": "e", "variations": [0, 1], "bucketVersion": 2, "meta": [{"key": "a"}, {"key": "b"}], "hashAttribute": "x", "fallbackAttribute": "n"}', '{"attributes": {"n": 7}, "stickyBucketAssignmentDocs": {"n||7": {"attributeName": "n", "attributeValue": "7", "assignments": {"old__0": "z"}}}}') -> 'stickyBucketAssignmentDocs' AS kept;
SELECT jsonb_pretty(flag_evaluate_document('{"f": {"rules": [{"force": 1, "parentConditions": [{"id": "p"}]}]}, "p": {"rules": [{"variations": [0, 1], "key": "e"}]}}', 'f', '{"attributes": {"id": "u"}, "stickyBucketAssignmentDocs": {}}') -> 'stickyBucketAssignmentDocs') AS kept;
SELECT experiment_run_document('{"key": "e", "variations": [0, 1]}', '{"attributes": {"id": "u"}, "stickyBucketAssignmentDocs": null}') ? 'stickyBucketAssignmentDocs' AS no_object_is_off;

-- --- what is nested deeply, or large -----------------------------------------------------------------------------
SELECT flag_condition_matches((repeat('{"$not":', n) || '{}' || repeat('}', n))::jsonb, '{}') IS NOT NULL AS no_error,
       flag_condition_matches(jsonb_build_object('a', (repeat('{"$not":', n) || '1' || repeat('}', n))::jsonb), '{"a": 1}') IS NOT NULL AS nor_here,
       flag_condition_matches(jsonb_build_object('a', (repeat('[', n) || repeat(']', n))::jsonb), jsonb_build_object('a', (repeat('[', n) || repeat(']', n))::jsonb)) IS NOT NULL AS nor_there,
       flag_condition_matches('{"a": ""}', jsonb_build_object('a', (repeat('[', n) || repeat(']', n))::jsonb)) IS NOT NULL AS nor_as_text
  FROM (VALUES (1900), (4000)) v (n);
SELECT flag_evaluate_document(jsonb_object_agg('f' || i, jsonb_build_object('defaultValue', i, 'rules', jsonb_build_array(jsonb_build_object('force', true, 'parentConditions', jsonb_build_array(jsonb_build_object('id', 'f' || i + 1)))))), 'f1', '{}') ->> 'source' AS chain
  FROM generate_series(1, 900) i;
SELECT flag_evaluate_document(jsonb_object_agg('f' || i, jsonb_build_object('defaultValue', i, 'rules', jsonb_build_array(jsonb_build_object('force', true, 'parentConditions', jsonb_build_array(jsonb_build_object('id', 'f' || i + 1)))))), 'f1', '{}') ->> 'source' AS longer_chain
  FROM generate_series(1, 5000) i;
