/*
 * tables.h: the tables that are read or written past the executor, as the
 * extension made them, and how they are used.
 */
#ifndef SS_TABLES_H
#define SS_TABLES_H

#include "postgres.h"

#include "direct/labels.h"

#define SS_TABLE_COLUMNS 20
#define SS_TABLE_CHECKS	 3
#define SS_INDEX_COLUMNS 9

/* The tables, and how each is found: by the first columns of an index. */
typedef enum SSTable
{
	SS_REWARD_ACCOUNTS,	 /* user_id */
	SS_USERS,			 /* user_id */
	SS_MERCHANTS,		 /* merchant_id */
	SS_ACCOUNTS,		 /* user_id, account_id */
	SS_SEGMENT_MEMBERS,	 /* user_id */
	SS_USER_BOOSTS,		 /* user_id */
	SS_TRANSACTIONS,	 /* transaction_id */
	SS_TRANSACTION_KEYS, /* transactions again: user_id, idempotency_key */
	SS_POINTS_ENTRIES,	 /* not at all */
	SS_REDEMPTIONS,		 /* campaign_no, user_id */
	SS_SLOTS,			 /* slot_key, campaign_no, day, slot */
	/* for readers only */
	SS_PURCHASES,	/* transactions again: user_id, occurred_at, transaction_id */
	SS_ENTRIES,		/* points_entries again: user_id, entry_id */
	SS_CREDITS,		/* those that credit and are of no purchase: user_id, recorded_at */
	SS_ADJUSTMENTS, /* user_id, entry_id */
	SS_BOOSTS,		/* boost_id */
	/* not by the engine, and by direct.c at most read as a whole */
	SS_CAMPAIGNS,			/* counted page by page */
	SS_AUDIT_LOGS,			/* appended to */
	SS_AUDIT_INSTALLATIONS, /* read as a whole */
	SS_SINKS,				/* asked whether it is empty, by the size of its file */
	SS_DELTAS,				/* appended to, and read as a whole; not there before release 1.1.0 */
	SS_TABLES
} SSTable;

#define SS_ONE_TABLE(table) (1u << (table))

/* Columns, in the order of the lists in tables.c. */
enum SSAccountColumn
{
	ACCOUNT_USER_ID,
	ACCOUNT_AVAILABLE,
	ACCOUNT_PENDING,
	ACCOUNT_LIFETIME,
	ACCOUNT_TIER,
	ACCOUNT_TIER_UNTIL,
	ACCOUNT_TRANSACTIONS,
	ACCOUNT_SPENT,
	ACCOUNT_SPENT_CURRENCY,
	ACCOUNT_DEBITED,
	ACCOUNT_LOT_AT,
	ACCOUNT_LOT_BEFORE,
	ACCOUNT_REFERRER
};
enum SSTransactionColumn
{
	TRANSACTION_ID,
	TRANSACTION_USER_ID,
	TRANSACTION_AMOUNT,
	TRANSACTION_OCCURRED_AT,
	TRANSACTION_RECORDED_AT,
	TRANSACTION_BASE,
	TRANSACTION_BONUS,
	TRANSACTION_DISCOUNT,
	TRANSACTION_REFUNDED,
	TRANSACTION_POINTS_REFUNDED,
	TRANSACTION_STATUS,
	TRANSACTION_CURRENCY,
	TRANSACTION_CATEGORY_NO,
	TRANSACTION_REQUEST,
	TRANSACTION_MERCHANT_ID,
	TRANSACTION_ACCOUNT_ID,
	TRANSACTION_KEY,
	TRANSACTION_METADATA,
	TRANSACTION_DECISION,
	TRANSACTION_BASE_RATE
};
enum SSEntryColumn
{
	ENTRY_USER_ID,
	ENTRY_ID,
	ENTRY_POINTS,
	ENTRY_RECORDED_AT,
	ENTRY_KIND,
	ENTRY_DEBIT,
	ENTRY_CREDIT,
	ENTRY_CAMPAIGN_NO,
	ENTRY_TRANSACTION_ID,
	ENTRY_REASON,
	ENTRY_COLUMNS
};
enum SSRedemptionColumn
{
	REDEMPTION_USER_ID,
	REDEMPTION_TRANSACTION_ID,
	REDEMPTION_CAMPAIGN_NO,
	REDEMPTION_VERSION,
	REDEMPTION_POINTS,
	REDEMPTION_DISCOUNT,
	REDEMPTION_COST,
	REDEMPTION_RETURNED,
	REDEMPTION_DAY,
	REDEMPTION_POSITION,
	REDEMPTION_COUNTS
};
enum SSSlotColumn
{
	SLOT_KEY,
	SLOT_CAMPAIGN_NO,
	SLOT_DAY,
	SLOT_NO,
	SLOT_USED,
	SLOT_ALLOTTED
};
enum
{
	USER_STATUS,
	USER_EMAIL,
	USER_NAME,
	USER_PHONE,
	USER_CREATED_AT,
	USER_LANGUAGE,
	USER_PREFERENCES,
	USER_ROLE,
	USER_VERIFICATION,
	USER_ERASED_AT,
	USER_ID
};
enum
{
	MERCHANT_CATEGORY,
	MERCHANT_NAME
};
enum
{
	PAYMENT_TYPE,
	PAYMENT_ISSUER,
	PAYMENT_CARD,
	PAYMENT_BANK,
	PAYMENT_ACCOUNT,
	PAYMENT_LAST_FOUR
};
enum
{
	ADJUSTMENT_REASON
};
enum
{
	BOOST_NAME,
	BOOST_MULTIPLIER,
	BOOST_CATEGORY,
	BOOST_STARTS_AT,
	BOOST_EXPIRES_AT
};

