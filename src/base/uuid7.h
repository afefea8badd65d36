/*
 * uuid7.h: UUID version 7: ids that sort by the time they were made.
 */
#ifndef SS_UUID7_H
#define SS_UUID7_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* A new id, greater than every id made before it in this process. */
extern void ss_uuid7_make(pg_uuid_t *id);

/* The same, palloc'd. */
extern pg_uuid_t *ss_uuid7_new(void);

/* Where ids that are made from that moment on begin: none of before is greater. */
extern void ss_uuid7_least(pg_uuid_t *id, TimestampTz moment);

#endif /* SS_UUID7_H */
