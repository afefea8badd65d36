/*
 * guc.c: all settings swipesavvy.*.
 *
 * Called by _PG_init. None of them can be set by an ordinary user, and none is
 * a secret: any role can SHOW a setting.
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/guc.h"
#include "base/network.h"

char *ss_trusted_gateways = NULL;
bool ss_allow_drop = false;
bool ss_allow_restore = false;
bool ss_direct_tables = true;
int ss_max_slots = 16;

char *ss_databases = NULL;
int ss_health_interval = 10;

/* the background worker reads these by their names */
static char *private_networks = NULL;
static char *http_ca_file = NULL;

static bool
check_list(char **newval, void **extra, GucSource source)
{
	char *names = pstrdup(*newval);
	List *list;
	bool valid = SplitIdentifierString(names, ',', &list);

	if (!valid)
		GUC_check_errdetail("List syntax is invalid.");
	pfree(names);
	list_free(list);
	return valid;
}

static bool
check_networks(char **newval, void **extra, GucSource source)
{
	char *names = pstrdup(*newval);
	List *list;
	ListCell *cell;
	SSNetwork network;
	bool valid = check_list(newval, extra, source) && SplitIdentifierString(names, ',', &list);

	if (!valid)
	{
		pfree(names);
		return false;
	}
	foreach (cell, list)
	{
		if (!ss_network_parse(lfirst(cell), &network))
		{
			GUC_check_errdetail("\"%s\" is no network such as 10.0.0.0/8 or fd00::/8.", (char *) lfirst(cell));
			valid = false;
			break;
		}
	}
	pfree(names);
	list_free(list);
	return valid;
}

void
ss_guc_define(void)
{
	DefineCustomStringVariable("swipesavvy.trusted_gateways", "Roles whose sessions' request.jwt.claims are believed.",
							   "A comma-separated list of the roles that PostgREST logs in as. Empty: no one.",
							   &ss_trusted_gateways, "", PGC_SUSET, GUC_LIST_INPUT, check_list, NULL, NULL);
	DefineCustomBoolVariable("swipesavvy.allow_drop", "Allows dropping the extension although its ledger has entries.",
							 NULL, &ss_allow_drop, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("swipesavvy.allow_restore",
							 "Allows inserting the rows of a dump into a database that is in use.", NULL,
							 &ss_allow_restore, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("swipesavvy.direct_tables",
							 "Lets the award engine read and write its tables without the executor.",
							 "Off for comparison only: what is recorded is the same.", &ss_direct_tables, true,
							 PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomIntVariable("swipesavvy.max_slots",
							"Slots over which a campaign's budget or a day of its daily limit is split, at most.",
							"They become more while purchases at the same time compete for them.", &ss_max_slots, 16, 1,
							64, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"swipesavvy.databases", "Databases that have background workers.",
		"A comma-separated list; names with capital letters in double quotes. Only when the library is preloaded.",
		&ss_databases, "", PGC_SIGHUP, GUC_LIST_INPUT, check_list, NULL, NULL);
	DefineCustomIntVariable("swipesavvy.health_interval",
							"How often the background worker samples the database's health.", NULL, &ss_health_interval,
							10, 1, 3600, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"swipesavvy.private_networks",
		"Networks that sinks may be in although they are not public, or are reached without TLS.",
		"A comma-separated list in CIDR notation. Empty: public addresses alone, by https.", &private_networks, "",
		PGC_SIGHUP, GUC_LIST_INPUT, check_networks, NULL, NULL);
	DefineCustomStringVariable("swipesavvy.http_ca_file",
							   "The certificates that sinks' certificates are checked against.", "Empty: the system's.",
							   &http_ca_file, "", PGC_SIGHUP, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("swipesavvy");
}
