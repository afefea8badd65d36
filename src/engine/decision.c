/*
 * decision.c: stores and reads decision records (decision.h).
 *
 * Called by the award engine and by explain_award. A record is a version byte,
 * the number of candidates, and for each kept one its campaign_no, version
 * (both as base-128 varints) and reason: about four bytes a candidate.
 */
#include "postgres.h"

#include "base/compat.h"
#include "engine/decision.h"

#define FEW_CANDIDATES 8
#define FORMAT_VERSION 1
#define MAX_VARINT	   5
#define MAX_STORED	   (1 + MAX_VARINT + SS_DECISION_MAX * (2 * MAX_VARINT + 1))

static const char *const reason_names[SS_REASONS] = {
	NULL,		 "status",	"amount",	 "start_date", "end_date", "currency",		 "merchant",
	"category",	 "segment", "min_spend", "ab_group",   "hold_out", "per_user_limit", "daily_limit",
	"exclusive", "no_gain", "budget"};

const char *
ss_reason_name(SSReason reason)
{
	return reason_names[reason];
}

/* Which record gives way when there is no more room: a lower rank to a higher one. */
static int
rank(SSReason reason)
{
	if (reason == SS_APPLIED)
		return 2;
	return reason >= SS_NOT_PER_USER_LIMIT ? 1 : 0;
}

void
ss_decision_add(SSDecision *decision, int32 campaign_no, int32 version, SSReason reason)
{
	int place = decision->kept;

	decision->count++;
	if (place < SS_DECISION_MAX)
	{
		/* room for eight, then for the maximum */
		if (place == 0)
			decision->candidates = palloc(FEW_CANDIDATES * sizeof(SSCandidate));
		else if (place == FEW_CANDIDATES)
			decision->candidates = repalloc(decision->candidates, SS_DECISION_MAX * sizeof(SSCandidate));
		decision->kept++;
	}
	else
	{
		do
			place--;
		while (place >= 0 && rank(decision->candidates[place].reason) >= rank(reason));
		if (place < 0)
			return;
	}
	decision->candidates[place] = (SSCandidate){campaign_no, version, reason};
}

static unsigned char *
put_varint(unsigned char *p, uint32 value)
{
	while (value >= 0x80)
	{
		*p++ = (unsigned char) (value | 0x80);
		value >>= 7;
	}
	*p++ = (unsigned char) value;
	return p;
}

static uint32
get_varint(const unsigned char **p, const unsigned char *end)
{
	uint32 value = 0;

	for (int shift = 0; shift < 35 && *p < end; shift += 7)
	{
		unsigned char byte = *(*p)++;

		value |= (uint32) (byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return value;
	}
	ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("decision record of a purchase is damaged"));
}

bytea *
ss_decision_encode(const SSDecision *decision)
{
	bytea *stored = palloc(VARHDRSZ + MAX_STORED);
	unsigned char *start = (unsigned char *) VARDATA(stored);
	unsigned char *p = start;

	*p++ = FORMAT_VERSION;
	p = put_varint(p, decision->count);
	for (int i = 0; i < decision->kept; i++)
	{
		p = put_varint(p, decision->candidates[i].campaign_no);
		p = put_varint(p, decision->candidates[i].version);
		*p++ = (unsigned char) decision->candidates[i].reason;
	}
	SET_VARSIZE(stored, VARHDRSZ + (p - start));
	return stored;
}

void
ss_decision_decode(const bytea *stored, SSDecision *decision)
{
	const unsigned char *p = (const unsigned char *) VARDATA_ANY(stored);
	const unsigned char *end = p + VARSIZE_ANY_EXHDR(stored);
	int count;

	memset(decision, 0, sizeof(*decision));
	if (p == end || *p++ != FORMAT_VERSION)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("decision record of a purchase is damaged"));
	count = (int) get_varint(&p, end);
	while (p < end)
	{
		int32 campaign_no = (int32) get_varint(&p, end);
		int32 version = (int32) get_varint(&p, end);

		if (p == end || *p >= SS_REASONS)
			ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("decision record of a purchase is damaged"));
		ss_decision_add(decision, campaign_no, version, (SSReason) *p++);
	}
	decision->count = count;
}