/* Columns of the index of SS_PURCHASES. */
enum
{
	PURCHASE_USER_ID,
	PURCHASE_OCCURRED_AT,
	PURCHASE_ID,
	PURCHASE_AMOUNT,
	PURCHASE_REFUNDED,
	PURCHASE_STATUS,
	PURCHASE_CATEGORY_NO,
	PURCHASE_CURRENCY,
	PURCHASE_MERCHANT_ID,
	PURCHASE_COLUMNS
};
enum
{
	MEMBER_SEGMENT_NO,
	MEMBER_USER_ID
};
enum
{
	CAMPAIGN_STATUS
};
enum
{
	INSTALLATION_NO,
	INSTALLATION_SYSTEM,
	INSTALLATION_DATABASE
};

/* All columns of the audit log, in its order. */
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
enum
{
	USER_BOOST_ID,
	USER_BOOST_DEACTIVATED_AT
};

enum
{
	DELTAS_RECORDS
};

/* What we do with a table. */
typedef enum SSUse
{
	SS_USE_READ,
	SS_USE_INSERT, /* like COPY: constraints are evaluated, any index gets its entries */
	SS_USE_UPDATE, /* of columns that are in no foreign key but the primary key; likewise */
	SS_USE_APPEND  /* row by row into a table that has nothing but plain indexes */
} SSUse;

typedef struct SSColumnSpec
{
	const char *name;
	Oid type;	   /* 0: an enum with our labels */
	bool nullable; /* we leave it null at times */
} SSColumnSpec;

/* An index, known by its shape: it may have any name. */
typedef struct SSIndexSpec
{
	bool unique; /* over the first `nkeys` columns and no others */
	int nkeys;	 /* how many of the columns it must have are keys; the others may be included */
	struct
	{
		const char *name;
		Oid type; /* of keys */
	} columns[SS_INDEX_COLUMNS];
	const char *predicate; /* NULL: it is over all rows */
} SSIndexSpec;

typedef struct SSTableSpec
{
	const char *name;
	SSUse use;
	bool bare;							 /* has no index, and our rows get no entries in one that somebody adds */
	SSTable heap;						 /* if not 0: another of our tables, which has the columns */
	const char *checks[SS_TABLE_CHECKS]; /* conditions that hold for whatever we write */
	int ncolumns;						 /* of those below; where we write, of the table */
	SSColumnSpec columns[SS_TABLE_COLUMNS];
	SSIndexSpec index; /* by which rows are found; no columns: they are not */
} SSTableSpec;

extern const SSTableSpec ss_table_specs[SS_TABLES];

/* A label, and where it is written: the type is that of the column. */
typedef struct SSLabelSpec
{
	SSTable table;
	int column;
	const char *label;
} SSLabelSpec;

extern const SSLabelSpec ss_label_specs[SS_LABELS];

#endif /* SS_TABLES_H */
