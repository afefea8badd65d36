/*
 * http.c: requests over HTTP by libcurl's multi interface (http.h).
 *
 * A library of its own, which the background worker loads once it has a request
 * to send. libcurl tells which sockets it waits for; they are in one epoll
 * instance, so that the caller has one descriptor to wait for. The state is
 * static and of one process; there are no locks.
 *
 * Signals are blocked while libcurl runs: its threads, which look up names,
 * inherit that, and a handler of the server's never runs in one of them. Nothing
 * in a callback may throw an error past libcurl, or use the server's memory.
 *
 * Where the endpoint is hostile: time, length of the head and of the answer are
 * limited, redirects are not followed, neither proxies nor cookies nor other
 * protocols are used, certificates and the address (address.h) are checked.
 * What the other side sent is thrown away: it may repeat a secret of ours, and
 * errors are shown.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "fmgr.h"
#include "lib/ilist.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "http/address.h"
#include "http/http.h"

#if LIBCURL_VERSION_NUM < 0x074b00
#error "swipesavvy needs libcurl 7.75 or later"
#endif

PG_MODULE_MAGIC;

#define CONNECT_MS 5000
#define ANSWER_MAX 65536 /* bytes of a body, and of all heads of an answer */
#define IDLE_MAX   32	 /* connections kept for the next request */
#define CA_SECONDS 60	 /* how long a file of certificates is remembered */
#define EVENTS	   64

/* A request on its way. */
typedef struct Transfer
{
	dlist_node node; /* in transfers */
	CURL *easy;
	struct curl_slist *headers;
	void *cookie;
	bool encrypted;
	bool too_long;
	SSHRefusal refusal;				/* of an address that the host has */
	char address[INET6_ADDRSTRLEN]; /* that one */
	size_t head_bytes;
	size_t body_bytes;
	char detail[CURL_ERROR_SIZE];
} Transfer;

static CURLM *multi = NULL;
static int epoll_fd = -1;
static int64 wake_at = -1; /* by now_ms(), what libcurl asked for; -1 = nothing */
static MemoryContext context = NULL;
static dlist_head transfers = DLIST_STATIC_INIT(transfers);
static char *ca_file = NULL;

extern PGDLLEXPORT const SSHApi *swipesavvy_http_api(void);

/* --- signals and time --------------------------------------------------------------------- */

static sigset_t unblocked;

static void
block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &unblocked);
}

static void
unblock_signals(void)
{
	pthread_sigmask(SIG_SETMASK, &unblocked, NULL);
}

static int64
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- what libcurl calls -------------------------------------------------------------------- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *fd_arg)
{
	struct epoll_event event = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE)
	{
		(void) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* one that is closed is gone by itself */
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return -1;
	return 0;
}

static int
on_timer(CURLM *handle, long ms, void *arg)
{
	wake_at = ms < 0 ? -1 : now_ms() + ms;
	return 0;
}

/* The address is known now, however it was written and whatever looked it up. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	Transfer *transfer = arg;
	SSHRefusal refusal = ssh_address_check(&address->addr, transfer->encrypted);
	curl_socket_t fd;

	if (refusal != SSH_ALLOWED)
	{
		const void *bytes = address->family == AF_INET
								? (const void *) &((struct sockaddr_in *) &address->addr)->sin_addr
								: (const void *) &((struct sockaddr_in6 *) &address->addr)->sin6_addr;

		transfer->refusal = refusal;
		if (inet_ntop(address->family, bytes, transfer->address, sizeof(transfer->address)) == NULL)
			strlcpy(transfer->address, "of an unknown kind", sizeof(transfer->address));
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd >= 0)
		ReserveExternalFD();
	return fd;
}

/* A connection outlives the request that it was made for. */
static int
close_socket(void *arg, curl_socket_t fd)
{
	ReleaseExternalFD();
	return close(fd);
}

/* Counts what came, and throws it away; 0, which ends the request, if it is too much. */
static size_t
take(Transfer *transfer, size_t *counter, size_t bytes)
{
	*counter += bytes;
	transfer->too_long |= *counter > ANSWER_MAX;
	return transfer->too_long ? 0 : bytes;
}

static size_t
take_head(char *data, size_t size, size_t count, void *arg)
{
	return take(arg, &((Transfer *) arg)->head_bytes, size * count);
}

