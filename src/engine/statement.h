/*
 * statement.h: what the chunks of one statement share, so that each row is
 * written once however many chunks there are.
 */
#ifndef SS_STATEMENT_H
#define SS_STATEMENT_H

#include "postgres.h"

#include "engine/chunk.h"
#include "engine/shares.h"

/*
 * What the chunks of one statement share: slots and accounts that are locked
 * already, with what was taken from them and earned by them, written when the
 * statement ends (users also whenever they take too much memory). A row that
 * each chunk wrote would be found at the end of an ever longer chain of
 * versions.
 */
struct SSStatement
{
	MemoryContext context;
	int nshares;
	SSShares *shares; /* by key */
	MemoryContext accounts_context;
	struct HTAB *accounts; /* SSAccount by id; NULL until there are some */
};

/* Begins a statement of several chunks; nothing else may run before it is written. */
extern SSStatement *ss_statement_begin(MemoryContext context);

/*
 * Writes what is kept in memory of the statement, and forgets it: at its end, and whenever a chunk of it must go through
 * the executor, because somebody changed a table meanwhile. SPI is connected.
 */
extern void ss_statement_write(SSStatement *statement);

/* Leaves the chunk's accounts, as they are now, to the statement. */
extern void ss_statement_keep_accounts(SSStatement *statement, const SSChunk *chunk);

#endif /* SS_STATEMENT_H */
