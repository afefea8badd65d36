/*
 * currencies.c: add_currency: a currency that the list does not have.
 *
 * SQL entry point. The row is of the programme and not of the release, so a
 * dump has it. Sessions learn of it as of any other change of the rules.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "call/call.h"

PG_FUNCTION_INFO_V1(swipesavvy_add_currency);

#define CODE_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define CODE_LENGTH	 3

SS_QUERY(insert_currency,
		 "INSERT INTO swipesavvy.currencies (code, minor_unit, name) VALUES ($1, $2, coalesce($3, $1))"
		 " ON CONFLICT (code) DO NOTHING RETURNING code, minor_unit AS exponent, name",
		 TEXTOID, INT4OID, TEXTOID);

static void
check_code(const char *code)
{
	if (strlen(code) != CODE_LENGTH || strspn(code, CODE_LETTERS) != CODE_LENGTH)
		ss_bad_value("code", "\"%s\" is not made of three capital letters.", code);
}

/*
 * add_currency(code, exponent, name): code, exponent and name of the new
 * currency; 23505 if there is one of that code
 */
Datum
swipesavvy_add_currency(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *code;
	Datum values[3];
	bool nulls[3];

	ss_call_enter(&call, SS_ADMIN);
	code = ss_arg_text(fcinfo, 0, "code", SS_NAME_MAX, true);
	check_code(code);
	ss_param_text(values, nulls, 0, code);
	values[1] = Int32GetDatum((int32) ss_arg_int4(fcinfo, 1, "exponent", 0, SS_MAX_EXPONENT, NULL));
	nulls[1] = false;
	ss_param_text(values, nulls, 2, ss_arg_text(fcinfo, 2, "name", SS_NAME_MAX, false));
	if (ss_query_write(&insert_currency, values, nulls) == 0)
		ss_duplicate("a currency with this code exists already", "The code is \"%s\".", code);
	ss_json_row(&json, NULL);
	ss_audit_write_rows(&call, &(SSAudit){.resource = "currency", .action = "add", .resource_id = code},
						(SSAuditRow){0}, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