static size_t
take_body(char *data, size_t size, size_t count, void *arg)
{
	return take(arg, &((Transfer *) arg)->body_bytes, size * count);
}

/* --- a request ------------------------------------------------------------------------------ */

#define SET(option, ...) (curl_easy_setopt(easy, option, __VA_ARGS__) == CURLE_OK)

/* What every request has; false if this libcurl does not know one of them. */
static bool
set_limits(CURL *easy, Transfer *transfer)
{
	bool done = SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_CONNECTTIMEOUT_MS, (long) CONNECT_MS) &&
				SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOPROXY, "*") &&
				SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1) &&
				SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
				SET(CURLOPT_SSL_VERIFYHOST, 2L) && SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
				SET(CURLOPT_OPENSOCKETDATA, transfer) && SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket) &&
				SET(CURLOPT_HEADERFUNCTION, take_head) && SET(CURLOPT_HEADERDATA, transfer) &&
				SET(CURLOPT_WRITEFUNCTION, take_body) && SET(CURLOPT_WRITEDATA, transfer) &&
				SET(CURLOPT_ERRORBUFFER, transfer->detail) && SET(CURLOPT_PRIVATE, transfer);

#if LIBCURL_VERSION_NUM >= 0x075500
	done = done && SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	done = done && SET(CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* a name server that does not answer must not keep the request's end waiting for its thread */
	done = done && SET(CURLOPT_QUICK_EXIT, 1L) && SET(CURLOPT_CA_CACHE_TIMEOUT, (long) CA_SECONDS);
#endif
	if (ca_file[0] != '\0')
		done = done && SET(CURLOPT_CAINFO, ca_file) && SET(CURLOPT_CAPATH, NULL);
	return done;
}

static bool
add_header(Transfer *transfer, const char *header)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, header);

	if (longer == NULL)
		return false;
	transfer->headers = longer;
	return true;
}

static bool
set_request(CURL *easy, Transfer *transfer, const SSHRequest *request)
{
	bool done = SET(CURLOPT_URL, request->url) && SET(CURLOPT_TIMEOUT_MS, (long) request->timeout_ms);

	/* not to wait for a "100 Continue" */
	done = done && add_header(transfer, "Expect:");
	for (const char *const *header = request->headers; done && *header != NULL; header++)
		done = add_header(transfer, *header);
	if (request->body != NULL)
		done = done && SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen(request->body)) &&
			   SET(CURLOPT_POSTFIELDS, request->body);
	if (request->user != NULL)
		done = done && SET(CURLOPT_USERPWD, request->user);
	if (request->aws_sigv4 != NULL)
		done = done && SET(CURLOPT_AWS_SIGV4, request->aws_sigv4);
	return done && SET(CURLOPT_CUSTOMREQUEST, request->method) && SET(CURLOPT_HTTPHEADER, transfer->headers);
}

