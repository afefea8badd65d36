/*
 * password.h: password hashing.
 */
#ifndef SS_PASSWORD_H
#define SS_PASSWORD_H

#include "postgres.h"

/*
 * The Argon2id hash of a password of 8 to 1000 characters, prepared as
 * opaque.h says, as text with its parameters. Another length or a character
 * that is not allowed is 22023 naming the argument, without the password in it.
 */
extern char *ss_password_hash(const text *password, const char *name);

/*
 * Is this the password of the hash, as it is prepared or as it is? With no hash
 * (NULL) it never is, after the same work. One whose prepared form is another
 * costs two hashes.
 */
extern bool ss_password_verify(const text *password, const char *hash);

/* Are they one password, however they are written? */
extern bool ss_password_equal(const text *a, const text *b);

/* A new password that is made up here: 20 letters and digits, 100 bits of chance. */
extern char *ss_password_make(void);

#endif /* SS_PASSWORD_H */
