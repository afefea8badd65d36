/*
 * regex_translate.c: writes a regular expression of ECMAScript (without the
 * flags u, v, m, s) as an advanced regular expression of the server (regex.h).
 *
 * Called by regex.c. Both work on UTF-16 units, as ECMAScript does without the
 * flag u. Where case does not matter, pattern and text are both brought into
 * canonical form, so that the server need not know of case.
 *
 * Only whether there is a match counts, not where: lazy quantifiers are
 * written as greedy ones, and groups that nothing refers to may be of any sort.
 * What AREs lack: bounds above 255, references to groups that are in a
 * look-around or not there, references within a look-around; such a pattern
 * counts as invalid. A reference to a group that took no part matches the
 * empty text in ECMAScript and nothing here, unless the group has not even
 * been closed where the reference stands.
 *
 *     .                      [^\n\r\u2028\u2029]
 *     \d \w \s, capitals     explicit sets, in and out of brackets
 *     \b \B                  \y \Y, with the C locale's words
 *     (?<name>…) \k<name>    a numbered group, \N
 *     \xHH \uHHHH \cX \0     the unit itself
 *     \ and another letter   the letter
 *     [^] []                 any unit, none
 *     { that bounds nothing  \{
 */
#include "postgres.h"

#include "base/array.h"
#include "base/casing.h"
#include "base/hex.h"
#include "flags/regex.h"

#define MAX_BOUND 255 /* DUPMAX of the server's engine */
#define LAST_UNIT 0xffff

typedef enum OpenKind
{
	OPEN_CAPTURE,
	OPEN_PLAIN,
	OPEN_AHEAD,
	OPEN_BEHIND
} OpenKind;

/* A capturing group of the pattern. */
typedef struct Group
{
	const pg_wchar *name;
	int name_length;
	int number; /* in the translation; 0 in a look-around, where groups do not capture */
	bool closed;
} Group;

typedef struct Open
{
	OpenKind kind;
	int start; /* in the output */
	int group;
} Open;

/* What stands before the place that is read: may a quantifier follow? */
typedef enum Before
{
	BEFORE_NOTHING,
	BEFORE_ATOM,
	BEFORE_LOOK_AHEAD /* may be quantified in ECMAScript, not in an ARE */
} Before;

typedef struct Translator
{
	const pg_wchar *at;
	const pg_wchar *end;
	bool any_case;

	pg_wchar *out;
	int nout;
	int64 max_out;

	Group *groups;
	int ngroups;
	bool has_names;

	Open *open;
	int nopen;
	int seen_groups; /* opened so far */
	int captures;	 /* of the translation, opened so far */
	int looking;	 /* look-arounds that are open */

	Before before;
	int atom_start;
} Translator;

/* --- sets ------------------------------------------------------------------------------------ */

typedef struct UnitRange
{
	pg_wchar from;
	pg_wchar to;
} UnitRange;

