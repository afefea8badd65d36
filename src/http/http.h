/*
 * http.h: what the library swipesavvy_http offers to the background worker, which
 * alone loads it, and only once it has a request to send.
 *
 * Requests are sent and answered without anybody waiting: fd() is readable, or
 * timeout_ms() has passed, when there is something to do; then work() does it,
 * and next() hands out what has come to its end. No callback, no error of the
 * server's is thrown but by open(), and nothing is logged.
 *
 * One process, one use of it: the state is static.
 */
#ifndef SSH_HTTP_H
#define SSH_HTTP_H

#include "postgres.h"

typedef struct SSHConfig
{
	const char *private_networks; /* swipesavvy.private_networks */
	const char *ca_file;		  /* swipesavvy.http_ca_file; empty = the system's */
} SSHConfig;

/* All text is the caller's, and has to stay as it is until next() or open(). NULL where there is none. */
typedef struct SSHRequest
{
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value", with a NULL after the last */
	const char *body;
	const char *aws_sigv4; /* to be signed with user, as CURLOPT_AWS_SIGV4 says */
	const char *user;	   /* "name:password" */
	int timeout_ms;		   /* from the lookup of the host to the end of the answer */
} SSHRequest;

typedef struct SSHResult
{
	void *cookie;
	int status;		 /* of HTTP; 0 = there was no whole answer, error says why */
	int retry_after; /* seconds; 0 = the answer did not say */
	char error[256]; /* plain ASCII, and nothing of what the other side sent */
} SSHResult;

typedef struct SSHApi
{
	/* Starts, anew with another configuration where it had been: what was on its way is forgotten. Throws errors. */
	void (*open)(const SSHConfig *config);
	/* Begins a request; false if there is no memory for it. */
	bool (*send)(const SSHRequest *request, void *cookie);
	/* One fd for all connections, until the next open() */
	int (*fd)(void);
	/* Until work() is to be called whatever fd() says; -1 = no matter when */
	int (*timeout_ms)(void);
	void (*work)(void);
	/* The next request that has ended; false if there is none. */
	bool (*next)(SSHResult *result);
} SSHApi;

/* The function to look up in the library */
#define SSH_API_FUNCTION "swipesavvy_http_api"
typedef const SSHApi *(*SSHApiFunction)(void);

#endif /* SSH_HTTP_H */
