/*
 * url_target.c: is a URL one of those that an experiment is for
 * (evaluation.h)?
 *
 * Called by experiment.c. A URL is taken apart as browsers do it, as far as
 * patterns can tell: scheme and host in lower case, a path that begins with a
 * slash, what is no ASCII percent-encoded; one without a host belongs to the
 * host "_". No errors.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/casing.h"
#include "flags/evaluation.h"
#include "flags/regex.h"

typedef struct Url
{
	SSText scheme;	 /* with the colon */
	SSText userinfo; /* with the at sign; empty if there is none */
	SSText host;	 /* with the port, unless it is the scheme's own */
	SSText path;
	SSText query;	 /* without the question mark */
	SSText fragment; /* without the number sign */
	bool has_query;
	bool has_fragment;
} Url;

/* The part up to the first of the characters, or all; what is left begins with that character. */
static SSText
take_until(SSText *rest, const char *characters)
{
	SSText part = {rest->data, 0};

	while (part.length < rest->length && strchr(characters, rest->data[part.length]) == NULL)
		part.length++;
	rest->data += part.length;
	rest->length -= part.length;
	return part;
}

static void
drop(SSText *text, int bytes)
{
	text->data += bytes;
	text->length -= bytes;
}

static bool
begins_with(SSText text, const char *start)
{
	int length = strlen(start);

	return text.length >= length && memcmp(text.data, start, length) == 0;
}

static SSText
ascii_lower(SSText text)
{
	char *result = palloc(text.length + 1);

	for (int i = 0; i < text.length; i++)
		result[i] = pg_ascii_tolower((unsigned char) text.data[i]);
	return (SSText){result, text.length};
}

/* With what is no ASCII percent-encoded, and these characters. */
static SSText
percent_encoded(SSText text, const char *others)
{
	StringInfoData result;

	initStringInfo(&result);
	for (int i = 0; i < text.length; i++)
	{
		unsigned char c = text.data[i];

		if (c <= ' ' || c >= 0x7f || strchr(others, c) != NULL)
			appendStringInfo(&result, "%%%02X", c);
		else
			appendStringInfoChar(&result, c);
	}
	return (SSText){result.data, result.len};
}

/* Does a scheme, letters and a colon, begin here? Its length with the colon, or 0. */
static int
scheme_length(SSText text)
{
	int i = 0;

	while (i < text.length && (isalnum((unsigned char) text.data[i]) || strchr("+-.", text.data[i]) != NULL))
		i++;
	return i > 0 && isalpha((unsigned char) text.data[0]) && i < text.length && text.data[i] == ':' ? i + 1 : 0;
}

/* The name and password before the last at sign, which are dropped; without the colon if there is no password. */
static SSText
take_userinfo(SSText *authority)
{
	const char *others = "\"#/:;<=>?@[\\]^`{|}";
	SSText password = {authority->data, 0};
	SSText name;
	char *userinfo;

	for (int i = 0; i < authority->length; i++)
	{
		if (authority->data[i] == '@')
			password.length = i;
	}
	if (password.length == authority->length || authority->data[password.length] != '@')
		return SS_TEXT("");
	drop(authority, password.length + 1);
	name = percent_encoded(take_until(&password, ":"), others);
	if (password.length > 0)
		drop(&password, 1);
	if (name.length == 0 && password.length == 0)
		return SS_TEXT("");
	password = percent_encoded(password, others);
	userinfo =
		psprintf("%.*s%s%.*s@", name.length, name.data, password.length > 0 ? ":" : "", password.length, password.data);
	return (SSText){userinfo, strlen(userinfo)};
}

/* In lower case, without the port that is the scheme's own. */
static SSText
host_of(SSText host, SSText scheme)
{
	SSText port = ss_text_equals(scheme, SS_TEXT("http:")) ? SS_TEXT(":80") : SS_TEXT(":443");

	if (host.length > port.length && memcmp(host.data + host.length - port.length, port.data, port.length) == 0)
		host.length -= port.length;
	return ascii_lower(host);
}

