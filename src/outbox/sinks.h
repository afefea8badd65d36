/*
 * sinks.h: what the files of sinks share: the rows of sinks, read and named.
 */
#ifndef SS_SINKS_H
#define SS_SINKS_H

#include "postgres.h"

#include "outbox/outbox.h"
#include "outbox/sink_kinds.h"

/* Characters of a sink's name. */
#define SS_SINK_NAME_MAX 63

/* So many failures in a row, and a sink gets one request at a time to see whether it is back. */
#define SS_SINK_BROKEN		5
#define SS_SINK_BROKEN_TEXT "5"

/* A message of the outbox for a sink that is neither delivered nor given up. */
#define SS_SINK_IS_OPEN(m) SS_OUTBOX_IS_OPEN(m) " AND " m ".sink IS NOT NULL"

/* The columns of a query that ss_sink_read reads, with `s` for sinks and `k` for sink_secrets. */
#define SS_SINK_COLUMNS "s.sink, s.kind, s.url, s.options, k.value"
#define SS_SINK_TABLES	"swipesavvy.sinks s LEFT JOIN swipesavvy_private.sink_secrets k ON k.secret = s.secret"

/* True if the table sinks can have rows. Cheap: it looks at the file's size only, so the outbox can ask on every message. */
extern bool ss_sinks_exist(void);

/* Reads a sink: SS_SINK_COLUMNS. What SPI holds of its secret is overwritten, the copy is for ss_sink_forget. */
extern void ss_sink_read(SSRow *row, SSSink *sink);
extern void ss_sink_forget(SSSink *sink);

/* 22023 naming the argument, unless the name is one of lower case letters, digits, _ and -. */
extern void ss_sink_check_name(const char *name, const char *argument);

/* 22023 naming the argument, unless it is the name of an event that a sink of the kind can get, or such a pattern ("alert.*"). */
extern void ss_sink_check_event(const char *kind, const char *event, const char *argument, bool is_pattern);

#endif /* SS_SINKS_H */