static const UnitRange digits[] = {{'0', '9'}};
static const UnitRange words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const UnitRange spaces[] = {{0x09, 0x0d},	 {0x20, 0x20},	   {0xa0, 0xa0},	 {0x1680, 0x1680},
								   {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
								   {0x3000, 0x3000}, {0xfeff, 0xfeff}};
static const UnitRange line_ends[] = {{0x0a, 0x0a}, {0x0d, 0x0d}, {0x2028, 0x2029}};

/* --- output ------------------------------------------------------------------------------------ */

static void
put(Translator *t, pg_wchar c)
{
	t->out = ss_array_reserve(t->out, &t->max_out, t->nout + 1, sizeof(pg_wchar));
	t->out[t->nout++] = c;
}

static void
put_string(Translator *t, const char *text)
{
	for (; *text != '\0'; text++)
		put(t, *text);
}

/* A unit that stands for itself, in and out of brackets. */
static void
put_literal(Translator *t, pg_wchar c)
{
	if (c < 0x80 && ispunct((int) c) && c != '_')
		put(t, '\\');
	put(t, c);
}

static void
put_range(Translator *t, pg_wchar from, pg_wchar to)
{
	put_literal(t, from);
	if (from != to)
	{
		put(t, '-');
		put_literal(t, to);
	}
}

static void
put_ranges(Translator *t, const UnitRange *ranges, int nranges, bool complement)
{
	pg_wchar next = 0;

	for (int i = 0; i < nranges; i++)
	{
		if (!complement)
			put_range(t, ranges[i].from, ranges[i].to);
		else if (next < ranges[i].from)
			put_range(t, next, ranges[i].from - 1);
		next = ranges[i].to + 1;
	}
	if (complement && next <= LAST_UNIT)
		put_range(t, next, LAST_UNIT);
}

/* The ranges of \d, \w, \s or a capital, within brackets. */
static bool
put_class_escape(Translator *t, pg_wchar c)
{
	switch (c)
	{
		case 'd':
		case 'D':
			put_ranges(t, digits, lengthof(digits), c == 'D');
			return true;
		case 'w':
		case 'W':
			put_ranges(t, words, lengthof(words), c == 'W');
			return true;
		case 's':
		case 'S':
			put_ranges(t, spaces, lengthof(spaces), c == 'S');
			return true;
		default:
			return false;
	}
}

static void
put_canonical_run(pg_wchar from, pg_wchar to, int step, void *state)
{
	if (step == 1)
		put_range(state, from, to);
	else
	{
		for (pg_wchar c = from; c <= to; c += step)
			put_literal(state, c);
	}
}

/* A range of units within brackets, with what they become where case does not matter. */
static void
put_set_range(Translator *t, pg_wchar from, pg_wchar to)
{
	put_range(t, from, to);
	if (t->any_case)
		ss_canonical_range(from, to, put_canonical_run, t);
}

/* --- the parts of an escape ---------------------------------------------------------------------- */

static bool
is_letter(pg_wchar c)
{
	return c < 0x80 && isalpha((int) c);
}

static bool
is_digit(pg_wchar c)
{
	return c >= '0' && c <= '9';
}

/* So many hexadecimal digits; none are taken if there are fewer. */
static bool
read_hex(Translator *t, int count, pg_wchar *c)
{
	pg_wchar value = 0;

	if (t->end - t->at < count)
		return false;
	for (int i = 0; i < count; i++)
	{
		int digit = ss_hex_digit(t->at[i]);

		if (digit < 0)
			return false;
		value = value * 16 + digit;
	}
	t->at += count;
	*c = value;
	return true;
}

/* Up to three octal digits, at most 377; the first is there. */
static pg_wchar
read_octal(Translator *t)
{
	pg_wchar value = 0;

	for (int i = 0; i < 3 && t->at < t->end && *t->at >= '0' && *t->at <= '7' && value * 8 + (*t->at - '0') <= 0377;
		 i++)
		value = value * 8 + (*t->at++ - '0');
	return value;
}

/* The unit after \c; a backslash that stands for itself if none can. */
static pg_wchar
read_control(Translator *t, bool in_set)
{
	if (t->at < t->end && (is_letter(*t->at) || (in_set && (is_digit(*t->at) || *t->at == '_'))))
		return *t->at++ % 32;
	t->at--; /* the c is the next unit */
	return '\\';
}

/* The unit that an escape stands for, in and out of brackets; c is what follows the backslash. */
static pg_wchar
read_unit_escape(Translator *t, pg_wchar c, bool in_set)
{
	pg_wchar unit = c;

	switch (c)
	{
		case 't':
			return '\t';
		case 'n':
			return '\n';
		case 'v':
			return '\v';
		case 'f':
			return '\f';
		case 'r':
			return '\r';
		case 'c':
			return read_control(t, in_set);
		case 'x':
			(void) read_hex(t, 2, &unit);
			return unit;
		case 'u':
			(void) read_hex(t, 4, &unit);
			return unit;
		default:
			if (c < '0' || c > '7')
				return c;
			t->at--;
			return read_octal(t);
	}
}

/* --- sets in brackets -------------------------------------------------------------------------------- */

/* One member of a set: a unit, or the ranges of a class, which are written at once; false at the end of the pattern. */
static bool
read_set_member(Translator *t, pg_wchar *unit, bool *is_class)
{
	*is_class = false;
	*unit = *t->at++;
	if (*unit != '\\')
		return true;
	if (t->at == t->end)
		return false;
	*unit = *t->at++;
	*is_class = put_class_escape(t, *unit);
	if (!*is_class)
		*unit = *unit == 'b' ? '\b' : read_unit_escape(t, *unit, true);
	return true;
}

/* A member and, if a hyphen and another one follow, the range between them. */
static bool
translate_set_range(Translator *t)
{
	pg_wchar from;
	pg_wchar to;
	bool from_class;
	bool to_class;

	if (!read_set_member(t, &from, &from_class))
		return false;
	if (t->end - t->at < 2 || t->at[0] != '-' || t->at[1] == ']')
	{
		if (!from_class)
			put_set_range(t, from, from);
		return true;
	}
	t->at++;
	if (!read_set_member(t, &to, &to_class))
		return false;
	if (!from_class && !to_class)
	{
		if (from > to)
			return false;
		put_set_range(t, from, to);
		return true;
	}
	put_set_range(t, '-', '-');
	if (!from_class)
		put_set_range(t, from, from);
	if (!to_class)
		put_set_range(t, to, to);
	return true;
}

/* The set whose bracket has been read. */
static bool
translate_set(Translator *t)
{
	bool complement = t->at < t->end && *t->at == '^';

	if (complement)
		t->at++;
	if (t->at < t->end && *t->at == ']')
	{
		t->at++;
		put_string(t, complement ? "." : "(?:(?!)x)");
		return true;
	}
	put_string(t, complement ? "[^" : "[");
	while (t->at < t->end && *t->at != ']')
	{
		if (!translate_set_range(t))
			return false;
	}
	if (t->at == t->end)
		return false;
	t->at++;
	put(t, ']');
	return true;
}

/* --- groups and references ------------------------------------------------------------------------------ */

/* The name in <…> that begins here; false if it is none. */
static bool
read_name(const pg_wchar **at, const pg_wchar *end, const pg_wchar **name, int *length)
{
	const pg_wchar *c = *at;

	if (c == end || *c++ != '<')
		return false;
	*name = c;
	for (; c < end && *c != '>'; c++)
	{
		if (!is_letter(*c) && *c != '_' && *c != '$' && *c < 0x80 && !(is_digit(*c) && c > *name))
			return false;
	}
	*length = c - *name;
	*at = c + 1;
	return c<end && * length> 0;
}

static Group *
find_name(Translator *t, const pg_wchar *name, int length)
{
	for (int i = 0; i < t->ngroups; i++)
	{
		if (t->groups[i].name_length == length && length > 0 &&
			memcmp(t->groups[i].name, name, sizeof(pg_wchar) * length) == 0)
			return &t->groups[i];
	}
	return NULL;
}

/* Notes a capturing group if one begins here, behind its parenthesis; false if its name is invalid or used before. */
static bool
note_group(Translator *t, const pg_wchar *c)
{
	Group group = {0};

	if (c < t->end && *c == '?')
	{
		if (t->end - c < 3 || c[1] != '<' || c[2] == '=' || c[2] == '!')
			return true;
		c++;
		if (!read_name(&c, t->end, &group.name, &group.name_length) ||
			find_name(t, group.name, group.name_length) != NULL)
			return false;
		t->has_names = true;
	}
	t->groups[t->ngroups++] = group;
	return true;
}

/* All capturing groups, before anything refers to them. */
static bool
find_groups(Translator *t)
{
	bool in_set = false;

	for (const pg_wchar *c = t->at; c < t->end; c++)
	{
		if (*c == '\\')
			c++;
		else if (*c == '[')
			in_set = true;
		else if (*c == ']')
			in_set = false;
		else if (*c == '(' && !in_set && !note_group(t, c + 1))
			return false;
	}
	return true;
}

/* The sort of the group whose parenthesis has been read, and its beginning in the output. */
static bool
open_group(Translator *t)
{
	static const struct
	{
		const char *start;
		OpenKind kind;
	} kinds[] = {
		{"?:", OPEN_PLAIN}, {"?=", OPEN_AHEAD}, {"?!", OPEN_AHEAD}, {"?<=", OPEN_BEHIND}, {"?<!", OPEN_BEHIND},
	};
	Open *open = &t->open[t->nopen++];

	*open = (Open){OPEN_CAPTURE, t->nout, 0};
	put(t, '(');
	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		int length = strlen(kinds[i].start);
		int same = 0;

		while (same < length && t->end - t->at > same && t->at[same] == (pg_wchar) kinds[i].start[same])
			same++;
		if (same < length)
			continue;
		t->at += length;
		put_string(t, kinds[i].start);
		open->kind = kinds[i].kind;
		t->looking += open->kind != OPEN_PLAIN;
		return true;
	}
	open->group = t->seen_groups++;
	if (t->looking == 0)
		t->groups[open->group].number = ++t->captures;
	if (t->at < t->end && *t->at == '?')
	{
		const pg_wchar *name;
		int length;

		t->at++;
		return read_name(&t->at, t->end, &name, &length);
	}
	return true;
}

