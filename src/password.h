/*
 * password.h: password hashing.
 */
#ifndef SS_PASSWORD_H
#define SS_PASSWORD_H

#include "postgres.h"

/*
 * The Argon2id hash of a password of 8 to 1000 characters, as text with its
 * parameters; another length is 22023, without the password in it. No copy of
 * the password stays behind.
 */
extern char *ss_password_hash(const text *password);

#endif							/* SS_PASSWORD_H */
