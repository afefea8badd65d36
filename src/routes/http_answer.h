/*
 * http_answer.h: what PostgREST answers a request of a route with.
 */
#ifndef SS_HTTP_ANSWER_H
#define SS_HTTP_ANSWER_H

#include "postgres.h"

#include "routes/http_request.h"
#include "routes/routes.h"

/* PT405: the path has other methods; raised by http_entry.c alone */
#define SS_ERRCODE_METHOD MAKE_SQLSTATE('P', 'T', '4', '0', '5')

/* Forgets what another request of the same transaction was answered with. */
extern void ss_http_answer_begin(void);

/*
 * The answer of the function, as text, with status and headers. `result` is a
 * jsonb or, of a file, a text.
 */
extern text *ss_http_answer(const SSRoute *route, const SSHttpRequest *request, Datum result, bool isnull);

/* Is an error of this code answered here? What is the server's own goes on to PostgREST, and into the server's log. */
extern bool ss_http_is_answered(int sqlerrcode);

/* The answer of an error: PostgREST's body, with "error" besides, which older clients read. */
extern text *ss_http_answer_error(const ErrorData *error, const SSHttpRequest *request);

#endif /* SS_HTTP_ANSWER_H */
