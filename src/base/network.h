/*
 * network.h: networks in CIDR notation, for the check of the setting
 * swipesavvy.private_networks (guc.c) and for the library that obeys it
 * (src/http/). All inline, as that library shares no symbols with the main one.
 *
 * Every address is one of IPv6 here: those of IPv4 are in ::ffff:0:0/96, where
 * they are found whichever way they were written.
 */
#ifndef SS_NETWORK_H
#define SS_NETWORK_H

#include "postgres.h"

#include <sys/socket.h>

#include "utils/builtins.h"
#include "utils/inet.h"

typedef struct SSNetwork
{
	uint8 address[16];
	int bits;
} SSNetwork;

/* Does the address begin with the network's bits? */
static inline bool
ss_network_has(const SSNetwork *network, const uint8 *address)
{
	int bytes = network->bits / 8;
	int rest = network->bits % 8;

	return memcmp(network->address, address, bytes) == 0 &&
		   (rest == 0 || ((network->address[bytes] ^ address[bytes]) >> (8 - rest)) == 0);
}

/* The 16 bytes of an address of IPv4 */
static inline void
ss_network_map(uint8 *mapped, const void *four)
{
	memset(mapped, 0, 10);
	memset(mapped + 10, 0xff, 2);
	memcpy(mapped + 12, four, 4);
}

/* Reads 10.0.0.0/8, ::1/128 or one address; false if it is neither, or has bits after those of the network. */
static inline bool
ss_network_parse(const char *text, SSNetwork *network)
{
	bool six = strchr(text, ':') != NULL;
	uint8 bytes[16] = {0};

	network->bits = pg_inet_net_pton(six ? PGSQL_AF_INET6 : PGSQL_AF_INET, text, bytes, (size_t) -1);
	if (network->bits < 0)
		return false;
	if (six)
		memcpy(network->address, bytes, sizeof(bytes));
	else
	{
		network->bits += 96;
		ss_network_map(network->address, bytes);
	}
	for (int bit = network->bits; bit < 128; bit++)
	{
		if (network->address[bit / 8] & (0x80 >> (bit % 8)))
			return false;
	}
	return true;
}

#endif /* SS_NETWORK_H */
