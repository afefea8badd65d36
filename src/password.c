/*
 * password.c: Argon2id through libsodium (password.h).
 *
 * Called by users.c. 19 MiB and two passes, so that a thousand sign-ins at
 * once do not take the server's memory. No state but libsodium's own, which
 * sodium_init sets up once per backend.
 */
#include "postgres.h"

#include <sodium.h>

#include "mb/pg_wchar.h"

#include "errors.h"
#include "password.h"

#define MIN_CHARS 8
#define MAX_CHARS 1000
#define PASSES	  2
#define MEMORY	  ((size_t) 19456 * 1024)

char *
ss_password_hash(const text *password)
{
	const char *plain = VARDATA_ANY(password);
	int			length = VARSIZE_ANY_EXHDR(password);
	int			chars = pg_mbstrlen_with_len(plain, length);
	char	   *hash = palloc(crypto_pwhash_STRBYTES);

	if (chars < MIN_CHARS || chars > MAX_CHARS)
		ss_bad_value("password", "It is %d characters long; %d to %d are allowed.", chars, MIN_CHARS,
					 MAX_CHARS);
	if (sodium_init() < 0)
		elog(ERROR, "could not initialise libsodium");
	if (crypto_pwhash_str_alg(hash, plain, length, PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
				errdetail("Hashing a password needs %zu bytes.", MEMORY));
	return hash;
}
