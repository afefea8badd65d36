/*
 * rows.h: the rows of a query, read column by column in the order of its SELECT.
 *
 * Usage:
 *
 *		SSRows		rows = ss_rows_read(&find_boosts, values, NULL);
 *
 *		for (uint64 i = 0; i < rows.count; i++)
 *		{
 *			SSRow		row = ss_row(rows, i);
 *
 *			boost->id = *ss_next_uuid(&row);
 *			boost->expires_at = ss_next_time_or(&row, DT_NOEND);
 *		}
 *
 * A value must be of the type that is asked for, and not null unless the name
 * says so: anything else is an error. One ss_next_... in a statement, for C does not say which argument
 * of a call, or which part of an initializer, comes first; and none in a macro
 * such as Max(), which would read two.
 *
 * Another query changes nothing about rows that are being read. What they point
 * to lives as long as the SPI connection, or until ss_rows_free.
 */
#ifndef SS_ROWS_H
#define SS_ROWS_H

#include "postgres.h"

#include "access/htup.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/query.h"

typedef struct SSRows
{
	SPITupleTable *table;
	uint64 count;
} SSRows;

/* A row, and how far it has been read. */
typedef struct SSRow
{
	HeapTuple tuple;
	TupleDesc desc;
	int column; /* the one read last, from 1 */
} SSRow;

/* As ss_query_read, ss_query_latest, ss_query_at, ss_query_write and ss_query_fetch. */
extern SSRows ss_rows_read(SSQuery *query, const Datum *values, const bool *nulls);
extern SSRows ss_rows_latest(SSQuery *query, const Datum *values, const bool *nulls);
extern SSRows ss_rows_at(SSQuery *query, const Datum *values, const bool *nulls, Snapshot snapshot);
extern SSRows ss_rows_write(SSQuery *query, const Datum *values, const bool *nulls);
extern SSRows ss_rows_fetch(Portal cursor, long count);
extern void ss_rows_free(SSRows *rows);

/* Those of the last query. */
extern SSRows ss_rows_of_last(void);

/*
 * A row (from 0) that has not been read yet; the second of the last query. There may be fewer rows than the query must
 * give, because a trigger let one go: 55000.
 */
extern SSRow ss_row(SSRows rows, uint64 n);
extern SSRow ss_row_of_last(uint64 n);

/* The next value, which is not null. */
extern bool ss_next_bool(SSRow *row);
extern int16 ss_next_int16(SSRow *row);
extern int32 ss_next_int32(SSRow *row);
extern int64 ss_next_int64(SSRow *row);
extern double ss_next_float8(SSRow *row);
extern DateADT ss_next_date(SSRow *row);
extern TimestampTz ss_next_time(SSRow *row);
extern const pg_uuid_t *ss_next_uuid(SSRow *row);
extern char *ss_next_text(SSRow *row); /* text, varchar or bpchar */
extern Jsonb *ss_next_jsonb(SSRow *row);
extern bytea *ss_next_bytea(SSRow *row);

/* The same, or what is given here where it is null. */
extern bool ss_next_bool_or(SSRow *row, bool when_null);
extern int16 ss_next_int16_or(SSRow *row, int16 when_null);
extern int32 ss_next_int32_or(SSRow *row, int32 when_null);
extern int64 ss_next_int64_or(SSRow *row, int64 when_null);
extern double ss_next_float8_or(SSRow *row, double when_null);
extern TimestampTz ss_next_time_or(SSRow *row, TimestampTz when_null);

/* The same, or NULL. */
extern const pg_uuid_t *ss_next_uuid_or_null(SSRow *row);
extern char *ss_next_text_or_null(SSRow *row);
extern Numeric ss_next_numeric_or_null(SSRow *row);
extern Jsonb *ss_next_jsonb_or_null(SSRow *row);
extern bytea *ss_next_bytea_or_null(SSRow *row);

/* The next value as a datum of that type. */
extern Datum ss_next_value(SSRow *row, Oid type);
extern Datum ss_next_value_or_null(SSRow *row, Oid type, bool *isnull);

/* The next value, of any enum, which is not null. */
extern Datum ss_next_enum(SSRow *row);

/* The next value, a whole row of a table, to be read itself; it lives in the memory context that is current. */
extern SSRow ss_next_record(SSRow *row);

/* The error of a value that is null and must not be, for who reads rows in another way; and a value (from 1) that is not, of a row of ss_query_each. */
pg_noreturn extern void ss_refuse_null(const char *column);
extern Datum ss_slot_value(TupleTableSlot *slot, int column);

/* Goes past some columns. */
static inline void
ss_next_skip(SSRow *row, int columns)
{
	row->column += columns;
}

/* The first value of the first row, which is not null: all that is asked for where a query gives one value. */
extern bool ss_one_bool(SSRows rows);
extern int32 ss_one_int32(SSRows rows);
extern int64 ss_one_int64(SSRows rows);
extern TimestampTz ss_one_time(SSRows rows);
extern const pg_uuid_t *ss_one_uuid(SSRows rows);
extern char *ss_one_text(SSRows rows);

#endif /* SS_ROWS_H */
