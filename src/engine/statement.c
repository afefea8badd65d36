/*
 * statement.c: what the chunks of one statement share (statement.h).
 *
 * Called by the door of the view, which begins and ends a statement, and by the
 * engine after each of its chunks, under the locks on the accounts.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "engine/slots.h"
#include "engine/statement.h"
#include "ledger/account_write.h"

/* Writes what the statement has of accounts, and forgets them. */
static void
write_accounts(SSStatement *statement)
{
	SSDirect *direct;
	HASH_SEQ_STATUS status;
	SSAccount *accounts;
	SSAccount *account;
	int count = 0;

	if (statement->accounts == NULL)
		return;
	accounts = MemoryContextAllocHuge(statement->accounts_context,
									  hash_get_num_entries(statement->accounts) * sizeof(SSAccount));
	hash_seq_init(&status, statement->accounts);
	while ((account = hash_seq_search(&status)) != NULL)
		accounts[count++] = *account;
	direct = ss_direct_begin();
	ss_account_write(direct, accounts, count);
	if (direct != NULL)
		ss_direct_end(direct);
	statement->accounts = NULL;
	MemoryContextDelete(statement->accounts_context);
}

void
ss_statement_keep_accounts(SSStatement *statement, const SSChunk *chunk)
{
	HASHCTL control = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(SSAccount)};

	if (statement->accounts == NULL)
	{
		statement->accounts_context =
			AllocSetContextCreate(statement->context, "swipesavvy accounts", ALLOCSET_DEFAULT_SIZES);
		control.hcxt = statement->accounts_context;
		statement->accounts = hash_create("swipesavvy accounts", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	for (int i = 0; i < chunk->naccounts; i++)
	{
		SSAccount *kept = hash_search(statement->accounts, &chunk->accounts[i].id, HASH_ENTER, NULL);

		*kept = chunk->accounts[i];
		kept->tier = MemoryContextStrdup(statement->accounts_context, kept->tier);
		kept->tier_read = strcmp(kept->tier_read, kept->tier) == 0
							  ? kept->tier
							  : MemoryContextStrdup(statement->accounts_context, kept->tier_read);
	}
	if (MemoryContextMemAllocated(statement->accounts_context, true) > (Size) work_mem * 1024)
		write_accounts(statement);
}

SSStatement *
ss_statement_begin(MemoryContext context)
{
	SSStatement *statement = MemoryContextAllocZero(context, sizeof(SSStatement));

	statement->context = context;
	return statement;
}

void
ss_statement_write(SSStatement *statement)
{
	ss_slots_write_statement(statement);
	write_accounts(statement);
}
