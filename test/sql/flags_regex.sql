-- Regular expressions of ECMAScript in conditions: a row per rule of the translation, with texts that match and texts that do not. What differs is shown.
SET search_path = swipesavvy, public;
CREATE FUNCTION pg_temp.search(pattern text, value text, flags text DEFAULT '') RETURNS boolean LANGUAGE sql AS
    $$SELECT flag_condition_matches(jsonb_build_object('a', jsonb_build_object('$regex' || flags, pattern)), jsonb_build_object('a', value))$$;

CREATE TEMP TABLE patterns (pattern text, matches text[], others text[], flags text DEFAULT '');
INSERT INTO patterns VALUES
    -- anything but an end of line
    ('^.$', ARRAY['a', 'é'], ARRAY[E'\n', E'\r', U&'\2028', U&'\2029', '', '😀']), ('^..$', ARRAY['😀', 'ab'], ARRAY['a']), ('^[^]$', ARRAY[E'\n', 'a'], ARRAY['', 'ab']), ('[]', NULL, ARRAY['', 'a']), ('^[]*$', ARRAY[''], ARRAY['a']),
    -- classes, in and out of brackets
    ('^\d$', ARRAY['0', '9'], ARRAY['a', '٣']), ('^\D$', ARRAY['a', '٣'], ARRAY['0']), ('^\w$', ARRAY['a', 'Z', '_', '0'], ARRAY['é', '-']), ('^\W$', ARRAY['é', '-'], ARRAY['a', '_']), ('^\s$', ARRAY[' ', E'\t', U&'\00a0', U&'\feff', U&'\2003', U&'\2028', U&'\3000'], ARRAY['a', U&'\200b', U&'\0085']), ('^\S$', ARRAY['a', U&'\200b'], ARRAY[' ', U&'\00a0']),
    ('^[\d-x]$', ARRAY['5', '-', 'x'], ARRAY['y']), ('^[a-\d]$', ARRAY['a', '-', '7'], ARRAY['b']), ('^[\D]$', ARRAY['a'], ARRAY['1']), ('^[^\s]$', ARRAY['a'], ARRAY[' ']), ('^[\s\S]$', ARRAY[E'\n', 'x'], ARRAY['']), ('^[\w.]+$', ARRAY['a.b_1'], ARRAY['a-b']),
    -- borders of words
    ('\bb', ARRAY['b', 'a b', 'éb'], ARRAY['ab', '_b']), ('\Bb', ARRAY['ab'], ARRAY['b', 'a b']), ('^\B$', ARRAY[''], ARRAY['a']), ('^[\b]$', ARRAY[E'\b'], ARRAY['b', '\']), ('^[\B]$', ARRAY['B'], ARRAY['b']),
    -- groups and references
    ('^(?<l>a|b)\k<l>$', ARRAY['aa', 'bb'], ARRAY['ab']), ('^(a)(b)\2\1$', ARRAY['abba'], ARRAY['abab']), ('^(?:a|b)(c)\1$', ARRAY['acc'], ARRAY['ac']), ('^\2(a)(b)$', ARRAY['ab'], ARRAY['bab']), ('^(a\1)$', ARRAY['a'], ARRAY['aa']), ('^(?=(a))a(b)\2$', ARRAY['abb'], ARRAY['ab']), ('^(a)\10$', NULL, ARRAY['a0']),
    ('(a)\2', NULL, ARRAY['aa', 'a']), ('(?=(a))\1', NULL, ARRAY['aa']), ('(a)(?=\1)', NULL, ARRAY['aa']), ('\k', ARRAY['k'], ARRAY['a']), ('(?<a>x)(?<a>y)', NULL, ARRAY['xy']), ('(?<1>x)', NULL, ARRAY['x']), ('(?<a>x)\k<b>', NULL, ARRAY['xx']), ('(?<a>x)\k', NULL, ARRAY['xk']), ('(?<é>x)', ARRAY['x'], NULL),
    -- escapes
    ('^\x41$', ARRAY['A'], ARRAY['x41']), ('^\x414$', ARRAY['A4'], NULL), ('^\x4$', ARRAY['x4'], NULL), ('^\u00e9$', ARRAY['é'], NULL), ('^\u41$', ARRAY['u41'], NULL), ('^\u{3}$', ARRAY['uuu'], ARRAY['u{3}']), ('^\ud83d\ude00$', ARRAY['😀'], NULL), ('\ud83d', ARRAY['😀'], ARRAY['é']), ('^\cJ$', ARRAY[E'\n'], ARRAY['J']), ('^\c1$', ARRAY['\c1'], NULL), ('^[\c1]$', ARRAY[E'\x11'], ARRAY['1']),
    ('^\t\n\v\f\r$', ARRAY[E'\t\n\x0b\f\r'], NULL), ('\0', NULL, ARRAY['0', '']), ('^\A\Z\m\y\e\q\M\Y\a\z$', ARRAY['AZmyeqMYaz'], NULL), ('^\p{2}$', ARRAY['pp'], NULL), ('\', NULL, ARRAY['\', '']), ('^\\$', ARRAY['\'], NULL), ('^\/\-\_\ $', ARRAY['/-_ '], NULL), ('^\é$', ARRAY['é'], NULL), ('^[\101]$', ARRAY['A'], NULL), ('^[\8]$', ARRAY['8'], NULL),
    -- brackets
    ('^[[:alpha:]]$', ARRAY['a]', ':]', '[]'], ARRAY['b', 'z]']), ('^[[.a.]]$', ARRAY['a]', '.]'], ARRAY['a']), ('^[a\]b]$', ARRAY[']', 'a'], ARRAY['\']), ('^[\\]$', ARRAY['\'], NULL), ('^[a\-z]$', ARRAY['-', 'z'], ARRAY['b']), ('^[-a]$', ARRAY['-'], NULL), ('^[a-]$', ARRAY['-'], NULL), ('^[a^]$', ARRAY['^'], NULL), ('[z-a]', NULL, ARRAY['a', '-']), ('[a', NULL, ARRAY['a', '[a']), (']', ARRAY[']'], NULL), ('^[.*+?(){}|$]$', ARRAY['.', '|', '$', '}'], ARRAY['a']), ('^[😀]{2}$', ARRAY['😀'], NULL),
    -- what AREs would take for something else
    ('***a', NULL, ARRAY['a', '***a']), ('***=a', NULL, ARRAY['a']), ('(?i)a', NULL, ARRAY['a', 'A']), ('(?#x)a', NULL, ARRAY['a']), ('a(?x) b', NULL, ARRAY['ab']), ('(?i:a)', NULL, ARRAY['a', 'A']), ('a**', NULL, ARRAY['a']), ('a+*', NULL, ARRAY['a']), ('a{2}{3}', NULL, ARRAY['aaaaaa']), ('a???', NULL, ARRAY['a']), ('*', NULL, ARRAY['*']), ('a|*', NULL, ARRAY['a']), ('(?:+a)', NULL, ARRAY['a']), ('^*', NULL, ARRAY['a']), ('\b+', NULL, ARRAY['a']),
    ('a{1,255}', ARRAY['a'], NULL), ('a{1,256}', NULL, ARRAY['a']), ('a{256}', NULL, ARRAY[repeat('a', 256)]), ('a{0,99999999999}', NULL, ARRAY['a']), ('a{3,2}', NULL, ARRAY['aaa']),
    -- quantifiers
    ('^a{2}$', ARRAY['aa'], ARRAY['a', 'aaa', 'a{2}']), ('^a{2,}$', ARRAY['aaa'], ARRAY['a']), ('^a{1,2}$', ARRAY['a', 'aa'], ARRAY['aaa']), ('^a{,2}$', ARRAY['a{,2}'], ARRAY['a']), ('^a{$', ARRAY['a{'], NULL), ('^{a}$', ARRAY['{a}'], NULL), ('^a{1$', ARRAY['a{1'], NULL), ('{1}', NULL, ARRAY['{1}', '']), ('^}$', ARRAY['}'], NULL), ('^x*?y+?z??$', ARRAY['xxyz', 'y'], ARRAY['x']), ('^(?:a*)*$', ARRAY['', 'aa'], ARRAY['b']), ('^()$', ARRAY[''], NULL), ('a|', ARRAY['b', ''], NULL), ('^a{0}b$', ARRAY['b'], ARRAY['ab']),
    -- look-arounds
    ('^(?=a)a', ARRAY['a'], ARRAY['b']), ('^(?!a).', ARRAY['b'], ARRAY['a']), ('(?<=a)b', ARRAY['ab'], ARRAY['b', 'cb']), ('(?<!a)b', ARRAY['b', 'cb'], ARRAY['ab']), ('^a(?=b)*c$', ARRAY['ac'], ARRAY['abc']), ('^a(?=b)+b$', ARRAY['ab'], ARRAY['a']), ('(?<=a)*b', NULL, ARRAY['ab']), ('^(?!.*(?:x|y)).+$', ARRAY['ab'], ARRAY['axb']), ('(?<=(?<!c)a)b', ARRAY['ab'], ARRAY['cab']),
    -- groups that do not end or begin
    ('(', NULL, ARRAY['(']), (')', NULL, ARRAY[')']), ('(?', NULL, ARRAY['(?']), ('(?<', NULL, ARRAY['']), ('(?<a', NULL, ARRAY['a']), ('(?P<a>x)', NULL, ARRAY['x']), ('a)(', NULL, ARRAY['a']),
    -- anchors: the whole text alone
    ('^b', ARRAY['b'], ARRAY[E'a\nb']), ('a$', ARRAY['a'], ARRAY[E'a\nb', E'a\n']), ('', ARRAY['', 'x'], NULL), ('$^', ARRAY[''], ARRAY['a']),
    ('x', ARRAY['x'], ARRAY['X']);
INSERT INTO patterns VALUES
    -- any case: upper case of one unit, never from or to ASCII
    ('^zoë$', ARRAY['ZOË', 'Zoë'], ARRAY['zoe'], 'i'), ('^[à-þ]$', ARRAY['É', 'é'], ARRAY['e', '÷x'], 'i'), ('^[^é]$', ARRAY['e'], ARRAY['É', 'é'], 'i'), ('^ß$', ARRAY['ß'], ARRAY['ẞ', 'ss', 'SS'], 'i'), ('^k$', ARRAY['K'], ARRAY[U&'\212a'], 'i'), ('^ſ$', ARRAY['ſ'], ARRAY['s', 'S'], 'i'), ('^σ$', ARRAY['Σ', 'ς'], NULL, 'i'), ('^ǆ$', ARRAY['ǅ', 'Ǆ'], NULL, 'i'),
    ('^µ$', ARRAY['μ', 'Μ'], NULL, 'i'), ('^ı$', ARRAY['ı'], ARRAY['I', 'i'], 'i'), ('^i$', ARRAY['I'], ARRAY['İ'], 'i'), ('^ω$', ARRAY['Ω'], ARRAY[U&'\2126'], 'i'), ('^[a-z]+$', ARRAY['ABC'], ARRAY['ÀB'], 'i'), ('^[^a-z]$', ARRAY['1'], ARRAY['A'], 'i'), ('^\w\W$', ARRAY['Aé'], ARRAY['éA'], 'i'), ('^(a)\1$', ARRAY['aA'], ARRAY['ab'], 'i'), ('^\x61\u0062$', ARRAY['AB'], NULL, 'i'), ('^[\x61]$', ARRAY['A'], NULL, 'i'), ('^[A-z]$', ARRAY['_', 'q'], ARRAY['1'], 'i');
SELECT pattern, flags, m AS should_match FROM patterns, unnest(matches) m WHERE NOT pg_temp.search(pattern, m, flags);
SELECT pattern, flags, o AS should_not FROM patterns, unnest(others) o WHERE pg_temp.search(pattern, o, flags);
SELECT count(*) AS patterns FROM patterns;

-- more than are kept, and one that would take long
SELECT count(*) FROM generate_series(1, 1000) i WHERE pg_temp.search('^x' || i || '$', 'x' || i);
SELECT pg_temp.search('^(?:a|a)*$', repeat('a', 10000) || 'b') AS no_match;
SELECT pg_temp.search(repeat('(', 20000) || 'a' || repeat(')', 20000), 'a') IS NOT NULL AS no_error;
SELECT pg_temp.search('(?:(?:(?:a{250}){250}){250}){250}', 'a') AS too_complex;
