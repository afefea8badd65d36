/*
 * partnerships.c: set_partnership, get_partnership: what is agreed with a merchant.
 *
 * SQL entry points. A change locks the merchant's row (FOR NO KEY UPDATE) and adds a
 * version: of two admins at once the second waits, and its version stands in the
 * place of the first one's from its own first day on. Nothing is updated.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "analytics/period.h"
#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "call/call.h"
#include "places/partnership.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_set_partnership);
PG_FUNCTION_INFO_V1(swipesavvy_get_partnership);

#define RATE_DECIMALS 3
#define TRIAL_DAYS	  90

static const char *const tiers[] = {"premium", "standard", "trial", NULL};
#define TRIAL 2

#define SHOWN_RATE "round(v.rate_milli / 1000.0, 3) AS commission_rate"

SS_QUERY(lock_merchant, "SELECT FROM swipesavvy.merchants WHERE merchant_id = $1 FOR NO KEY UPDATE", UUIDOID);

SS_QUERY(insert_version,
		 "INSERT INTO swipesavvy.merchant_partnerships AS v"
		 " (merchant_id, version, tier, rate_milli, starts_on, ends_on, notes)"
		 " SELECT $1, coalesce(max(o.version), 0) + 1, $2, $3, $4, $5, $6"
		 "   FROM swipesavvy.merchant_partnerships o WHERE o.merchant_id = $1"
		 " RETURNING v.merchant_id, v.version, v.tier, " SHOWN_RATE ", v.starts_on, v.ends_on, v.notes, v.created_at",
		 UUIDOID, TEXTOID, INT4OID, DATEOID, DATEOID, TEXTOID);

/* The merchant, and what is in force on day $2: nulls where nothing is. */
SS_QUERY(find_in_force,
		 "SELECT m.merchant_id, v.version, v.tier, " SHOWN_RATE ", v.starts_on,"
		 "       least(v.ends_on, v.replaced_on - 1) AS ends_on, v.notes"
		 "  FROM swipesavvy.merchants m"
		 "  LEFT JOIN (" SS_PARTNERSHIPS_SQL(
			 "p.merchant_id = $1") ") v"
								   "    ON v.merchant_id = m.merchant_id AND " SS_IN_FORCE_SQL(
									   "$2") " WHERE m.merchant_id = $1",
		 UUIDOID, DATEOID);

SS_QUERY(list_versions,
		 "SELECT v.version, v.tier, " SHOWN_RATE ", v.starts_on, v.ends_on,"
		 "       CASE WHEN v.replaced_on <= coalesce(v.ends_on, 'infinity') THEN v.replaced_on END AS replaced_on,"
		 "       v.notes, v.created_at"
		 "  FROM (" SS_PARTNERSHIPS_SQL("p.merchant_id = $1") ") v ORDER BY v.version DESC",
		 UUIDOID);

/* What is refused of days that are over: their commissions have been told. */
static void
check_start(DateADT starts_on)
{
	const SSRules *rules = ss_rules_get();
	DateADT today = ss_rules_day(rules, GetCurrentTransactionStartTimestamp());

	if (starts_on < today - rules->settings.late_posting_days)
		ss_bad_state("partnership starts too early",
					 "starts_on is %d days ago; commissions of days more than %d days ago have been told.",
					 today - starts_on, rules->settings.late_posting_days);
}

/*
 * set_partnership(merchant_id, tier, commission_rate, starts_on, ends_on, notes)
 */
Datum
swipesavvy_set_partnership(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAudit audit = {.resource = "partnership", .action = "set"};
	pg_uuid_t *merchant_id;
	char *tier;
	bool trial;
	DateADT starts_on;
	DateADT ends_on;
	Datum values[6];
	bool nulls[6] = {false};

	ss_call_enter(&call, SS_ADMIN);
	merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	audit.resource_id = ss_uuid_text(merchant_id);
	tier = ss_arg_text(fcinfo, 1, "tier", SS_KEY_MAX, true);
	trial = ss_check_choice(tier, "tier", tiers) == TRIAL;
	values[2] = Int32GetDatum((int32) ss_scaled_from_numeric(ss_arg_numeric(fcinfo, 2, "commission_rate", true),
															 RATE_DECIMALS, 0, SS_RATE_SCALE, "commission_rate"));
	starts_on = ss_rules_day(ss_rules_get(), GetCurrentTransactionStartTimestamp());
	(void) ss_period_day_arg(fcinfo, 3, "starts_on", &starts_on);
	ends_on = starts_on + TRIAL_DAYS - 1;
	nulls[4] = !ss_period_day_arg(fcinfo, 4, "ends_on", &ends_on) && !trial;
	if (ends_on < starts_on)
		ss_bad_value("ends_on", "It is before starts_on.");
	ss_param_text(values, nulls, 5, ss_arg_text(fcinfo, 5, "notes", SS_TEXT_MAX, false));
	ss_param_pointer(values, nulls, 0, merchant_id);
	if (ss_query_latest(&lock_merchant, values, NULL) == 0)
		ss_not_found("merchant", audit.resource_id);
	check_start(starts_on);
	ss_param_text(values, nulls, 1, tier);
	values[3] = DateADTGetDatum(starts_on);
	values[4] = DateADTGetDatum(ends_on);
	ss_query_latest_rows(&insert_version, values, nulls, 1);
	ss_json_row(&json, NULL);
	ss_audit_write_rows(&call, &audit, (SSAuditRow){0}, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * get_partnership(merchant_id, on_date)
 */
Datum
swipesavvy_get_partnership(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Datum values[2];
	DateADT day;
	SSRows rows;
	SSRow row;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	values[0] = UUIDPGetDatum(ss_arg_uuid(fcinfo, 0, "merchant_id", true));
	day = ss_rules_day(ss_rules_get(), GetCurrentTransactionStartTimestamp());
	(void) ss_period_day_arg(fcinfo, 1, "on_date", &day);
	values[1] = DateADTGetDatum(day);
	rows = ss_rows_read(&find_in_force, values, NULL);
	if (rows.count == 0)
		ss_not_found("merchant", ss_uuid_text(DatumGetUUIDP(values[0])));
	row = ss_row(rows, 0);
	ss_json_open_object(&json, NULL);
	ss_json_columns(&json, row);
	ss_json_date(&json, "on_date", day);
	(void) ss_query_read(&list_versions, values, NULL);
	ss_json_rows(&json, "history");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