static bool
close_group(Translator *t)
{
	const Open *open;

	if (t->nopen == 0)
		return false;
	open = &t->open[--t->nopen];
	put(t, ')');
	t->atom_start = open->start;
	t->before = open->kind == OPEN_AHEAD ? BEFORE_LOOK_AHEAD : open->kind == OPEN_BEHIND ? BEFORE_NOTHING : BEFORE_ATOM;
	if (open->kind == OPEN_CAPTURE)
		t->groups[open->group].closed = true;
	else
		t->looking -= open->kind != OPEN_PLAIN;
	return true;
}

/* A reference to a group. One that is not closed yet cannot have matched: that is the empty text. */
static bool
put_reference(Translator *t, const Group *group)
{
	char text[32];

	if (group == NULL || t->looking > 0)
		return false;
	if (!group->closed)
		put_string(t, "(?:)");
	else if (group->number == 0)
		return false;
	else
	{
		snprintf(text, sizeof(text), "(?:\\%d)", group->number);
		put_string(t, text);
	}
	return true;
}

static bool
translate_number_reference(Translator *t)
{
	int64 number = 0;

	for (; t->at < t->end && is_digit(*t->at); t->at++)
		number = Min(number * 10 + (*t->at - '0'), PG_INT32_MAX);
	return put_reference(t, number <= t->ngroups ? &t->groups[number - 1] : NULL);
}

