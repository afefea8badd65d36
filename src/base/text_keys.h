/*
 * text_keys.h: what addresses and searches are compared by, in place of the
 * texts themselves.
 */
#ifndef SS_TEXT_KEYS_H
#define SS_TEXT_KEYS_H

#include "postgres.h"

/*
 * The key of an e-mail address, UTF-8 whatever the database's encoding:
 * without blanks around it, folded by full Unicode case folding, NFC. Two
 * addresses with one key are one address. Never an error.
 */
extern char *ss_key_of_email(const char *email, size_t length, size_t *key_length);

/*
 * An address as it is kept: without blanks around it, NFC. 22023 naming the
 * argument if there is a blank or an invisible character in it, or one that
 * Unicode had not assigned (its key could change).
 */
extern char *ss_key_clean_email(const char *email, const char *argument);

/* What a text is found by: compatibility forms, accents and case do not count. */
extern char *ss_key_of_search(const char *text, size_t length);

#endif /* SS_TEXT_KEYS_H */
