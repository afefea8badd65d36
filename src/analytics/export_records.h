/*
 * export_records.h: records of an export, as CSV or as JSON, one a row of the
 * result.
 *
 * A record is written field by field, in the order of the columns.
 */
#ifndef SS_EXPORT_RECORDS_H
#define SS_EXPORT_RECORDS_H

#include "postgres.h"

#include "common/cryptohash.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"

typedef enum SSExportFormat
{
	SS_EXPORT_CSV,
	SS_EXPORT_JSON
} SSExportFormat;

/* Where records go: rows of a result, or a file's text. */
typedef struct SSRecordsTarget
{
	ReturnSetInfo *rows; /* of InitMaterializedSRF(), or NULL */
	StringInfo file;	 /* each line with its end */
} SSRecordsTarget;

typedef struct SSRecords
{
	SSExportFormat format;
	const char *const *columns; /* NULL-terminated */
	SSRecordsTarget target;
	StringInfoData line;
	int field;	 /* the next one of the record */
	int64 count; /* without the header */
	pg_cryptohash_ctx *hash;
	MemoryContext scratch; /* of a record */
} SSRecords;

/* Begins the records, in CSV with their header if asked for. */
extern void ss_records_begin(SSRecords *records, SSExportFormat format, const char *const *columns, bool header,
							 const SSRecordsTarget *target);

/* The next field; of the types that numbers, texts, dates, times, ids and truth have. */
extern void ss_records_field(SSRecords *records, Datum value, bool isnull, Oid type);

/* The record is complete. */
extern void ss_records_end(SSRecords *records);

/* A row of a query, whose columns are those of the records, as a record: an SSRowFunction. */
extern void ss_records_row(TupleTableSlot *row, void *records);

/* SHA-256, as hexadecimal digits, of all lines as a file has them: each with CR LF in CSV, with LF in JSON. The last call. */
extern char *ss_records_digest(SSRecords *records);

#endif /* SS_EXPORT_RECORDS_H */
