/*
 * record_change.c: what is written down and sent out about a change of a
 * campaign.
 *
 * Called by whatever creates or changes one, with the campaign's row locked, in
 * the transaction of the change. Takes no locks.
 */
#include "postgres.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/query.h"
#include "campaigns/campaigns.h"
#include "outbox/outbox.h"

SS_QUERY(read_row, "SELECT c, now() FROM swipesavvy.campaigns c WHERE c.campaign_no = $1", INT4OID);

/* Of the states that the world outside hears of. */
static const struct
{
	const char *status;
	const char *event;
} events[] = {
	{"running", "campaign.launched"},
	{"paused", "campaign.paused"},
	{"completed", "campaign.completed"},
};

/* A message where the campaign has come into one of these states. */
static void
announce(const char *id, Jsonb *before, Jsonb *after, TimestampTz moment)
{
	static const char *const told[] = {"campaign_id", "name", "campaign_type", "status", "start_date",
									   "end_date",	  NULL};
	char *status = ss_document_text(after, "status", SS_KEY_MAX);
	SSJson json = {0};

	if (before == NULL || strcmp(ss_document_text(before, "status", SS_KEY_MAX), status) == 0)
		return;
	for (size_t i = 0; i < lengthof(events); i++)
	{
		if (strcmp(events[i].status, status) != 0)
			continue;
		ss_json_open_object(&json, NULL);
		for (int j = 0; told[j] != NULL; j++)
			ss_json_jsonb(&json, told[j], ss_json_as_jsonb(ss_document_get(after, told[j])));
		ss_json_text(&json, "previous_status", ss_document_text(before, "status", SS_KEY_MAX));
		ss_json_time(&json, "changed_at", moment);
		ss_json_close_object(&json);
		ss_outbox_put(events[i].event, 1, psprintf("campaign:%s", id), DatumGetJsonbP(ss_json_finish(&json)), NULL);
	}
}

void
ss_campaign_record(SSCall *call, int32 campaign_no, const char *action, Jsonb *before)
{
	Datum key = Int32GetDatum(campaign_no);
	SSAudit audit = {.resource = "campaign", .action = action};
	SSRow row = ss_row(ss_rows_write(&read_row, &key, NULL), 0);
	Jsonb *after = ss_next_document(&row, NULL);

	audit.resource_id = ss_document_text(after, "campaign_id", SS_KEY_MAX);
	ss_audit_write(call, &audit, before, after);
	announce(audit.resource_id, before, after, ss_next_time(&row));
}
