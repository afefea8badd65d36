/*
 * deliveries.c: brings messages and reports to their sinks.
 *
 * Called by worker.c in the lane of health, between its jobs. What is to be sent
 * is in the database (claim_requests of the main library); it is claimed and
 * committed, sent with no transaction open (the library swipesavvy_http, loaded
 * with the first request there is), and what came of it recorded and committed.
 * What this process holds when it ends is claimed again: at least once.
 *
 * Each delivery is in one list: its sink's queue, `flying` or `finished`. A sink
 * has no more in flight than it may, and than is its share of what a process
 * can have open; others do not wait for it. All of a
 * request is in one piece of memory, which is wiped when it has been sent: there
 * are secrets in it. The state is static, of one process, without locks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/back_off.h"
#include "base/compat.h"
#include "http/http.h"
#include "worker/worker.h"

#define LOOK_MS		 1000 /* whether there is something to send that was not there before */
#define BACK_OFF_MAX 60000
#define STEP_MAX_MS	 10000 /* of a transaction */
#define QUEUE_MS	 30000 /* how long one waits here for its turn: its lease goes on meanwhile */
#define RECORD_COUNT 200   /* so many results are recorded at once, */
#define RECORD_MS	 50	   /* or those that are so old */
#define RECORD_MAX	 256   /* in one call */

typedef struct Sink
{
	dlist_node node;
	char *name;
	int max_in_flight;
	int in_flight;
	int deliveries; /* of it that are in one of the lists */
	bool paused;	/* one has failed: no more until that is recorded, and whether it is held is known */
	dlist_head queue;
} Sink;

typedef struct Delivery
{
	dlist_node node;
	Sink *sink;
	int64 queued_at;
	char *id;	   /* of the message; NULL = a report */
	char *through; /* the last sample in a report */
	SSHRequest request;
	size_t size; /* of data, which the texts of the request point into; 0 = it is wiped */
	char *data;
	int status; /* what came of it, see SSHResult */
	int retry_after;
	char *error;
	bool returned; /* it was not sent, or nobody waits for what comes of it */
} Delivery;

/* The texts of `claim`, in their order */
enum
{
	SINK,
	ID,
	THROUGH,
	METHOD,
	URL,
	BODY,
	AWS_SIGV4,
	USER_PASSWORD,
	TEXTS
};

/* $1 sinks, $2 how many deliveries of each are still here */
SS_QUERY(
	claim,
	"SELECT (c ->> 'wait_ms')::integer, r.max_in_flight,"
	"       r.sink, r.id, r.through, r.method, r.url, r.body, r.aws_sigv4, r.\"user\", r.headers, r.timeout_ms"
	"  FROM swipesavvy.claim_requests((SELECT coalesce(jsonb_object_agg(u.sink, u.n), '{}') FROM unnest($1, $2) u (sink, n))) c"
	"  LEFT JOIN jsonb_to_recordset(c -> 'requests') r (sink text, id text, through text, method text, url text, body text,"
	"       aws_sigv4 text, \"user\" text, headers text[], max_in_flight integer, timeout_ms integer) ON true",
	TEXTARRAYOID, INT4ARRAYOID);

SS_QUERY(
	record,
	"SELECT h.sink FROM swipesavvy.record_results((SELECT jsonb_agg(jsonb_build_object('sink', u.sink, 'id', u.id,"
	"            'through', u.through, 'status', u.status, 'error', u.error, 'retry_after', u.retry_after, 'returned', u.returned))"
	"          FROM unnest($1, $2, $3, $4, $5, $6, $7) u (sink, id, through, status, error, retry_after, returned))) c"
	" CROSS JOIN jsonb_array_elements_text(c -> 'held') h (sink)",
	TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, BOOLARRAYOID);

SS_QUERY(release, "SELECT swipesavvy.release_requests()");

static const SSHApi *http = NULL; /* NULL = there was nothing to send yet */
static SSHConfig config;		  /* that it is open with; in TopMemoryContext */
static WaitEventSet *events = NULL;
static MemoryContext context = NULL;

