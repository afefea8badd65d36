/*
 * gateway.h: whether what the session says of its request is believed.
 */
#ifndef SS_GATEWAY_H
#define SS_GATEWAY_H

#include "postgres.h"

/* Is the session user one of swipesavvy.trusted_gateways, whose settings request.* we believe? */
extern bool ss_gateway_is_trusted(void);

/* The session user whose claims (request.jwt.claims) are not believed for want of that; NULL if there are none, or they are. */
extern const char *ss_gateway_ignored(void);

#endif /* SS_GATEWAY_H */
