/*
 * node_text.c: values as texts and numbers, and their comparisons, as
 * ECMAScript defines them (node.h).
 *
 * Called by everything that evaluates flags. No locks, no errors.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/json.h"

#include "base/casing.h"
#include "base/hex.h"
#include "flags/node.h"

/* What is nested more deeply has no text and equals nothing. */
#define MAX_DEPTH 500

/* --- numbers as texts ---------------------------------------------------------------------- */

/* The digits of a positive number, without point or zeros at the end, and n so that it is 0.digits times ten to the n. */
static int
digits_of(const char *decimal, char *digits)
{
	bool fraction = false;
	int count = 0;
	int n = 0;
	const char *c;

	for (c = decimal; *c != '\0' && *c != 'e'; c++)
	{
		if (*c == '.')
			fraction = true;
		else
		{
			if (count > 0 || *c != '0')
				digits[count++] = *c;
			if (count > 0 && !fraction)
				n++; /* a digit before the point */
			else if (count == 0 && fraction)
				n--; /* a zero behind it, before the first digit */
		}
	}
	if (*c == 'e')
		n += (int) strtol(c + 1, NULL, 10);
	while (count > 1 && digits[count - 1] == '0')
		count--;
	digits[count] = '\0';
	return n;
}

/*
 * The server's shortest digits are one too many where the shortest number lies
 * exactly half way to the next double; reading it back gives ours all the same.
 */
static int
shortest_digits(double number, char *digits)
{
	char decimal[DOUBLE_SHORTEST_DECIMAL_LEN + 16];
	int n;

	double_to_shortest_decimal_buf(number, decimal);
	n = digits_of(decimal, digits);
	while (strlen(digits) > 1)
	{
		snprintf(decimal, sizeof(decimal), "%.*e", (int) strlen(digits) - 2, number);
		if (strtod(decimal, NULL) != number)
			break;
		n = digits_of(decimal, digits);
	}
	return n;
}

static int
lay_out(const char *digits, int n, char *text)
{
	int k = strlen(digits);

	if (n >= k && n <= 21)
		return sprintf(text, "%s%.*s", digits, n - k, "00000000000000000000000");
	if (n > 0 && n <= 21)
		return sprintf(text, "%.*s.%s", n, digits, digits + n);
	if (n > -6 && n <= 0)
		return sprintf(text, "0.%.*s%s", -n, "000000", digits);
	return sprintf(text, "%c%s%se%c%d", digits[0], k > 1 ? "." : "", digits + 1, n - 1 < 0 ? '-' : '+', abs(n - 1));
}

int
ss_number_to_text(double number, char *text)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];
	int n;

	if (isnan(number))
		return sprintf(text, "NaN");
	if (isinf(number))
		return sprintf(text, number < 0 ? "-Infinity" : "Infinity");
	if (number == 0)
		return sprintf(text, "0");
	n = shortest_digits(fabs(number), digits);
	if (number > 0)
		return lay_out(digits, n, text);
	text[0] = '-';
	return lay_out(digits, n, text + 1) + 1;
}

/* --- texts as numbers ------------------------------------------------------------------------ */

