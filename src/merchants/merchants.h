/*
 * merchants.h: what other domains need of merchants.
 */
#ifndef SS_MERCHANTS_H
#define SS_MERCHANTS_H

#include "postgres.h"

#include "utils/uuid.h"

/* Columns of merchants that are shown, for texts of queries on that table alone. */
#define SS_MERCHANT_COLUMNS "merchant_id, name, category, mcc, description, metadata, is_active, created_at, updated_at"

/* PT404 when there is no such merchant. For readers. */
extern void ss_merchant_require(const pg_uuid_t *merchant_id);

/* Shares the merchant's row until the end of the transaction, so that it stays as it is; is it active? PT404. */
extern bool ss_merchant_share(const pg_uuid_t *merchant_id);

/* The same; PT400 unless it is active. */
extern void ss_merchant_share_active(const pg_uuid_t *merchant_id);

#endif /* SS_MERCHANTS_H */
