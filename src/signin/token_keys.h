/*
 * token_keys.h: the keys that tokens are signed with.
 */
#ifndef SS_TOKEN_KEYS_H
#define SS_TOKEN_KEYS_H

#include "postgres.h"

typedef struct SSTokenKey
{
	char *key_id;
	uint8 *secret;
	int length;
} SSTokenKey;

/* The key that new tokens are signed with; the first one is made when there is none. */
extern void ss_token_keys_current(SSTokenKey *key);

/* The key of that id, if its tokens are still good. */
extern bool ss_token_keys_find(const char *key_id, SSTokenKey *key);

/* Overwrites the secret. */
extern void ss_token_keys_forget(SSTokenKey *key);

#endif /* SS_TOKEN_KEYS_H */
