/*
 * log_row.h: how a row of the audit log gets into its table.
 */
#ifndef SS_LOG_ROW_H
#define SS_LOG_ROW_H

#include "postgres.h"

#include "direct/tables.h"

/*
 * Adds a row of LOG_COLUMNS columns, in the order of direct/tables.h. With the owner's rights and SPI connected. 55000
 * where a column is gone or has another type.
 */
extern void ss_audit_add_row(Datum *values, bool *nulls);

#endif /* SS_LOG_ROW_H */