/* --- atoms and quantifiers --------------------------------------------------------------------------------- */

static bool
put_atom(Translator *t, pg_wchar c)
{
	put_literal(t, t->any_case ? ss_canonical_unit(c) : c);
	return true;
}

/* The escape whose backslash has been read. */
static bool
translate_escape(Translator *t)
{
	pg_wchar c;
	int start = t->nout;

	if (t->at == t->end)
		return false;
	c = *t->at++;
	if (c == 'b' || c == 'B')
	{
		put_string(t, c == 'b' ? "\\y" : "\\Y");
		t->before = BEFORE_NOTHING;
		return true;
	}
	put(t, '[');
	if (put_class_escape(t, c))
	{
		put(t, ']');
		return true;
	}
	t->nout = start;
	if (c >= '1' && c <= '9')
	{
		t->at--;
		return translate_number_reference(t);
	}
	if (c == 'k' && t->has_names)
	{
		const pg_wchar *name;
		int length;

		return read_name(&t->at, t->end, &name, &length) && put_reference(t, find_name(t, name, length));
	}
	return put_atom(t, read_unit_escape(t, c, false));
}

/* A decimal number, -1 if none is here. */
static int
read_number(const pg_wchar **at, const pg_wchar *end)
{
	int value = 0;

	if (*at == end || !is_digit(**at))
		return -1;
	for (; *at < end && is_digit(**at); (*at)++)
		value = Min(value * 10 + (int) (**at - '0'), 1000000);
	return value;
}