/* Takes a URL apart; one without a scheme or host gets those given. */
static Url
parse(SSText text, SSText host)
{
	Url url = {.scheme = SS_TEXT("https:"), .userinfo = SS_TEXT(""), .host = host};
	int length = scheme_length(text);

	if (length > 0)
	{
		url.scheme = ascii_lower((SSText){text.data, length});
		drop(&text, length);
	}
	if (begins_with(text, "//"))
	{
		SSText authority;

		drop(&text, 2);
		authority = take_until(&text, "/?#");
		url.userinfo = take_userinfo(&authority);
		url.host = host_of(authority, url.scheme);
	}
	url.path = percent_encoded(take_until(&text, "?#"), "\"<>");
	if (url.path.length == 0 || url.path.data[0] != '/')
	{
		char *path = psprintf("/%.*s", url.path.length, url.path.data);

		url.path = (SSText){path, url.path.length + 1};
	}
	if (begins_with(text, "?"))
	{
		drop(&text, 1);
		url.has_query = true;
		url.query = percent_encoded(take_until(&text, "#"), "\"<>");
	}
	if (begins_with(text, "#"))
	{
		drop(&text, 1);
		url.has_fragment = true;
		url.fragment = percent_encoded(text, "\"<>");
	}
	return url;
}

/* --- wildcards ------------------------------------------------------------------------------------ */

/* Do the units match the pattern's, in which an asterisk stands for any number of units? */
static bool
units_match(const pg_wchar *pattern, int npattern, const pg_wchar *text, int ntext)
{
	int p = 0;
	int t = 0;
	int star = -1;
	int resume = 0;

	while (t < ntext)
	{
		if (p < npattern && pattern[p] == '*')
		{
			star = p++;
			resume = t;
		}
		else if (p < npattern && ss_canonical_unit(pattern[p]) == ss_canonical_unit(text[t]))
		{
			p++;
			t++;
		}
		else if (star >= 0)
		{
			CHECK_FOR_INTERRUPTS();
			p = star + 1;
			t = ++resume;
		}
		else
			return false;
	}
	while (p < npattern && pattern[p] == '*')
		p++;
	return p == npattern;
}

static bool
text_matches(SSText pattern, SSText text)
{
	int npattern;
	int ntext;
	pg_wchar *p = ss_utf8_to_units(pattern.data, pattern.length, &npattern);
	pg_wchar *t = ss_utf8_to_units(text.data, text.length, &ntext);

	return units_match(p, npattern, t, ntext);
}

/* A path without one slash at either end. */
static SSText
inner_path(SSText path)
{
	if (path.length > 0 && path.data[0] == '/')
		drop(&path, 1);
	if (path.length > 0 && path.data[path.length - 1] == '/')
		path.length--;
	return path;
}

/* Does the path match, with or without a slash at either end? */
static bool
path_matches(SSText pattern, SSText path)
{
	SSText inner = inner_path(path);
	SSText whole = inner_path(pattern);
	SSText left = {path.data, inner.data + inner.length - path.data};
	SSText right = {inner.data, path.data + path.length - inner.data};

	return text_matches(whole, inner) || text_matches(whole, left) || text_matches(whole, right) ||
		   text_matches(whole, path);
}

/* The next pair of a query; false at its end. */
static bool
next_pair(SSText *query, SSText *name, SSText *value)
{
	while (query->length > 0)
	{
		SSText pair = take_until(query, "&");

		if (query->length > 0)
			drop(query, 1);
		*name = take_until(&pair, "=");
		if (pair.length > 0)
			drop(&pair, 1);
		*value = pair;
		if (name->length > 0 || value->length > 0)
			return true;
	}
	return false;
}

/* The first value of a parameter; empty if there is none. */
static SSText
parameter_of(SSText query, SSText wanted)
{
	SSText name;
	SSText value;

	while (next_pair(&query, &name, &value))
	{
		if (ss_text_equals(name, wanted))
			return value;
	}
	return SS_TEXT("");
}

