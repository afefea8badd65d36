/*
 * jwt.c: JSON web tokens, HS256 only (jwt.h; RFC 7519, RFC 7515).
 *
 * Called by tokens.c. What a client sends is read without an error for
 * bad input (json_members.h); the payload is looked at only after the signature
 * was found right. No state, no locks.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/json.h"
#include "base/json_members.h"
#include "base/secret.h"
#include "base/uuid.h"
#include "base/uuid7.h"
#include "call/identity.h"
#include "signin/jwt.h"

#define CLOCK_SKEW	30 /* seconds that a token may come too early */
#define MAX_MEMBERS 64

/* The beginning of the year 1 and the end of the year 9999. */
#define SECONDS_MIN (-62135596800.0)
#define SECONDS_MAX 253402300799.0

/* --- reading a JSON object -------------------------------------------------------- */

/* A scalar of the object, or an element of an array of scalars in it. */
typedef struct Member
{
	char *name;
	JsonTokenType type; /* of a nested object or array: its first token */
	char *text;
} Member;

typedef struct Reader
{
	bool bad; /* a duplicate, or too many members */
	int count;
	Member members[MAX_MEMBERS];
} Reader;

static void
add_member(void *state, char *name, JsonTokenType type, char *text, bool element)
{
	Reader *reader = state;

	for (int i = 0; i < reader->count && !element; i++)
		reader->bad |= (strcmp(reader->members[i].name, name) == 0);
	if (reader->count == MAX_MEMBERS)
		reader->bad = true;
	else
		reader->members[reader->count++] = (Member){.name = name, .type = type, .text = text};
}

/* Reads UTF-8 text that must be one JSON object without duplicate names; false if it is anything else. */
static bool
read_object(const char *text, int length, Reader *reader)
{
	memset(reader, 0, sizeof(Reader));
	return pg_encoding_verifymbstr(PG_UTF8, text, length) == length &&
		   ss_json_members(text, length, PG_UTF8, add_member, reader) && !reader->bad;
}

static const Member *
find_member(const Reader *reader, const char *name)
{
	for (int i = 0; i < reader->count; i++)
	{
		if (strcmp(reader->members[i].name, name) == 0)
			return &reader->members[i];
	}
	return NULL;
}

/* The text of a member that is a string; NULL if there is none or it is something else. */
static char *
find_text(const Reader *reader, const char *name)
{
	const Member *member = find_member(reader, name);

	return (member != NULL && member->type == JSON_TOKEN_STRING) ? member->text : NULL;
}

/* --- claims --------------------------------------------------------------------------- */

/*
 * A NumericDate of RFC 7519: seconds since 1970, with or without a fraction or
 * an exponent, of the years 1 to 9999. Rounded down or, where `up`, up: a token
 * is never good for longer than it says. Absent: true, and the value stays.
 */
static bool
read_seconds(const Reader *reader, const char *name, bool up, int64 *seconds)
{
	const Member *member = find_member(reader, name);
	double value;

	if (member == NULL)
		return true;
	if (member->type != JSON_TOKEN_NUMBER)
		return false;
	value = strtod(member->text, NULL); /* by the grammar of JSON: no hexadecimal, no infinity; too large is HUGE_VAL */
	if (!(value >= SECONDS_MIN && value <= SECONDS_MAX))
		return false;
	*seconds = (int64) (up ? ceil(value) : floor(value));
	return true;
}

/* Is our audience the one, or one of those, that the token is for? */
static bool
is_for_us(const Reader *reader)
{
	for (int i = 0; i < reader->count; i++)
	{
		const Member *member = &reader->members[i];

		if (strcmp(member->name, "aud") == 0 && member->type == JSON_TOKEN_STRING &&
			strcmp(member->text, SS_JWT_AUDIENCE) == 0)
			return true;
	}
	return false;
}

static bool
is_known_role(const char *role)
{
	static const char *const roles[] = {"anon", "customer", "support", "analytics", "backend", "admin"};

	for (size_t i = 0; i < lengthof(roles); i++)
	{
		if (strncmp(role, "swipesavvy_", 11) == 0 && strcmp(role + 11, roles[i]) == 0)
			return true;
	}
	return false;
}

