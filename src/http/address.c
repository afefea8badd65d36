/*
 * address.c: where requests may go: to public addresses, and to those of
 * swipesavvy.private_networks; without TLS to the latter only.
 *
 * Called by http.c with the address that a connection is about to be made to,
 * whatever name or notation it came from: a name that resolves to something
 * else the next time gains nothing. Static state, of one process.
 */
#include "postgres.h"

#include <netinet/in.h>

#include "utils/memutils.h"
#include "utils/varlena.h"

#include "base/network.h"
#include "http/address.h"

/* Of IPv6 only these are public at all: 2000::/3, and what stands for an address of IPv4. */
static const char *const unicast[] = {"2000::/3", "::ffff:0:0/96"};

/* And within them not these (IANA's registries of special-purpose addresses, and multicast) */
static const char *const special[] = {
	"0.0.0.0/8",	  "10.0.0.0/8",	  "100.64.0.0/10",	"127.0.0.0/8",	  "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24",	  "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",	"198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/3",  "2001::/23", /* Teredo and ORCHID among them */
	"2001:db8::/32",  "2002::/16",	  "3fff::/20"};

typedef struct Networks
{
	int count;
	SSNetwork *list;
} Networks;

static Networks public_ones;
static Networks special_ones;
static Networks private_ones; /* of the setting */

static void
add_network(Networks *networks, const char *text)
{
	if (!ss_network_parse(text, &networks->list[networks->count++]))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" is no network", text));
}

static void
make_room(Networks *networks, int count)
{
	if (networks->list != NULL)
		pfree(networks->list);
	networks->count = 0;
	networks->list = MemoryContextAlloc(TopMemoryContext, Max(count, 1) * sizeof(SSNetwork));
}

static void
take_all(Networks *networks, const char *const *texts, int count)
{
	make_room(networks, count);
	for (int i = 0; i < count; i++)
		add_network(networks, texts[i]);
}

void
ssh_address_configure(const char *private_networks)
{
	char *text = pstrdup(private_networks);
	List *names;
	ListCell *cell;

	take_all(&public_ones, unicast, lengthof(unicast));
	take_all(&special_ones, special, lengthof(special));
	if (!SplitIdentifierString(text, ',', &names))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("swipesavvy.private_networks is no list"));
	make_room(&private_ones, list_length(names));
	foreach (cell, names)
		add_network(&private_ones, lfirst(cell));
	list_free(names);
	pfree(text);
}

static bool
is_in(const Networks *networks, const uint8 *address)
{
	for (int i = 0; i < networks->count; i++)
	{
		if (ss_network_has(&networks->list[i], address))
			return true;
	}
	return false;
}

SSHRefusal
ssh_address_check(const struct sockaddr *address, bool encrypted)
{
	uint8 bytes[16];

	if (address->sa_family == AF_INET)
		ss_network_map(bytes, &((const struct sockaddr_in *) address)->sin_addr);
	else if (address->sa_family == AF_INET6)
		memcpy(bytes, &((const struct sockaddr_in6 *) address)->sin6_addr, sizeof(bytes));
	else
		return SSH_NOT_PUBLIC;
	if (is_in(&private_ones, bytes))
		return SSH_ALLOWED;
	if (!is_in(&public_ones, bytes) || is_in(&special_ones, bytes))
		return SSH_NOT_PUBLIC;
	return encrypted ? SSH_ALLOWED : SSH_NOT_ENCRYPTED;
}
