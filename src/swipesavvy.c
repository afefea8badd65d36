/*
 * swipesavvy.c: the library's magic block and its initialisation, nothing
 * else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "audit_row.h"
#include "background.h"
#include "guc.h"
#include "identity.h"
#include "merchant_cache.h"
#include "metrics.h"
#include "outbox.h"
#include "refused.h"
#include "rules.h"
#include "purchases.h"
#include "shmem.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	if (IsBinaryUpgrade)
		return;
	ss_guc_define();
	ss_identity_init();
	ss_rules_init();
	ss_merchant_cache_init();
	ss_purchases_init();
	ss_audit_row_init();
	ss_outbox_init();
	ss_metrics_init();
	ss_refused_init();
	ss_shmem_init();
	ss_background_init();
}
