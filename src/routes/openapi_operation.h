/*
 * openapi_operation.h: a route as an operation of OpenAPI.
 */
#ifndef SS_OPENAPI_OPERATION_H
#define SS_OPENAPI_OPERATION_H

#include "postgres.h"

#include "base/json.h"
#include "routes/route_arguments.h"
#include "routes/routes.h"

/* The domain of a path, by which clients group operations. */
extern const char *ss_openapi_tag(const char *path);

/* The name of the schema of a function's answer: GetCampaignResult of get_campaign. */
extern char *ss_openapi_result_name(const char *function);

/* The operation, under its method. */
extern void ss_openapi_operation(SSJson *json, const SSRoute *route, const SSRouteFunction *function);

#endif /* SS_OPENAPI_OPERATION_H */
