/*
 * log_row.h: how a row of the audit log gets into its table.
 */
#ifndef SS_LOG_ROW_H
#define SS_LOG_ROW_H

#include "postgres.h"

/* The columns of the table, in their order. */
enum
{
	LOG_INSTALLATION,
	LOG_XID,
	LOG_ID,
	LOG_TIME,
	LOG_EVENT,
	LOG_RESOURCE,
	LOG_RESOURCE_ID,
	LOG_STATUS,
	LOG_USER,
	LOG_ACTOR,
	LOG_SESSION_ROLE,
	LOG_INVOKING_ROLE,
	LOG_REQUEST_ID,
	LOG_ORIGIN,
	LOG_ORIGIN_SALT,
	LOG_ORIGIN_HASH,
	LOG_DETAILS,
	LOG_DETAILS_SALT,
	LOG_DETAILS_HASH,
	LOG_COLUMNS
};

/* Adds a row of LOG_COLUMNS columns. With the owner's rights and SPI connected. */
extern void ss_audit_add_row(Datum *values, bool *nulls);

#endif /* SS_LOG_ROW_H */
