-- What addresses and searches are compared by. The texts are written as code points: this file shows what others look like.
\set VERBOSITY terse
CREATE FUNCTION pg_temp.email_key(email text) RETURNS text LANGUAGE sql RETURN convert_from(swipesavvy.email_key(email), 'UTF8');
CREATE FUNCTION pg_temp.points(t text) RETURNS text LANGUAGE sql RETURN
    (SELECT string_agg(CASE WHEN c ~ '[!-~]' THEN c ELSE 'U+' || upper(CASE WHEN ascii(c) < 4096 THEN lpad(to_hex(ascii(c)), 4, '0') ELSE to_hex(ascii(c)) END) END, ' ' ORDER BY n) FROM string_to_table(t, NULL) WITH ORDINALITY s (c, n));

-- addresses: case, composition and blanks around them
SELECT what, pg_temp.points(pg_temp.email_key(email)) AS key FROM (VALUES
    (1, 'capitals', 'ADA@Example.COM'), (2, 'blanks', E' \t\n\f\x0b\rada@example.com \r\n'), (3, 'wide blanks', U&'\00A0\2003\3000\1680\0085\2028ada@x.io\202F\205F'),
    (4, 'composed', U&'m\00FCller@x.io'), (5, 'decomposed', U&'mu\0308ller@x.io'), (6, 'composed capital', U&'M\00DCLLER@x.io'), (7, 'sharp s', U&'stra\00DFe@x.io'),
    (8, 'capital sharp s', U&'STRA\1E9EE@x.io'), (9, 'final sigma', U&'\039F\03A3\03C2\03C3@x.io'), (10, 'Turkish i', U&'\0130I\0131i@x.io'), (11, 'Cherokee', U&'\AB70\13A0@x.io'),
    (12, 'Hangul, decomposed', U&'\1112\1161\11AB@x.io'), (13, 'iota below', U&'\1FB3\1FBC@x.io'), (14, 'Deseret', U&'\+010400@x.io'), (15, 'marks in another order', U&'q\0307\0323@x.io'),
    (16, 'and in this', U&'q\0323\0307@x.io'), (17, 'nothing', ''), (18, 'blanks alone', U&' \3000'), (19, 'a ligature', U&'\FB00@x.io'), (20, 'Kelvin', U&'\212A@x.io')) v (n, what, email) ORDER BY n;
-- not those that got their other case after Unicode 14, which the library's table is of: a newer server or C library knows it
CREATE FUNCTION pg_temp.is_newer(c text) RETURNS boolean LANGUAGE sql RETURN
    c IN (U&'\019B', U&'\0264', U&'\1C89', U&'\1C8A') OR ascii(c) BETWEEN 42955 AND 42959 OR ascii(c) BETWEEN 42962 AND 42965 OR ascii(c) BETWEEN 42970 AND 42972;
SELECT count(*) AS with_another_key_by_lower_or_upper_case FROM generate_series(1, 65535) n, chr(CASE WHEN n BETWEEN 55296 AND 57343 THEN 65 ELSE n END) c (c)
 WHERE pg_temp.email_key(lower(c)) <> pg_temp.email_key(c) AND c NOT IN (U&'\0130') AND NOT pg_temp.is_newer(c);
SELECT count(*) AS keys_with_another_key FROM (SELECT DISTINCT pg_temp.email_key(chr(n)) AS key FROM generate_series(161, 55295) n) k WHERE pg_temp.email_key(key) <> key;
SELECT count(*) AS composed_and_not FROM generate_series(161, 55295) n WHERE pg_temp.email_key(normalize(chr(n), NFD)) <> pg_temp.email_key(chr(n));

-- searches: accents and forms, too; vowel signs are no accents
SELECT what, pg_temp.points(swipesavvy.search_key(value)) AS key FROM (VALUES
    (1, 'accents', U&'C\00C9LINE Zoe\0308'), (2, 'strokes', U&'\0141\00F3d\017A \00D8rsted \0110or\0111evi\0107'), (3, 'in one', U&'\00C6sir \0153uvre stra\00DFe \00DEor'), (4, 'wide forms', U&'\FF21\FF42\FF43\3000\FB01n \2460'),
    (5, 'Turkish', U&'\0130stanbul \0131\015F\0131k'), (6, 'Vietnamese', U&'Nguy\1EC5n'), (7, 'Greek', U&'\0386\03B3\03B3\03B5\03BB\03BF\03C2'), (8, 'Cyrillic', U&'\0401\0436 \0419'), (9, 'Hebrew points', U&'\05E9\05C1\05B8\05DC\05D5\05B9\05DD'),
    (10, 'Hindi', U&'\0939\093F\0928\094D\0926\0940'), (11, 'kana', U&'\304C\FF76\FF9E'), (12, 'Hangul', U&'\D55C'), (13, 'wildcards', '50%_\'), (14, 'accents alone', U&'\0301'),
    (15, 'quotes of a word processor', U&'O\2019Brien \201CX\201D O\02BCNeil'), (16, 'its dashes', U&'a\2013b \2014 \2010 \2212')) v (n, what, value) ORDER BY n;
SELECT count(*) AS texts_with_another_key_by_case FROM generate_series(161, 55295) n WHERE swipesavvy.search_key(upper(chr(n))) <> swipesavvy.search_key(lower(chr(n))) AND chr(n) NOT IN (U&'\0130') AND NOT pg_temp.is_newer(chr(n));

-- for the library's role alone, and the same whatever the locale
SET ROLE swipesavvy_admin;
SELECT swipesavvy.email_key('x');
SELECT swipesavvy.search_key('x');
RESET ROLE;
SELECT bool_and(provolatile = 'i' AND proisstrict AND proparallel = 's') AS immutable FROM pg_proc WHERE proname IN ('email_key', 'search_key') AND pronamespace = 'swipesavvy'::regnamespace;
