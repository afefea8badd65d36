/*
 * flag_retention.c: lets go of what flags need no longer.
 *
 * Called by fold_flag_usage, each time for a bounded number of rows. What goes:
 * - registers of days that nobody is told of any more: the counts of a day stay
 *   for good, but 4 kB for a flag and day are a lot to keep for an estimate;
 * - variations kept of experiments that no rule and no A/B test has named for
 *   log_retention_days. The audit log of flags, which is kept, says when a rule
 *   went: an edit that is taken back within that time finds its users as they were;
 * - values of single users that expired so many days ago.
 * Archived flags keep all of theirs: they can be restored. No locks but those of the rows.
 */
#include "postgres.h"

#include "base/query.h"
#include "flags/usage.h"

#define ROWS_AT_ONCE 10000

/* What a flag's analytics tell at most, and so the days that their view needs. */
#define DAYS_TOLD "90"

#define LOG_DAYS                                                                                                       \
	"(SELECT (s.value #>> '{}')::integer FROM swipesavvy.system_settings s WHERE s.setting = 'log_retention_days')"
#define TIMEZONE	"(SELECT s.value #>> '{}' FROM swipesavvy.system_settings s WHERE s.setting = 'timezone')"
#define A_WHILE_AGO "statement_timestamp() - make_interval(days => " LOG_DAYS ")"

SS_QUERY(drop_registers,
		 "UPDATE swipesavvy.feature_flag_analytics SET registers = NULL"
		 " WHERE ctid = ANY (ARRAY(SELECT a.ctid FROM swipesavvy.feature_flag_analytics a WHERE a.registers IS NOT NULL"
		 "    AND a.day <= (statement_timestamp() AT TIME ZONE " TIMEZONE ")::date - " DAYS_TOLD " LIMIT $1))",
		 INT8OID);

/* The keys of experiments in the rules of a flag's document: a rule's own, or the flag's. */
#define KEYS_OF(document, key)                                                                                         \
	"SELECT coalesce(nullif(r.rule ->> 'key', ''), " key ") FROM jsonb_path_query(" document                           \
	", '$.rules[*] ? (exists (@.variations))') r (rule)"
SS_QUERY(
	drop_assignments,
	"WITH said (key, said_at) AS MATERIALIZED ("
	"    SELECT k.key, l.changed_at FROM swipesavvy.feature_flag_audit_log l JOIN swipesavvy.feature_flags f USING (flag_no)"
	"     CROSS JOIN LATERAL (" KEYS_OF("l.before", "f.flag_key") " UNION " KEYS_OF(
		"l.after",
		"f.flag_key") ") k (key)),"
					  " gone (key) AS MATERIALIZED ("
					  "    SELECT key FROM said GROUP BY key HAVING max(said_at) < " A_WHILE_AGO
					  "    EXCEPT SELECT k.key FROM swipesavvy.feature_flags f"
					  "     CROSS JOIN LATERAL (" KEYS_OF(
						  "jsonb_build_object('rules', f.rules)",
						  "f.flag_key") ") k (key)"
										"    EXCEPT SELECT t.test_key FROM swipesavvy.ab_tests t)"
										" DELETE FROM swipesavvy.feature_flag_assignments WHERE ctid = ANY (ARRAY("
										"    SELECT a.ctid FROM gone g JOIN swipesavvy.feature_flag_assignments a ON a.experiment_key = g.key LIMIT $1))",
	INT8OID);
SS_QUERY(drop_overrides,
		 "DELETE FROM swipesavvy.feature_flag_overrides WHERE ctid = ANY (ARRAY("
		 "    SELECT o.ctid FROM swipesavvy.feature_flag_overrides o WHERE o.expires_at < " A_WHILE_AGO " LIMIT $1))",
		 INT8OID);

bool
ss_flag_usage_let_go(void)
{
	SSQuery *const queries[] = {&drop_registers, &drop_assignments, &drop_overrides};
	Datum limit = Int64GetDatum(ROWS_AT_ONCE);
	bool more = false;

	for (size_t i = 0; i < lengthof(queries); i++)
		more |= ss_query_latest(queries[i], &limit, NULL) == ROWS_AT_ONCE;
	return more;
}
