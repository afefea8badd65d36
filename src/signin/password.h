/*
 * password.h: password hashing.
 */
#ifndef SS_PASSWORD_H
#define SS_PASSWORD_H

#include "postgres.h"

#include "fmgr.h"

/*
 * An argument that is a password, or another secret, of at most 1000
 * characters; 22023, without it, if it is null or longer. Give it back with
 * ss_password_forget.
 */
extern text *ss_password_arg(FunctionCallInfo fcinfo, int n, const char *name);

/* The same of another length. */
extern text *ss_password_arg_of(FunctionCallInfo fcinfo, int n, const char *name, int max_chars);

/* Overwrites and frees the argument if it is a copy of ours; what the server holds is not ours to change. */
extern void ss_password_forget(FunctionCallInfo fcinfo, int n, text *password);

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
