/*
 * swipesavvy.c: the library's magic block and its initialisation, nothing
 * else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "audit/log_row.h"
#include "base/background.h"
#include "base/guc.h"
#include "call/identity.h"
#include "call/metrics.h"
#include "call/refused.h"
#include "outbox/outbox.h"
#include "purchases/view.h"
#include "rules/merchant_cache.h"
#include "rules/rules.h"
#include "shmem.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	if (IsBinaryUpgrade)
		return;
	ss_guc_define();
	ss_identity_init();
	ss_rules_init();
	ss_merchant_cache_init();
	ss_view_init();
	ss_audit_row_init();
	ss_outbox_init();
	ss_metrics_init();
	ss_refused_init();
	ss_shmem_init();
	ss_background_init();
}
