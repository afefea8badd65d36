/*
 * merchant_cache.h: the categories of merchants that this backend has looked
 * up.
 */
#ifndef SS_MERCHANT_CACHE_H
#define SS_MERCHANT_CACHE_H

#include "postgres.h"

#include "utils/uuid.h"

#include "rules/rules.h"

/* The number of a merchant's category, by these rules; 0 if it is not known here. */
extern int16 ss_merchant_cache_find(const SSRules *rules, const pg_uuid_t *merchant_id);

/* Keeps what was just found under a snapshot that is not older than the rules, in a row that has committed. */
extern void ss_merchant_cache_keep(const SSRules *rules, const pg_uuid_t *merchant_id, int16 category_no);

#endif /* SS_MERCHANT_CACHE_H */
