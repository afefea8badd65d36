/*
 * merchants.h: what other domains need of merchants.
 */
#ifndef SS_MERCHANTS_H
#define SS_MERCHANTS_H

/* Columns of merchants that are shown, for texts of queries on that table alone. */
#define SS_MERCHANT_COLUMNS "merchant_id, name, category, mcc, description, metadata, is_active, created_at, updated_at"

#endif /* SS_MERCHANTS_H */
