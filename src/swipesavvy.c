/*
 * swipesavvy.c: the library's magic block and its initialisation, nothing
 * else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/background.h"
#include "base/guc.h"
#include "base/sentinel.h"
#include "call/identity.h"
#include "call/metrics.h"
#include "call/refused.h"
#include "outbox/outbox.h"
#include "purchases/view.h"
#include "shmem.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	if (IsBinaryUpgrade)
		return;
	ss_guc_define();
	ss_sentinel_init();
	ss_identity_init();
	ss_view_init();
	ss_outbox_init();
	ss_metrics_init();
	ss_refused_init();
	ss_shmem_init();
	ss_background_init();
}