/* --- patterns -------------------------------------------------------------------------------------- */

/* Does the pattern begin with a host? Then it has a point before any of the characters that end one. */
static bool
begins_with_host(SSText pattern)
{
	SSText start = take_until(&pattern, ":/?");

	return start.length > 0 && memchr(start.data, '.', start.length) != NULL;
}

static bool
matches_simply(SSText address, SSText pattern)
{
	Url url = parse(address, SS_TEXT("_"));
	Url wanted;
	SSText query;
	SSText name;
	SSText value;

	if (begins_with_host(pattern))
	{
		char *whole = psprintf("https://%.*s", pattern.length, pattern.data);

		pattern = (SSText){whole, pattern.length + 8};
	}
	wanted = parse(pattern, SS_TEXT("*"));
	if (!text_matches(wanted.host, url.host) || !path_matches(wanted.path, url.path))
		return false;
	if (wanted.has_fragment && wanted.fragment.length > 0 && !text_matches(wanted.fragment, url.fragment))
		return false;
	query = wanted.query;
	while (next_pair(&query, &name, &value))
	{
		if (!text_matches(value, parameter_of(url.query, name)))
			return false;
	}
	return true;
}

/*
 * A regular expression is searched in the whole URL, and in what is left of it without as many characters as its scheme and
 * host have: with a name and password in it, that begins before the path.
 */
static bool
matches_regex(SSText address, SSText pattern)
{
	Url url = parse(address, SS_TEXT("_"));
	StringInfoData whole;
	int origin;

	initStringInfo(&whole);
	appendBinaryStringInfo(&whole, url.scheme.data, url.scheme.length);
	appendStringInfoString(&whole, "//");
	origin = whole.len + url.host.length;
	appendBinaryStringInfo(&whole, url.userinfo.data, url.userinfo.length);
	appendBinaryStringInfo(&whole, url.host.data, url.host.length);
	appendBinaryStringInfo(&whole, url.path.data, url.path.length);
	if (url.has_query)
		appendStringInfo(&whole, "?%.*s", url.query.length, url.query.data);
	if (url.has_fragment)
		appendStringInfo(&whole, "#%.*s", url.fragment.length, url.fragment.data);
	return ss_regex_search(pattern, false, (SSText){whole.data, whole.len}) == SS_REGEX_MATCH ||
		   ss_regex_search(pattern, false, (SSText){whole.data + origin, whole.len - origin}) == SS_REGEX_MATCH;
}

static bool
pattern_matches(SSText address, SSNode *target)
{
	SSNode *type = ss_node_get(target, SS_TEXT("type"));
	SSNode *pattern = ss_node_get(target, SS_TEXT("pattern"));

	if (!ss_node_is(type, SS_NODE_STRING) || !ss_node_is(pattern, SS_NODE_STRING))
		return false;
	if (ss_text_equals(ss_node_string(type), SS_TEXT("regex")))
		return matches_regex(address, ss_node_string(pattern));
	return ss_text_equals(ss_node_string(type), SS_TEXT("simple")) && matches_simply(address, ss_node_string(pattern));
}

bool
ss_url_is_targeted(SSNode *url, SSNode *patterns)
{
	SSText address = ss_node_is(url, SS_NODE_STRING) ? ss_node_string(url) : SS_TEXT("");
	bool including = false;
	bool included = false;

	if (!ss_node_is(patterns, SS_NODE_ARRAY) || patterns->count == 0)
		return false;
	for (int i = 0; i < patterns->count; i++)
	{
		SSNode *target = &ss_node_items(patterns)[i];
		SSNode *include = ss_node_get(target, SS_TEXT("include"));
		bool excludes = include != NULL && include->kind == SS_NODE_BOOL && !include->boolean;
		bool matches = pattern_matches(address, target);

		if (excludes && matches)
			return false;
		including |= !excludes;
		included |= !excludes && matches;
	}
	return included || !including;
}
