/*
 * mask.c: keeps secrets and card data out of the record (mask.h).
 *
 * Called by audit.c. Touches no state.
 */
#include "postgres.h"

#include <ctype.h>

#include "miscadmin.h"

#include "audit/mask.h"
#include "base/uuid.h"
#include "call/call.h"

/* So many digits in a row may be a card number. */
#define CARD_NUMBER_DIGITS 12

static char mask[] = "***";
#define MASK_LENGTH ((int) sizeof(mask) - 1)

/* A key that has one of these in it names a secret or card data. */
static const char *const secret_words[] = {"password",	  "secret",		 "token", "hash",
										   "last_four",	  "card_number", "cvv",	  "expiry_month",
										   "expiry_year", "iban",		 NULL};

/* Settings of the programme that only sound so: who changed them is what the record is for. */
static const char *const harmless_keys[] = {"token_lifetime_minutes", "points_expiry_months", NULL};

static bool
is_secret(const JsonbValue *key)
{
	char name[64];
	int length = Min(key->val.string.len, (int) sizeof(name) - 1);

	for (int i = 0; i < length; i++)
		name[i] = (char) tolower((unsigned char) key->val.string.val[i]);
	name[length] = '\0';
	for (int i = 0; harmless_keys[i] != NULL; i++)
		if (strcmp(name, harmless_keys[i]) == 0)
			return false;
	for (int i = 0; secret_words[i] != NULL; i++)
		if (strstr(name, secret_words[i]) != NULL)
			return true;
	return false;
}

static bool
is_phone(const JsonbValue *key)
{
	return key->val.string.len == 5 && memcmp(key->val.string.val, "phone", 5) == 0;
}

static bool
is_separator(char c)
{
	return c == ' ' || c == '.' || c == '-';
}

/* The end of the run of digits that begins at text[start], separators between them included; *digits counts them. */
static int
end_of_run(const char *text, int length, int start, int *digits)
{
	int end = start;

	*digits = 0;
	for (int i = start; i < length && (isdigit((unsigned char) text[i]) || is_separator(text[i])); i++)
		if (isdigit((unsigned char) text[i]))
		{
			++*digits;
			end = i + 1;
		}
	return end;
}

/* The text with "***" for each long run of digits; the very one if there is none. */
static void
mask_digits(JsonbValue *value)
{
	const char *text = value->val.string.val;
	int length = value->val.string.len;
	char *masked = NULL;
	int used = 0;
	int copied = 0;

	for (int i = 0; i < length;)
	{
		int digits = 0;
		int end = isdigit((unsigned char) text[i]) ? end_of_run(text, length, i, &digits) : i + 1;

		if (digits >= CARD_NUMBER_DIGITS)
		{
			if (masked == NULL)
				masked = palloc(length + 1);
			memcpy(masked + used, text + copied, i - copied);
			used += i - copied;
			memcpy(masked + used, mask, MASK_LENGTH);
			used += MASK_LENGTH;
			copied = end;
		}
		i = end;
	}
	if (masked == NULL)
		return;
	memcpy(masked + used, text + copied, length - copied);
	value->val.string.val = masked;
	value->val.string.len = used + length - copied;
}

/* A SHA-256 as hexadecimal digits, some of which may follow one another: no card's. */
static bool
is_digest(const char *text, int length)
{
	return length == 64 && (int) strspn(text, "0123456789abcdef") >= length;
}

static void
mask_whole(JsonbValue *value)
{
	value->type = jbvString;
	value->val.string.val = mask;
	value->val.string.len = MASK_LENGTH;
}

static void
mask_scalar(JsonbValue *value, bool secret, bool phone)
{
	if (secret && value->type != jbvNull)
		mask_whole(value);
	else if (value->type == jbvString && !phone && !ss_uuid_is_text(value->val.string.val, value->val.string.len) &&
			 !is_digest(value->val.string.val, value->val.string.len))
		mask_digits(value);
}

/* A number of twelve digits is an amount, not a card: numbers stay. */
static void
push_value(JsonbParseState **state, JsonbIteratorToken as, JsonbValue *value, bool secret, bool phone)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue part;
	JsonbValue key = {.type = jbvNull};

	if (value->type != jbvBinary)
	{
		JsonbValue masked = *value;

		mask_scalar(&masked, secret, phone);
		(void) pushJsonbValue(state, as, &masked);
		return;
	}
	check_stack_depth();
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if (token == WJB_VALUE)
			push_value(state, token, &part, secret || is_secret(&key), is_phone(&key));
		else if (token == WJB_ELEM)
			push_value(state, token, &part, secret, phone);
		else if (token == WJB_KEY)
		{
			key = part;
			(void) pushJsonbValue(state, token, &part);
		}
		else
			(void) pushJsonbValue(state, token, NULL);
	}
}

void
ss_audit_push_masked(JsonbParseState **state, JsonbValue *key, JsonbValue *value)
{
	(void) pushJsonbValue(state, WJB_KEY, key);
	push_value(state, WJB_VALUE, value, is_secret(key), is_phone(key));
}
