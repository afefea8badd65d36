/*
 * row_writer.h: writes rows of a table, past the executor or through it, by one
 * list of their columns.
 *
 * Usage:
 *
 *		SSRowWriter writer;
 *
 *		ss_writer_begin(&writer, direct, SS_TRANSACTIONS, count);
 *		for each row
 *		{
 *			ss_writer_add(&writer);
 *			ss_writer_set(&writer, TRANSACTION_ID, …);	a column that is not set is null
 *		}
 *		ss_writer_end(&writer);
 */
#ifndef SS_ROW_WRITER_H
#define SS_ROW_WRITER_H

#include "postgres.h"

#include "base/columns.h"
#include "direct/direct.h"

typedef struct SSRowWriter
{
	SSDirect *direct; /* NULL: through the executor, by the arrays */
	SSTable table;
	SSColumns columns;
} SSRowWriter;

/* Of that table, about so many rows. */
extern void ss_writer_begin(SSRowWriter *writer, SSDirect *direct, SSTable table, int rows);

/* Begins the next row: a new one, or the new version of a locked one. */
extern void ss_writer_add(SSRowWriter *writer);
extern void ss_writer_replace(SSRowWriter *writer, const ItemPointerData *locked);

/* Sets a column, by its number in tables.h. What it refers to must stay until the end. */
static inline void
ss_writer_set(SSRowWriter *writer, int column, Datum value)
{
	if (writer->direct != NULL)
		ss_direct_set(writer->direct, writer->table, column, value);
	else
		ss_columns_set(&writer->columns, column, value);
}

/* The same for a column of an enum. */
extern void ss_writer_set_label(SSRowWriter *writer, int column, SSLabel label);

/* Ends a row begun by ss_writer_replace. */
extern void ss_writer_replaced(SSRowWriter *writer);

/* All rows are written, or will be by ss_direct_end; 55000 when the executor lets one go. */
extern void ss_writer_end(SSRowWriter *writer);

#endif /* SS_ROW_WRITER_H */
