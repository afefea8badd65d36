/*
 * password.h: password hashing.
 */
#ifndef SS_PASSWORD_H
#define SS_PASSWORD_H

#include "postgres.h"

/*
 * The Argon2id hash of a password of 8 to 1000 characters, as text with its
 * parameters; another length is 22023 naming the argument, without the password
 * in it. No copy of the password stays behind.
 */
extern char *ss_password_hash(const text *password, const char *name);

/*
 * Is this the password of the hash? With no hash (NULL) it never is, after the
 * same work.
 */
extern bool ss_password_verify(const text *password, const char *hash);

/* A new password that is made up here: 20 letters and digits, 100 bits of chance. */
extern char *ss_password_make(void);

#endif /* SS_PASSWORD_H */
