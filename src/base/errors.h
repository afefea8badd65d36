/*
 * errors.h: the error codes of the API, and the few ways to raise them; those
 * that refuse a caller stand in call/refusal.h.
 *
 * Every error a caller can cause has a constant message per cause (names of
 * ours at most) and the caller's own value in the detail only: PostgREST sends
 * the message of a PTxxx error as the HTTP reason phrase.
 */
#ifndef SS_ERRORS_H
#define SS_ERRORS_H

#include "postgres.h"

#include "base/compat.h"

#define SS_ERRCODE_BAD_STATE	   MAKE_SQLSTATE('P', 'T', '4', '0', '0')
#define SS_ERRCODE_UNAUTHENTICATED MAKE_SQLSTATE('P', 'T', '4', '0', '1')
#define SS_ERRCODE_NOT_FOUND	   MAKE_SQLSTATE('P', 'T', '4', '0', '4')
#define SS_ERRCODE_EXHAUSTED	   MAKE_SQLSTATE('P', 'T', '4', '0', '9')
#define SS_ERRCODE_RATE_LIMIT	   MAKE_SQLSTATE('P', 'T', '4', '2', '9')
#define SS_ERRCODE_MAINTENANCE	   MAKE_SQLSTATE('P', 'T', '5', '0', '3')

/* 22023: the argument's name goes into the message, what is wrong with the value into the detail */
pg_noreturn extern void ss_bad_value(const char *argument, const char *detail, ...) pg_attribute_printf(2, 3);

/* 22023 for an argument that must be given */
pg_noreturn extern void ss_missing_value(const char *argument);

/* PT404: "campaign not found", with the key that was looked for in the detail */
pg_noreturn extern void ss_not_found(const char *thing, const char *key);

/* PT400: not allowed in the present state; the message is a constant of ours */
pg_noreturn extern void ss_bad_state(const char *message, const char *detail, ...) pg_attribute_printf(2, 3);

/* PT409: a limit, budget or balance does not allow it */
pg_noreturn extern void ss_exhausted(const char *message, const char *detail, ...) pg_attribute_printf(2, 3);

/* 23505: a duplicate that an API function found before the index did */
pg_noreturn extern void ss_duplicate(const char *message, const char *detail, ...) pg_attribute_printf(2, 3);

/* PT401: the token is not valid */
pg_noreturn extern void ss_unauthenticated(const char *message, const char *detail);

/* 22003: a result that a bigint cannot hold */
pg_noreturn extern void ss_out_of_range(const char *quantity);

#endif /* SS_ERRORS_H */