static bool
read_claims(const Reader *reader, SSClaims *claims)
{
	const Member *session = find_member(reader, "sid");
	const Member *must_change = find_member(reader, "must_change_password");
	char *subject = find_text(reader, "sub");

	memset(claims, 0, sizeof(SSClaims));
	claims->role = find_text(reader, "role");
	if (subject == NULL || !ss_uuid_parse(subject, strlen(subject), &claims->user_id) || claims->role == NULL ||
		!is_known_role(claims->role))
		return false;
	if (find_member(reader, "exp") == NULL || !read_seconds(reader, "exp", false, &claims->expires_at) ||
		!read_seconds(reader, "nbf", true, &claims->not_before) ||
		!read_seconds(reader, "iat", false, &claims->issued_at))
		return false;
	if (session != NULL)
	{
		claims->has_session = true;
		if (session->type != JSON_TOKEN_STRING ||
			!ss_uuid_parse(session->text, strlen(session->text), &claims->session))
			return false;
	}
	claims->must_change = (must_change != NULL && must_change->type != JSON_TOKEN_FALSE);
	return true;
}

/* --- making ------------------------------------------------------------------------------ */

/* The document as compact base64url. */
static char *
encode_document(SSJson *json)
{
	Jsonb *document = DatumGetJsonbP(ss_json_finish(json));
	char *text = JsonbToCString(NULL, &document->root, VARSIZE(document));

	return ss_secret_encode(text, strlen(text));
}

static char *
encode_claims(const SSClaims *claims)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "sub", &claims->user_id);
	ss_json_text(&json, "role", claims->role);
	ss_json_int(&json, "exp", claims->expires_at);
	ss_json_int(&json, "nbf", claims->not_before);
	ss_json_int(&json, "iat", claims->issued_at);
	ss_json_text(&json, "aud", SS_JWT_AUDIENCE);
	ss_json_uuid(&json, "jti", ss_uuid7_new());
	if (claims->has_session)
		ss_json_uuid(&json, "sid", &claims->session);
	if (claims->must_change)
		ss_json_bool(&json, "must_change_password", true);
	ss_json_close_object(&json);
	return encode_document(&json);
}

char *
ss_jwt_make(const SSClaims *claims, const char *key_id, const uint8 *key, size_t key_length)
{
	SSJson json = {0};
	uint8 signature[SS_DIGEST_BYTES];
	char *signed_part;

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "alg", "HS256");
	ss_json_text(&json, "typ", "JWT");
	ss_json_text(&json, "kid", key_id);
	ss_json_close_object(&json);
	signed_part = psprintf("%s.%s", encode_document(&json), encode_claims(claims));
	ss_secret_hmac(key, key_length, signed_part, strlen(signed_part), signature);
	return psprintf("%s.%s", signed_part, ss_secret_encode(signature, SS_DIGEST_BYTES));
}

/* --- checking ------------------------------------------------------------------------------ */

const char *
ss_jwt_split(const char *token, size_t length, SSJwt *jwt)
{
	const char *payload = memchr(token, '.', Min(length, SS_JWT_MAX));
	const char *signature;
	const char *header;
	const char *algorithm;
	int header_length;
	int signature_length;
	Reader reader;

	if (length > SS_JWT_MAX || payload == NULL)
		return "malformed";
	signature = memchr(payload + 1, '.', token + length - payload - 1);
	if (signature == NULL)
		return "malformed";
	jwt->signed_part = token;
	jwt->signed_length = signature - token;
	header = (const char *) ss_secret_decode(token, payload - token, &header_length);
	jwt->payload = (const char *) ss_secret_decode(payload + 1, signature - payload - 1, &jwt->payload_length);
	jwt->signature = ss_secret_decode(signature + 1, token + length - signature - 1, &signature_length);
	if (header == NULL || jwt->payload == NULL || jwt->signature == NULL ||
		!read_object(header, header_length, &reader) || find_member(&reader, "crit") != NULL)
		return "malformed";
	algorithm = find_text(&reader, "alg");
	if (algorithm == NULL || strcmp(algorithm, "HS256") != 0)
		return "algorithm";
	if (signature_length != SS_DIGEST_BYTES)
		return "signature";
	jwt->key_id = find_text(&reader, "kid");
	return jwt->key_id == NULL ? "unknown_key" : NULL;
}

const char *
ss_jwt_verify(const SSJwt *jwt, const uint8 *key, size_t key_length, int64 now, SSClaims *claims)
{
	uint8 wanted[SS_DIGEST_BYTES];
	bool same;
	Reader reader;

	ss_secret_hmac(key, key_length, jwt->signed_part, jwt->signed_length, wanted);
	same = ss_secret_equal(wanted, jwt->signature, SS_DIGEST_BYTES);
	ss_secret_wipe(wanted, SS_DIGEST_BYTES);
	if (!same)
		return "signature";
	if (!read_object(jwt->payload, jwt->payload_length, &reader) || !read_claims(&reader, claims))
		return "claims";
	if (!is_for_us(&reader))
		return "audience";
	if (claims->expires_at <= now)
		return "expired";
	if (claims->not_before > now + CLOCK_SKEW)
		return "not_yet_valid";
	return NULL;
}
