/*
 * mask.h: what of a change may stand in the record, and how.
 */
#ifndef SS_MASK_H
#define SS_MASK_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Pushes a key and its value into the object that is open, however deep the
 * value is. Masked as "***": the values of keys that name a secret or card
 * data, and of texts every run of digits that is as long as a card number
 * (but for phone numbers, UUIDs and SHA-256 digests).
 */
extern void ss_audit_push_masked(JsonbParseState **state, JsonbValue *key, JsonbValue *value);

#endif /* SS_MASK_H */