/* Lets go of all it has, and of the secrets in its headers. */
static void
free_transfer(Transfer *transfer)
{
	if (transfer->easy != NULL)
	{
		(void) curl_multi_remove_handle(multi, transfer->easy); /* nothing if it is not there */
		curl_easy_cleanup(transfer->easy);
	}
	dlist_delete(&transfer->node);
	for (struct curl_slist *header = transfer->headers; header != NULL; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(transfer->headers);
	pfree(transfer);
}

static bool
send_request(const SSHRequest *request, void *cookie)
{
	Transfer *transfer = MemoryContextAllocExtended(context, sizeof(Transfer), MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
	bool sent;

	if (transfer == NULL)
		return false;
	dlist_push_tail(&transfers, &transfer->node);
	transfer->cookie = cookie;
	transfer->encrypted = pg_strncasecmp(request->url, "https:", 6) == 0;
	block_signals();
	transfer->easy = curl_easy_init();
	sent = transfer->easy != NULL && set_limits(transfer->easy, transfer) &&
		   set_request(transfer->easy, transfer, request) && curl_multi_add_handle(multi, transfer->easy) == CURLM_OK;
	if (!sent)
		free_transfer(transfer);
	unblock_signals();
	return sent;
}

/* --- the end of a request ------------------------------------------------------------------------ */

/*
 * Why there is no whole answer. What libcurl tells in detail of an answer may
 * quote it, and an answer may quote the request; so details are taken only of
 * what comes before, and of times.
 */
static void
tell_error(SSHResult *result, const Transfer *transfer, CURLcode code)
{
	const char *text = curl_easy_strerror(code);

	if (transfer->too_long)
		text = "the answer is too long";
	else if (code == CURLE_COULDNT_CONNECT && transfer->refusal != SSH_ALLOWED)
	{
		snprintf(result->error, sizeof(result->error),
				 transfer->refusal == SSH_NOT_PUBLIC
					 ? "the address %s is neither public nor in swipesavvy.private_networks"
					 : "http: without TLS to the address %s, which is not in swipesavvy.private_networks",
				 transfer->address);
		return;
	}
	else if (transfer->detail[0] != '\0' &&
			 (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT ||
			  code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
			  code == CURLE_SSL_CACERT_BADFILE))
		text = transfer->detail;
	strlcpy(result->error, text, sizeof(result->error));
	for (char *c = result->error; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

static bool
next_result(SSHResult *result)
{
	CURLMsg *message;
	Transfer *transfer;
	CURLcode code;
	long status = 0;
	curl_off_t retry_after = 0;
	int left;

	block_signals();
	do
		message = curl_multi_info_read(multi, &left);
	while (message != NULL && message->msg != CURLMSG_DONE);
	if (message == NULL)
	{
		unblock_signals();
		return false;
	}
	code = message->data.result;
	memset(result, 0, sizeof(*result));
	(void) curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
	result->cookie = transfer->cookie;
	if (code == CURLE_OK)
	{
		(void) curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
		(void) curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
		result->status = (int) status;
		result->retry_after = (int) Max(Min(retry_after, PG_INT32_MAX), 0);
	}
	else
		tell_error(result, transfer, code);
	free_transfer(transfer);
	unblock_signals();
	return true;
}

/* --- all of them ------------------------------------------------------------------------------- */

static void
work(void)
{
	struct epoll_event events[EVENTS];
	int count;
	int running;

	block_signals();
	do
	{
		count = epoll_wait(epoll_fd, events, EVENTS, 0);
		for (int i = 0; i < count; i++)
		{
			bool ended = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
			int what = (ended || (events[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
					   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) | (ended ? CURL_CSELECT_ERR : 0);

			(void) curl_multi_socket_action(multi, events[i].data.fd, what, &running);
		}
	} while (count == EVENTS);
	if (wake_at >= 0 && wake_at <= now_ms())
	{
		wake_at = -1;
		(void) curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	unblock_signals();
}

static int
timeout_ms(void)
{
	return wake_at < 0 ? -1 : (int) Max(Min(wake_at - now_ms(), PG_INT32_MAX), 0);
}

static int
descriptor(void)
{
	return epoll_fd;
}

static void
close_all(void)
{
	dlist_mutable_iter item;

	block_signals();
	dlist_foreach_modify(item, &transfers) free_transfer(dlist_container(Transfer, node, item.cur));
	if (multi != NULL)
		(void) curl_multi_cleanup(multi);
	unblock_signals();
	multi = NULL;
	if (epoll_fd >= 0)
	{
		(void) close(epoll_fd);
		ReleaseExternalFD();
		epoll_fd = -1;
	}
	wake_at = -1;
}

static void
open_all(const SSHConfig *config)
{
	static bool begun = false;
	bool done;

	close_all();
	ssh_address_configure(config->private_networks);
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "swipesavvy http", ALLOCSET_DEFAULT_SIZES);
	if (ca_file != NULL)
		pfree(ca_file);
	ca_file = MemoryContextStrdup(TopMemoryContext, config->ca_file);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		ereport(ERROR, errcode_for_socket_access(), errmsg("could not make an epoll instance: %m"));
	ReserveExternalFD();
	block_signals();
	if (!begun)
	{
		/* it would have the keys of connections written there */
		(void) unsetenv("SSLKEYLOGFILE");
		begun = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	}
	multi = begun ? curl_multi_init() : NULL;
	done = multi != NULL && curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
		   curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
		   curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) IDLE_MAX) == CURLM_OK;
	unblock_signals();
	if (!done)
		ereport(ERROR, errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("could not start libcurl"));
}

const SSHApi *
swipesavvy_http_api(void)
{
	static const SSHApi api = {open_all, send_request, descriptor, timeout_ms, work, next_result};

	return &api;
}
