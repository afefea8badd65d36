/*
 * etag.c: tags of answers over HTTP (etag.h).
 *
 * Called by get_flags_document() and by the routes. Touches no state but the
 * session's setting request.headers; no locks.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/hex.h"
#include "base/json_members.h"
#include "call/etag.h"
#include "call/gateway.h"

#define TAG_BYTES 16

char *
ss_etag_make(const char *text)
{
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	char *tag = palloc(TAG_BYTES * 2 + 3);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) text, strlen(text)) < 0 ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not work out SHA-256");
	pg_cryptohash_free(context);
	tag[0] = '"';
	(void) hex_encode((char *) digest, TAG_BYTES, tag + 1);
	tag[1 + TAG_BYTES * 2] = '"';
	tag[2 + TAG_BYTES * 2] = '\0';
	return tag;
}

bool
ss_etag_is_known(const char *tag)
{
	const char *headers = GetConfigOption("request.headers", true, false);
	SSPicked picked[] = {{.name = "if-none-match"}};

	if (headers == NULL || headers[0] == '\0' || !ss_gateway_is_trusted())
		return false;
	ss_pick_members(headers, picked, lengthof(picked));
	return picked[0].text != NULL && (strcmp(picked[0].text, "*") == 0 || strstr(picked[0].text, tag) != NULL);
}
