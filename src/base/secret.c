/*
 * secret.c: secret arguments, random bytes, digests, base64url, and
 * forgetting (secret.h).
 *
 * Called by tokens, sessions, passwords and sinks. The server's own routines, and
 * libsodium's for what must not depend on the data. No state, no locks.
 */
#include "postgres.h"

#include <sodium.h>

#include "common/base64.h"
#include "common/cryptohash.h"
#include "common/hmac.h"
#include "mb/pg_wchar.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/secret.h"

void
ss_secret_random(uint8 *bytes, size_t length)
{
	if (!pg_strong_random(bytes, length))
		ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values"));
}

void
ss_secret_digest(const void *data, size_t length, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 || pg_cryptohash_update(context, data, length) < 0 ||
		pg_cryptohash_final(context, digest, SS_DIGEST_BYTES) < 0)
		elog(ERROR, "could not compute a SHA-256 digest: %s", pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

void
ss_secret_hmac(const uint8 *key, size_t key_length, const void *data, size_t length, uint8 *digest)
{
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);

	if (context == NULL || pg_hmac_init(context, key, key_length) < 0 || pg_hmac_update(context, data, length) < 0 ||
		pg_hmac_final(context, digest, SS_DIGEST_BYTES) < 0)
		elog(ERROR, "could not compute an HMAC: %s", pg_hmac_error(context));
	pg_hmac_free(context);
}

bool
ss_secret_equal(const uint8 *a, const uint8 *b, size_t length)
{
	return sodium_memcmp(a, b, length) == 0;
}

void
ss_secret_wipe(void *bytes, size_t length)
{
	sodium_memzero(bytes, length);
}

char *
ss_secret_base64(const void *bytes, size_t length)
{
	int size = pg_b64_enc_len(length);
	char *text = palloc(size + 1);
	int written = pg_b64_encode((const ss_b64_byte *) bytes, length, text, size);

	if (written < 0)
		elog(ERROR, "could not encode %zu bytes", length);
	text[written] = '\0';
	return text;
}

char *
ss_secret_encode(const void *bytes, size_t length)
{
	char *text = ss_secret_base64(bytes, length);
	int written = (int) strlen(text);

	while (written > 0 && text[written - 1] == '=')
		written--;
	text[written] = '\0';
	for (int i = 0; i < written; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	return text;
}

uint8 *
ss_secret_decode(const char *text, size_t length, int *decoded)
{
	char *standard = palloc(length + 4);
	size_t padded = length;
	int size = pg_b64_dec_len(length + 4);
	uint8 *bytes = palloc(size + 1);
	char *again;
	bool same;

	for (size_t i = 0; i < length; i++)
	{
		if (!isalnum((unsigned char) text[i]) && text[i] != '-' && text[i] != '_')
			return NULL;
		standard[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	}
	while (padded % 4 != 0)
		standard[padded++] = '=';
	*decoded = pg_b64_decode(standard, padded, (ss_b64_byte *) bytes, size);
	ss_secret_wipe(standard, padded);
	if (*decoded < 0)
		return NULL;
	bytes[*decoded] = '\0';

	/* the last character may hold bits that decoding drops: two texts for the same bytes */
	again = ss_secret_encode(bytes, *decoded);
	same = strlen(again) == length && memcmp(again, text, length) == 0;
	ss_secret_wipe(again, strlen(again));
	return same ? bytes : NULL;
}

Datum
ss_secret_bytea(const uint8 *bytes, size_t length)
{
	bytea *value = palloc(VARHDRSZ + length);

	SET_VARSIZE(value, VARHDRSZ + length);
	memcpy(VARDATA(value), bytes, length);
	return PointerGetDatum(value);
}

text *
ss_secret_arg(FunctionCallInfo fcinfo, int n, const char *name, int max_chars)
{
	text *secret;
	int chars;

	if (PG_ARGISNULL(n))
		ss_missing_value(name);
	secret = PG_GETARG_TEXT_PP(n);
	chars = pg_mbstrlen_with_len(VARDATA_ANY(secret), VARSIZE_ANY_EXHDR(secret));
	if (chars > max_chars)
	{
		ss_secret_forget(fcinfo, n, secret);
		ss_bad_value(name, "It is %d characters long; at most %d are allowed.", chars, max_chars);
	}
	return secret;
}

void
ss_secret_forget(FunctionCallInfo fcinfo, int n, text *secret)
{
	if ((Pointer) secret == DatumGetPointer(fcinfo->args[n].value))
		return;
	ss_secret_wipe(VARDATA_ANY(secret), VARSIZE_ANY_EXHDR(secret));
	pfree(secret);
}