static dlist_head sinks = DLIST_STATIC_INIT(sinks);
static dlist_head flying = DLIST_STATIC_INIT(flying);
static dlist_head finished = DLIST_STATIC_INIT(finished);
static int flying_count = 0;
static int finished_count = 0;
static int64 finished_at;	/* the first of them */
static bool urgent = false; /* a sink waits for one of them to be recorded */

static bool released = false; /* what the process before had claimed */
static int64 claim_at = 0;	  /* when the next claim is due, */
static int64 record_at = 0;	  /* and not before when results may be recorded */
static int failures = 0;	  /* of claiming or recording, in a row */

/* --- sinks and deliveries ------------------------------------------------------------------- */

static Sink *
find_sink(const char *name)
{
	dlist_iter item;
	Sink *sink;

	dlist_foreach(item, &sinks)
	{
		sink = dlist_container(Sink, node, item.cur);
		if (strcmp(sink->name, name) == 0)
			return sink;
	}
	return NULL;
}

static Sink *
make_sink(const char *name)
{
	Sink *sink = MemoryContextAllocZero(context, sizeof(Sink));

	sink->name = MemoryContextStrdup(context, name);
	dlist_init(&sink->queue);
	dlist_push_tail(&sinks, &sink->node);
	return sink;
}

static void
wipe_request(Delivery *delivery)
{
	if (delivery->size == 0)
		return;
	explicit_bzero(delivery->data, delivery->size);
	pfree(delivery->data);
	delivery->size = 0;
}

/* Of a delivery that is in no list any more, and that may have no sink yet */
static void
free_delivery(Delivery *delivery)
{
	Sink *sink = delivery->sink;

	wipe_request(delivery);
	if (delivery->id != NULL)
		pfree(delivery->id);
	if (delivery->through != NULL)
		pfree(delivery->through);
	if (delivery->error != NULL)
		pfree(delivery->error);
	pfree(delivery);
	if (sink != NULL && --sink->deliveries == 0)
	{
		dlist_delete(&sink->node);
		pfree(sink->name);
		pfree(sink);
	}
}

static void
free_all(dlist_head *list)
{
	while (!dlist_is_empty(list))
		free_delivery(dlist_container(Delivery, node, dlist_pop_head_node(list)));
}

/* Its end, of one that is in no list. The result is in it already, or it goes back. */
static void
finish(Delivery *delivery, bool returned)
{
	wipe_request(delivery);
	delivery->returned = returned;
	dlist_push_tail(&finished, &delivery->node);
	if (finished_count++ == 0)
		finished_at = ssw_now_ms();
	urgent |= delivery->sink->paused || (delivery->sink->in_flight == 0 && dlist_is_empty(&delivery->sink->queue));
}

static void
return_queue(Sink *sink)
{
	while (!dlist_is_empty(&sink->queue))
		finish(dlist_container(Delivery, node, dlist_pop_head_node(&sink->queue)), true);
}

/* A slow sink must not have its messages wait here until others could claim them. */
static void
return_old(void)
{
	int64 oldest = ssw_now_ms() - QUEUE_MS;
	dlist_iter item;

	dlist_foreach(item, &sinks)
	{
		Sink *sink = dlist_container(Sink, node, item.cur);

		if (!dlist_is_empty(&sink->queue) && dlist_head_element(Delivery, node, &sink->queue)->queued_at < oldest)
			return_queue(sink);
	}
}

/* --- the library ------------------------------------------------------------------------------ */

static char *
setting(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return MemoryContextStrdup(TopMemoryContext, value == NULL ? "" : value);
}

static SSHConfig
read_settings(void)
{
	return (SSHConfig){setting("swipesavvy.private_networks"), setting("swipesavvy.http_ca_file")};
}

static void
free_settings(const SSHConfig *old)
{
	pfree(unconstify(char *, old->private_networks));
	pfree(unconstify(char *, old->ca_file));
}

