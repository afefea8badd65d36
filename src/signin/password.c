/*
 * password.c: Argon2id through libsodium (password.h).
 *
 * Called by users.c and the files of sign-in. Each hash takes 19 MiB and two
 * passes while it is computed. So that a thousand sign-ins at once do not take
 * the server's memory, there are so many places to compute one at as the
 * machine has processors, 16 at most, for the whole server: a lock each
 * (locks.h), and who finds none free waits. No state but libsodium's own, which
 * sodium_init sets up once per backend.
 */
#include "postgres.h"

#include <sodium.h>
#include <unistd.h>

#include "mb/pg_wchar.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/secret.h"
#include "signin/opaque.h"
#include "signin/password.h"

#define MIN_CHARS	8
#define MAX_CHARS	SS_SECRET_MAX
#define PASSES		2
#define MEMORY		((size_t) 19456 * 1024)
#define MAX_PLACES	16
#define MADE_LENGTH 20

/* Nobody's: of the same parameters as every other, with a hash of zeros. */
#define DUMMY_HASH "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static int
enter_place(void)
{
	int places = Max(2, Min(MAX_PLACES, (int) sysconf(_SC_NPROCESSORS_ONLN)));

	if (sodium_init() < 0)
		elog(ERROR, "could not initialise libsodium");
	return ss_lock_enter(SS_LOCK_PASSWORD_HASH, places);
}

static void
leave_place(int place)
{
	ss_lock_leave(SS_LOCK_PASSWORD_HASH, place);
	ereport(DEBUG1, errmsg_internal("swipesavvy: one Argon2id computed")); /* tests count them */
}

/* Overwrites and frees what was prepared of a password, if it is a copy. */
static void
forget_prepared(const char *prepared, size_t length, const text *password)
{
	if (prepared == NULL || prepared == VARDATA_ANY(password))
		return;
	ss_secret_wipe(unconstify(char *, prepared), length);
	pfree(unconstify(char *, prepared));
}

/* Of UTF-8. */
static int
count_chars(const char *text, size_t length)
{
	int count = 0;

	for (size_t i = 0; i < length; i++)
		count += ((unsigned char) text[i] & 0xC0) != 0x80;
	return count;
}

char *
ss_password_hash(const text *password, const char *name)
{
	size_t length;
	const char *prepared = ss_opaque_prepare(VARDATA_ANY(password), VARSIZE_ANY_EXHDR(password), &length);
	char *hash = palloc(crypto_pwhash_STRBYTES);
	int chars;
	int place;

	if (prepared == NULL)
		ss_bad_value(name, "It has a control character, or one that is invisible or unknown.");
	chars = count_chars(prepared, length);
	if (chars < MIN_CHARS || chars > MAX_CHARS)
	{
		forget_prepared(prepared, length, password);
		ss_bad_value(name, "It is %d characters long; %d to %d are allowed.", chars, MIN_CHARS, MAX_CHARS);
	}
	place = enter_place();
	if (crypto_pwhash_str_alg(hash, prepared, length, PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
				errdetail("Hashing a password needs %zu bytes.", MEMORY));
	leave_place(place);
	forget_prepared(prepared, length, password);
	return hash;
}

/* Is that, byte for byte, what was hashed? */
static bool
verify_bytes(const char *bytes, size_t length, const char *hash)
{
	int place = enter_place();
	bool same;

	errno = 0;
	same = crypto_pwhash_str_verify(hash != NULL ? hash : DUMMY_HASH, bytes, length) == 0;
	if (!same && errno == ENOMEM)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
				errdetail("Hashing a password needs %zu bytes.", MEMORY));
	leave_place(place);
	return same && hash != NULL;
}

bool
ss_password_verify(const text *password, const char *hash)
{
	const char *given = VARDATA_ANY(password);
	size_t given_length = VARSIZE_ANY_EXHDR(password);
	size_t length;
	const char *prepared = ss_opaque_prepare(given, given_length, &length);
	bool same = prepared != NULL && verify_bytes(prepared, length, hash);

	/* hashes of other programs, and what was hashed before passwords were prepared, are of the bytes as they were given */
	if (!same && (prepared == NULL || length != given_length || memcmp(prepared, given, length) != 0))
		same = verify_bytes(given, given_length, hash);
	forget_prepared(prepared, length, password);
	return same;
}

bool
ss_password_equal(const text *a, const text *b)
{
	size_t a_length;
	size_t b_length;
	const char *prepared_a = ss_opaque_prepare(VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a), &a_length);
	const char *prepared_b = ss_opaque_prepare(VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b), &b_length);
	bool same = prepared_a != NULL && prepared_b != NULL && a_length == b_length &&
				ss_secret_equal((const uint8 *) prepared_a, (const uint8 *) prepared_b, a_length);

	forget_prepared(prepared_a, a_length, a);
	forget_prepared(prepared_b, b_length, b);
	return same;
}

char *
ss_password_make(void)
{
	/* 32 of them, without those that are mistaken for another: 0 and o, 1 and l */
	static const char letters[] = "23456789abcdefghijkmnpqrstuvwxyz";
	uint8 random[MADE_LENGTH];
	char *password = palloc(MADE_LENGTH + 1);

	StaticAssertStmt(sizeof(letters) == 32 + 1, "five bits choose a letter");
	ss_secret_random(random, MADE_LENGTH);
	for (int i = 0; i < MADE_LENGTH; i++)
		password[i] = letters[random[i] % 32];
	password[MADE_LENGTH] = '\0';
	ss_secret_wipe(random, MADE_LENGTH);
	return password;
}