bool
ss_is_white_space(uint32 c)
{
	return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0xa0 || c == 0xfeff || c == 0x1680 ||
		   (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static SSText
strip(SSText text)
{
	const char *end = text.data + text.length;
	const char *first = end;
	const char *last = text.data;

	for (const char *at = text.data; at < end;)
	{
		const char *before = at;

		if (ss_is_white_space(ss_utf8_next(&at, end)))
			continue;
		if (first == end)
			first = before;
		last = at;
	}
	return first == end ? (SSText){end, 0} : (SSText){first, last - first};
}

/* Digits of base two to the bits, rounded once: what no longer fits leaves a mark in the last bit. */
static double
binary_number(SSText text, int bits)
{
	uint64 mantissa = 0;
	int exponent = 0;

	if (text.length == 0)
		return NAN;
	for (int i = 0; i < text.length; i++)
	{
		int digit = ss_hex_digit((unsigned char) text.data[i]);

		if (digit < 0 || digit >= 1 << bits)
			return NAN;
		if (mantissa >> (63 - bits) == 0)
			mantissa = mantissa << bits | digit;
		else
		{
			mantissa |= digit != 0;
			exponent = Min(exponent + bits, 4096);
		}
	}
	return ldexp((double) mantissa, exponent);
}

static const char *
skip_digits(const char *c)
{
	while (*c >= '0' && *c <= '9')
		c++;
	return c;
}

/* Sign, digits with or without fraction, exponent: all of a terminated text. */
static bool
is_decimal(const char *c)
{
	const char *start;
	int digits;

	if (*c == '+' || *c == '-')
		c++;
	start = c;
	c = skip_digits(c);
	digits = c - start;
	if (*c == '.')
	{
		start = ++c;
		c = skip_digits(c);
		digits += c - start;
	}
	if (digits == 0)
		return false;
	if (*c == 'e' || *c == 'E')
	{
		c++;
		if (*c == '+' || *c == '-')
			c++;
		start = c;
		c = skip_digits(c);
		if (c == start)
			return false;
	}
	return *c == '\0';
}

double
ss_text_to_number(SSText text)
{
	SSText stripped = strip(text);
	char *c;
	const char *unsigned_part;
	double result = NAN;

	if (stripped.length == 0)
		return 0;
	if (stripped.length >= 2 && stripped.data[0] == '0' && strchr("xXoObB", stripped.data[1]) != NULL)
	{
		char base = stripped.data[1] | 0x20;

		return binary_number((SSText){stripped.data + 2, stripped.length - 2}, base == 'x' ? 4 : base == 'o' ? 3 : 1);
	}
	c = pnstrdup(stripped.data, stripped.length);
	unsigned_part = c + (*c == '+' || *c == '-');
	if (strcmp(unsigned_part, "Infinity") == 0)
		result = *c == '-' ? -INFINITY : INFINITY;
	else if ((int) strlen(c) == stripped.length && is_decimal(c))
		result = strtod(c, NULL);
	pfree(c);
	return result;
}

/* --- values as texts and numbers ---------------------------------------------------------------- */

bool
ss_node_truthy(const SSNode *value)
{
	if (value == NULL)
		return false;
	switch (value->kind)
	{
		case SS_NODE_NULL:
			return false;
		case SS_NODE_BOOL:
			return value->boolean;
		case SS_NODE_NUMBER:
			return value->number != 0;
		case SS_NODE_STRING:
			return value->count > 0;
		default:
			return true;
	}
}

/* Is there room on the stack for one more level? Never an error: the document decides the depth. */
static bool
too_deep(int depth)
{
	return depth > MAX_DEPTH || stack_is_too_deep();
}

static void append_text(StringInfo to, SSNode *value, int depth);

static void
append_elements(StringInfo to, SSNode *array, int depth)
{
	SSNode *items = ss_node_items(array);

	for (int i = 0; i < array->count && !too_deep(depth); i++)
	{
		if (i > 0)
			appendStringInfoChar(to, ',');
		if (items[i].kind != SS_NODE_NULL)
			append_text(to, &items[i], depth + 1);
	}
}

static void
append_text(StringInfo to, SSNode *value, int depth)
{
	char number[SS_NUMBER_TEXT_MAX];

	switch (value == NULL ? SS_NODE_NULL : value->kind)
	{
		case SS_NODE_NULL:
			appendStringInfoString(to, "null");
			break;
		case SS_NODE_BOOL:
			appendStringInfoString(to, value->boolean ? "true" : "false");
			break;
		case SS_NODE_NUMBER:
			appendBinaryStringInfo(to, number, ss_number_to_text(value->number, number));
			break;
		case SS_NODE_STRING:
			appendBinaryStringInfo(to, value->text, value->count);
			break;
		case SS_NODE_ARRAY:
			append_elements(to, value, depth);
			break;
		case SS_NODE_OBJECT:
			appendStringInfoString(to, "[object Object]");
	}
}

SSText
ss_node_to_text(SSNode *value)
{
	StringInfoData text;

	if (ss_node_is(value, SS_NODE_STRING))
		return ss_node_string(value);
	initStringInfo(&text);
	append_text(&text, value, 0);
	return (SSText){text.data, text.len};
}

double
ss_node_to_number(SSNode *value)
{
	switch (value == NULL ? SS_NODE_NULL : value->kind)
	{
		case SS_NODE_NULL:
			return 0;
		case SS_NODE_BOOL:
			return value->boolean ? 1 : 0;
		case SS_NODE_NUMBER:
			return value->number;
		default:
			return ss_text_to_number(ss_node_to_text(value));
	}
}

/* --- compact JSON -------------------------------------------------------------------------------- */

static void append_json(StringInfo to, SSNode *value, int depth);

static void
append_json_members(StringInfo to, SSNode *value, int depth)
{
	SSNode *items = ss_node_items(value);
	bool is_object = value->kind == SS_NODE_OBJECT;

	appendStringInfoChar(to, is_object ? '{' : '[');
	for (int i = 0; i < value->count && !too_deep(depth); i++)
	{
		if (i > 0)
			appendStringInfoChar(to, ',');
		if (is_object)
		{
			escape_json(to, pnstrdup(value->keys[i].data, value->keys[i].length));
			appendStringInfoChar(to, ':');
		}
		append_json(to, &items[i], depth + 1);
	}
	appendStringInfoChar(to, is_object ? '}' : ']');
}

static void
append_json(StringInfo to, SSNode *value, int depth)
{
	if (ss_node_is(value, SS_NODE_STRING))
		escape_json(to, pnstrdup(value->text, value->count));
	else if (ss_node_is(value, SS_NODE_ARRAY) || ss_node_is(value, SS_NODE_OBJECT))
		append_json_members(to, value, depth);
	else if (ss_node_is(value, SS_NODE_NUMBER) && isinf(value->number))
		appendStringInfoString(to, "null");
	else
		append_text(to, value, depth);
}

SSText
ss_node_to_json_text(SSNode *value)
{
	StringInfoData text;

	if (ss_node_is(value, SS_NODE_STRING))
		return ss_node_string(value);
	initStringInfo(&text);
	append_json(&text, value, 0);
	return (SSText){text.data, text.len};
}

/* --- comparisons ---------------------------------------------------------------------------------- */

bool
ss_node_strictly_equal(const SSNode *a, const SSNode *b)
{
	SSNodeKind kind = a == NULL ? SS_NODE_NULL : a->kind;

	if (!ss_node_is(b, kind))
		return false;
	switch (kind)
	{
		case SS_NODE_NULL:
			return true;
		case SS_NODE_BOOL:
			return a->boolean == b->boolean;
		case SS_NODE_NUMBER:
			return a->number == b->number;
		case SS_NODE_STRING:
			return ss_text_equals(ss_node_string(a), ss_node_string(b));
		default:
			return false;
	}
}

static bool
deeply_equal(SSNode *a, SSNode *b, int depth)
{
	SSNode *items;
	SSNode *others;

	if (!ss_node_is(a, SS_NODE_ARRAY) && !ss_node_is(a, SS_NODE_OBJECT))
		return ss_node_strictly_equal(a, b);
	if (b == NULL || a->kind != b->kind || a->count != b->count || too_deep(depth))
		return false;
	items = ss_node_items(a);
	others = ss_node_items(b);
	for (int i = 0; i < a->count; i++)
	{
		if (a->kind == SS_NODE_OBJECT && !ss_text_equals(a->keys[i], b->keys[i]))
			return false;
		if (!deeply_equal(&items[i], &others[i], depth + 1))
			return false;
	}
	return true;
}

bool
ss_node_deeply_equal(SSNode *a, SSNode *b)
{
	return deeply_equal(a, b, 0);
}

/* A byte of UTF-8 so that bytes sort as UTF-16 units do: characters beyond U+FFFF are surrogates there, before U+E000. */
static inline int
unit_weight(unsigned char byte)
{
	if (byte < 0xee)
		return byte;
	return byte >= 0xf0 ? byte : byte + 0x20;
}

SSOrder
ss_text_compare(SSText a, SSText b)
{
	int common = Min(a.length, b.length);

	for (int i = 0; i < common; i++)
	{
		if (a.data[i] != b.data[i])
			return unit_weight(a.data[i]) < unit_weight(b.data[i]) ? SS_LESS : SS_GREATER;
	}
	if (a.length == b.length)
		return SS_EQUAL;
	return a.length < b.length ? SS_LESS : SS_GREATER;
}

static bool
is_textual(const SSNode *value)
{
	return value != NULL && value->kind >= SS_NODE_STRING;
}

SSOrder
ss_node_compare(SSNode *a, SSNode *b)
{
	double x;
	double y;

	if (is_textual(a) && is_textual(b))
		return ss_text_compare(ss_node_to_text(a), ss_node_to_text(b));
	x = ss_node_to_number(a);
	y = ss_node_to_number(b);
	if (isnan(x) || isnan(y))
		return SS_UNORDERED;
	return x < y ? SS_LESS : x > y ? SS_GREATER : SS_EQUAL;
}
