/*
 * horizon.c: the settings of the programme that this domain reads (horizon.h).
 *
 * Asked for by training and lists, which do not ask often. No locks.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/query.h"
#include "learning/horizon.h"

SS_QUERY(read_setting,
		 "SELECT CASE WHEN s.value = 'null' THEN 0 ELSE s.value::text::integer END FROM swipesavvy.system_settings s"
		 " WHERE s.setting = $1",
		 TEXTOID);

static int32
setting(const char *name)
{
	SSRows rows = ss_rows_read(&read_setting, (Datum[]){CStringGetTextDatum(name)}, NULL);
	SSRow row = ss_row(rows, 0);

	return ss_next_int32(&row);
}

int32
ss_churn_horizon(void)
{
	return setting("churn_horizon_days");
}

int32
ss_retrain_days(void)
{
	return setting("ml_retrain_days");
}

int32
ss_quiet_hours_start(void)
{
	return setting("quiet_hours_start");
}

int32
ss_quiet_hours_end(void)
{
	return setting("quiet_hours_end");
}