/* The bounds {m}, {m,} or {m,n} that begin here; -1 stands for no upper one. False, and nothing read, if these are none. */
static bool
read_bounds(Translator *t, int *minimum, int *maximum)
{
	const pg_wchar *c = t->at + 1;

	*minimum = *maximum = read_number(&c, t->end);
	if (*minimum < 0)
		return false;
	if (c < t->end && *c == ',')
	{
		c++;
		*maximum = read_number(&c, t->end);
	}
	if (c == t->end || *c != '}')
		return false;
	t->at = c + 1;
	return true;
}

/* Is there a quantifier here? Its bounds, then. */
static bool
read_quantifier(Translator *t, int *minimum, int *maximum)
{
	switch (*t->at)
	{
		case '*':
			*minimum = 0;
			*maximum = -1;
			break;
		case '+':
			*minimum = 1;
			*maximum = -1;
			break;
		case '?':
			*minimum = 0;
			*maximum = 1;
			break;
		case '{':
			if (!read_bounds(t, minimum, maximum))
				return false;
			t->at--;
			break;
		default:
			return false;
	}
	t->at++;
	if (t->at < t->end && *t->at == '?')
		t->at++; /* lazy */
	return true;
}

static bool
translate_quantifier(Translator *t, int minimum, int maximum)
{
	char text[32];
	Before before = t->before;

	t->before = BEFORE_NOTHING;
	if (before == BEFORE_NOTHING || minimum > MAX_BOUND || maximum > MAX_BOUND || (maximum >= 0 && maximum < minimum))
		return false;
	if (before == BEFORE_LOOK_AHEAD)
	{
		if (minimum > 0)
			return true;
		t->nout = t->atom_start;
		put_string(t, "(?:)");
		return true;
	}
	if (maximum < 0)
		snprintf(text, sizeof(text), "{%d,}", minimum);
	else
		snprintf(text, sizeof(text), "{%d,%d}", minimum, maximum);
	put_string(t, maximum < 0 && minimum < 2 ? (minimum == 0 ? "*" : "+") : text);
	return true;
}

/* What begins with the unit that has been read, which is no quantifier. */
static bool
translate_term(Translator *t, pg_wchar c)
{
	t->atom_start = t->nout;
	t->before = BEFORE_ATOM;
	switch (c)
	{
		case '(':
			t->before = BEFORE_NOTHING;
			return open_group(t);
		case ')':
			return close_group(t);
		case '|':
		case '^':
		case '$':
			t->before = BEFORE_NOTHING;
			put(t, c);
			return true;
		case '.':
			put_string(t, "[^");
			put_ranges(t, line_ends, lengthof(line_ends), false);
			put(t, ']');
			return true;
		case '[':
			return translate_set(t);
		case '\\':
			return translate_escape(t);
		default:
			return put_atom(t, c);
	}
}

bool
ss_regex_translate(SSText pattern, bool any_case, pg_wchar **translated, int *length)
{
	Translator t = {.any_case = any_case};
	int count;

	t.at = ss_utf8_to_units(pattern.data, pattern.length, &count);
	t.end = t.at + count;
	t.out = ss_array_reserve(NULL, &t.max_out, 2 * (int64) count + 64, sizeof(pg_wchar));
	t.groups = palloc_extended(sizeof(Group) * (count + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	t.open = palloc_extended(sizeof(Open) * (count + 1), MCXT_ALLOC_HUGE);
	if (!find_groups(&t))
		return false;
	while (t.at < t.end)
	{
		int minimum;
		int maximum;

		if (read_quantifier(&t, &minimum, &maximum) ? !translate_quantifier(&t, minimum, maximum)
													: !translate_term(&t, *t.at++))
			return false;
	}
	*translated = t.out;
	*length = t.nout;
	return t.nopen == 0;
}
