/*
 * address.h: where requests may go (src/http/).
 */
#ifndef SSH_ADDRESS_H
#define SSH_ADDRESS_H

#include "postgres.h"

#include <sys/socket.h>

/* What is wrong with an address. */
typedef enum SSHRefusal
{
	SSH_ALLOWED,
	SSH_NOT_PUBLIC,	  /* and not one of the private networks */
	SSH_NOT_ENCRYPTED /* public, and the URL is of http */
} SSHRefusal;

/* Takes the value of swipesavvy.private_networks. Throws an error if it has something wrong in it. */
extern void ssh_address_configure(const char *private_networks);

/* May a request go there? Calls nothing of the server's: it runs inside libcurl. */
extern SSHRefusal ssh_address_check(const struct sockaddr *address, bool encrypted);

#endif /* SSH_ADDRESS_H */