/* Starts the library, anew if it had been, and waits for it as well from now on. */
static void
open_http(const SSHApi *api)
{
	if (events != NULL)
		FreeWaitEventSet(events);
	events = NULL;
	api->open(&config);
	events = ss_compat_create_wait_event_set(3);
	AddWaitEventToSet(events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(events, WL_SOCKET_READABLE, api->fd(), NULL, NULL);
}

static void
load_http(void)
{
	SSHApiFunction function;

	if (http != NULL)
		return;
	function = (SSHApiFunction) load_external_function("swipesavvy_http", SSH_API_FUNCTION, true, NULL);
	config = read_settings();
	open_http(function());
	http = function();
}

/* What is on its way goes back, and is sent again: the network may be one that is not allowed any more. */
void
ssw_configure_deliveries(void)
{
	SSHConfig old = config;

	if (http == NULL)
		return;
	config = read_settings();
	if (strcmp(config.private_networks, old.private_networks) == 0 && strcmp(config.ca_file, old.ca_file) == 0)
	{
		free_settings(&config);
		config = old;
		return;
	}
	free_settings(&old);
	open_http(http);
	while (!dlist_is_empty(&flying))
	{
		Delivery *delivery = dlist_container(Delivery, node, dlist_pop_head_node(&flying));

		delivery->sink->in_flight--;
		flying_count--;
		finish(delivery, true);
	}
}

/* The extension is gone, and with it all that there was to send. */
static void
forget_all(void)
{
	dlist_mutable_iter item;

	if (!dlist_is_empty(&flying))
		open_http(http);
	free_all(&flying);
	flying_count = 0;
	free_all(&finished);
	finished_count = 0;
	urgent = false;
	dlist_foreach_modify(item, &sinks)
	{
		Sink *sink = dlist_container(Sink, node, item.cur);

		sink->deliveries++; /* not to lose it with the last one of its queue */
		free_all(&sink->queue);
		dlist_delete(&sink->node);
		pfree(sink->name);
		pfree(sink);
	}
	released = false;
}

/* --- sending -------------------------------------------------------------------------------------- */

static void
send_one(Sink *sink)
{
	Delivery *delivery = dlist_container(Delivery, node, dlist_pop_head_node(&sink->queue));

	if (http->send(&delivery->request, delivery))
	{
		sink->in_flight++;
		flying_count++;
		dlist_push_tail(&flying, &delivery->node);
		return;
	}
	delivery->error = MemoryContextStrdup(context, "libcurl cannot send such a request");
	sink->paused = true;
	finish(delivery, false);
}

/*
 * A request has up to three files open (a socket, and two while its host is
 * looked up), and the server needs some, too: without one for the log it
 * panics. All sinks share what there is; the next time another one is first.
 */
static void
send_queued(void)
{
	int most = Max(max_safe_fds / 6, 8);
	int count = 0;
	int share;
	dlist_iter item;

	dlist_foreach(item, &sinks) count++;
	share = Max(most / Max(count, 1), 1);
	dlist_foreach(item, &sinks)
	{
		Sink *sink = dlist_container(Sink, node, item.cur);

		while (!sink->paused && sink->in_flight < Min(sink->max_in_flight, share) && flying_count < most &&
			   !dlist_is_empty(&sink->queue))
			send_one(sink);
	}
	if (count > most)
		dlist_push_tail(&sinks, dlist_pop_head_node(&sinks));
}

static void
take_results(void)
{
	SSHResult result;

	while (http->next(&result))
	{
		Delivery *delivery = result.cookie;

		dlist_delete(&delivery->node);
		delivery->sink->in_flight--;
		flying_count--;
		delivery->status = result.status;
		delivery->retry_after = result.retry_after;
		if (result.error[0] != '\0')
			delivery->error = MemoryContextStrdup(context, result.error);
		delivery->sink->paused |= result.status < 200 || result.status > 299;
		finish(delivery, false);
	}
}

/* --- claiming ------------------------------------------------------------------------------------- */

typedef struct Claimed
{
	bool there; /* is the extension? */
	int wait_ms;
	int count;
	dlist_head list; /* of deliveries whose sink is not set */
	char **sinks;	 /* their names and limits, in ssw_turn_context */
	int *in_flight;
} Claimed;

/* Copies a text to *end, and wipes it where it was. */
static char *
move_text(char **end, char *text)
{
	char *copy = *end;
	size_t size;

	if (text == NULL)
		return NULL;
	size = strlen(text) + 1;
	memcpy(copy, text, size);
	explicit_bzero(text, size);
	*end += size;
	return copy;
}

/* The headers that are next in a row, and how many bytes they take */
static char **
read_headers(SSRow *row, int *count, size_t *size)
{
	bool isnull;
	Datum array = ssw_next_value(row, TEXTARRAYOID, &isnull);
	Datum *items = NULL;
	bool *nulls = NULL;
	char **headers;

	*count = 0;
	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, count);
	headers = palloc((*count + 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
	{
		headers[i] = nulls[i] ? pstrdup("") : TextDatumGetCString(items[i]);
		*size += strlen(headers[i]) + 1;
	}
	headers[*count] = NULL;
	*size += (*count + 1) * sizeof(char *);
	return headers;
}

/* As it goes over the wire; what it was is wiped where that is another. */
static char *
to_wire(char *text)
{
	char *wire = text == NULL ? NULL : pg_server_to_any(text, strlen(text), PG_UTF8);

	if (wire != text)
		explicit_bzero(text, strlen(text));
	return wire;
}

/* The delivery that a row is: these texts, and what is next in it */
static Delivery *
read_delivery(SSRow *row, char **texts)
{
	Delivery *delivery = MemoryContextAllocZero(context, sizeof(Delivery));
	size_t size = 0;
	int count;
	char **headers = read_headers(row, &count, &size);
	char **list;
	char *end;

	texts[BODY] = to_wire(texts[BODY]);
	for (int i = METHOD; i < TEXTS; i++)
		size += texts[i] == NULL ? 0 : strlen(texts[i]) + 1;
	delivery->data = MemoryContextAllocHuge(context, size);
	delivery->size = size;
	list = (char **) delivery->data;
	end = delivery->data + (count + 1) * sizeof(char *);
	for (int i = 0; i <= count; i++)
		list[i] = move_text(&end, headers[i]);
	delivery->request = (SSHRequest){
		.method = move_text(&end, texts[METHOD]),
		.url = move_text(&end, texts[URL]),
		.headers = (const char *const *) list,
		.body = move_text(&end, texts[BODY]),
		.aws_sigv4 = move_text(&end, texts[AWS_SIGV4]),
		.user = move_text(&end, texts[USER_PASSWORD]),
		.timeout_ms = ssw_next_int32(row),
	};
	if (delivery->request.method == NULL || delivery->request.url == NULL || delivery->request.timeout_ms <= 0)
		elog(ERROR, "a request of sink \"%s\" is not complete", texts[SINK]);
	if (texts[ID] != NULL)
		delivery->id = MemoryContextStrdup(context, texts[ID]);
	if (texts[THROUGH] != NULL)
		delivery->through = MemoryContextStrdup(context, texts[THROUGH]);
	return delivery;
}

/* The rows of a claim. They are wiped, secrets and all. */
static void
read_claimed(Claimed *claimed, SSRows rows)
{
	claimed->sinks = MemoryContextAlloc(ssw_turn_context, rows.count * sizeof(char *));
	claimed->in_flight = MemoryContextAlloc(ssw_turn_context, rows.count * sizeof(int));
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ssw_row(rows, i);
		char *texts[TEXTS];
		int in_flight;

		claimed->wait_ms = ssw_next_int32(&row);
		in_flight = ssw_next_int32(&row);
		for (int t = 0; t < TEXTS; t++)
			texts[t] = ssw_next_text(&row);
		if (texts[SINK] != NULL)
		{
			claimed->sinks[claimed->count] = MemoryContextStrdup(ssw_turn_context, texts[SINK]);
			claimed->in_flight[claimed->count++] = Max(in_flight, 1);
			dlist_push_tail(&claimed->list, &read_delivery(&row, texts)->node);
		}
		explicit_bzero(row.tuple->t_data, row.tuple->t_len);
	}
}

/* What claim_requests() has to know: how many deliveries of each sink are here */
static void
count_unfinished(Datum *values)
{
	Datum *names;
	Datum *counts;
	dlist_iter item;
	int n = 0;

	dlist_foreach(item, &sinks) n++;
	names = palloc((n + 1) * sizeof(Datum));
	counts = palloc((n + 1) * sizeof(Datum));
	n = 0;
	dlist_foreach(item, &sinks)
	{
		Sink *sink = dlist_container(Sink, node, item.cur);

		names[n] = CStringGetTextDatum(sink->name);
		counts[n++] = Int32GetDatum(sink->deliveries);
	}
	values[0] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_array(counts, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
claim_requests(void *arg)
{
	Claimed *claimed = arg;
	Datum values[2];

	claimed->there = ssw_begin("claim_requests", STEP_MAX_MS);
	claimed->wait_ms = LOOK_MS;
	if (claimed->there)
	{
		if (!released)
			(void) ssw_run(&release, NULL, NULL);
		count_unfinished(values);
		read_claimed(claimed, ssw_run(&claim, values, NULL));
		if (claimed->count > 0)
			load_http(); /* where that fails, nothing has been claimed */
	}
	ssw_commit(claimed->there);
}

/* Puts what was claimed into the queues. */
static void
queue_claimed(Claimed *claimed)
{
	for (int i = 0; i < claimed->count; i++)
	{
		Delivery *delivery = dlist_container(Delivery, node, dlist_pop_head_node(&claimed->list));
		Sink *sink = find_sink(claimed->sinks[i]);

		if (sink == NULL)
			sink = make_sink(claimed->sinks[i]);
		sink->max_in_flight = claimed->in_flight[i];
		sink->deliveries++;
		delivery->sink = sink;
		delivery->queued_at = ssw_now_ms();
		dlist_push_tail(&sink->queue, &delivery->node);
	}
}

/* After a failure it is tried again later each time. */
static int64
back_off(void)
{
	return ss_back_off(LOOK_MS, BACK_OFF_MAX, ++failures);
}

static void
claim_due(void)
{
	Claimed claimed = {0};

	dlist_init(&claimed.list);
	MemoryContextReset(ssw_turn_context);
	if (ssw_attempt(claim_requests, &claimed, true) != NULL)
	{
		free_all(&claimed.list);
		claim_at = ssw_now_ms() + back_off();
		return;
	}
	failures = 0;
	claim_at = ssw_now_ms() + LOOK_MS;
	if (!claimed.there)
	{
		forget_all();
		return;
	}
	released = true;
	queue_claimed(&claimed);
	/* 0: there is more than it may give now; the next results make room */
	if (claimed.wait_ms > 0)
		claim_at = ssw_now_ms() + Min(claimed.wait_ms, LOOK_MS);
}

/* --- recording -------------------------------------------------------------------------------------- */

typedef struct Recorded
{
	int count;	/* of those that were finished, from the first on */
	List *held; /* names, in ssw_turn_context */
} Recorded;

static Datum
array_of(Datum *items, bool *nulls, int count, Oid type, int16 size, bool by_value, char align)
{
	return PointerGetDatum(construct_md_array(items, nulls, 1, &count, (int[]){1}, type, size, by_value, align));
}

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static void
record_results(void *arg)
{
	Recorded *recorded = arg;
	Datum items[7][RECORD_MAX];
	bool nulls[7][RECORD_MAX] = {{false}};
	Datum values[7];
	bool there = ssw_begin("record_results", STEP_MAX_MS);
	int n = 0;
	dlist_iter item;
	SSRows rows;

	dlist_foreach(item, &finished)
	{
		Delivery *delivery = dlist_container(Delivery, node, item.cur);

		items[0][n] = CStringGetTextDatum(delivery->sink->name);
		items[1][n] = text_or_null(delivery->id, &nulls[1][n]);
		items[2][n] = text_or_null(delivery->through, &nulls[2][n]);
		items[3][n] = Int32GetDatum(delivery->status);
		items[4][n] = text_or_null(delivery->error, &nulls[4][n]);
		items[5][n] = Int32GetDatum(delivery->retry_after);
		nulls[5][n] = delivery->retry_after == 0;
		items[6][n] = BoolGetDatum(delivery->returned);
		if (++n == RECORD_MAX)
			break;
	}
	recorded->count = n;
	if (there)
	{
		for (int i = 0; i < 5; i++)
			values[i] =
				array_of(items[i], nulls[i], n, i == 3 ? INT4OID : TEXTOID, i == 3 ? 4 : -1, i == 3, TYPALIGN_INT);
		values[5] = array_of(items[5], nulls[5], n, INT4OID, sizeof(int32), true, TYPALIGN_INT);
		values[6] = array_of(items[6], nulls[6], n, BOOLOID, 1, true, TYPALIGN_CHAR);
		rows = ssw_run(&record, values, NULL);
		for (uint64 i = 0; i < rows.count; i++)
		{
			SSRow row = ssw_row(rows, i);
			MemoryContext old = MemoryContextSwitchTo(ssw_turn_context);

			recorded->held = lappend(recorded->held, ssw_next_text(&row));
			MemoryContextSwitchTo(old);
		}
	}
	ssw_commit(there);
}

static void
record_finished(void)
{
	Recorded recorded = {0};
	ListCell *cell;

	MemoryContextReset(ssw_turn_context);
	if (ssw_attempt(record_results, &recorded, true) != NULL)
	{
		record_at = ssw_now_ms() + back_off();
		claim_at = Max(claim_at, record_at);
		return;
	}
	failures = 0;
	for (int i = 0; i < recorded.count; i++)
	{
		Delivery *delivery = dlist_container(Delivery, node, dlist_pop_head_node(&finished));

		delivery->sink->paused = false;
		free_delivery(delivery);
	}
	finished_count -= recorded.count;
	urgent = finished_count > 0;
	foreach (cell, recorded.held)
	{
		Sink *sink = find_sink(lfirst(cell));

		if (sink != NULL)
			return_queue(sink);
	}
	/* there is room for more, and what came next in order may be claimed now */
	claim_at = ssw_now_ms();
}

/* --- a turn -------------------------------------------------------------------------------------------- */

/* When the results that there are have to be recorded */
static int64
record_due(void)
{
	int64 due = finished_count >= RECORD_COUNT || urgent ? finished_at : finished_at + RECORD_MS;

	return Max(due, record_at);
}

int
ssw_deliver(void)
{
	int64 next;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "swipesavvy deliveries", ALLOCSET_DEFAULT_SIZES);
	if (http != NULL)
	{
		http->work();
		take_results();
		send_queued();
		return_old();
	}
	if (finished_count > 0 && ssw_now_ms() >= record_due())
		record_finished();
	if (ssw_now_ms() >= claim_at)
	{
		claim_due();
		if (http != NULL)
			send_queued();
	}
	next = claim_at;
	if (finished_count > 0)
		next = Min(next, record_due());
	next -= ssw_now_ms();
	if (http != NULL && http->timeout_ms() >= 0)
		next = Min(next, http->timeout_ms());
	return (int) Max(Min(next, LOOK_MS), 0);
}

void
ssw_wait(int ms)
{
	WaitEvent event;

	if (ms <= 0)
		return;
	if (events == NULL)
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_EXTENSION);
	else
		(void) WaitEventSetWait(events, ms, &event, 1, PG_WAIT_EXTENSION);
}
