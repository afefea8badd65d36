/*
 * console.c: the operators' page.
 *
 * SQL entry point. The page is for everybody, as it holds nothing: it signs in
 * and asks by the functions of the API, each of which checks its caller. Under
 * maintenance it is there, too, for the admins who end that. No locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/secret.h"
#include "call/call.h"
#include "call/gate.h"
#include "routes/console_page.h"

PG_FUNCTION_INFO_V1(swipesavvy_console);

/* A source of the policy: the one block with this text. */
static char *
source_of(const char *block)
{
	uint8 digest[SS_DIGEST_BYTES];

	ss_secret_digest(block, strlen(block), digest);
	return psprintf("'sha256-%s'", ss_secret_base64(digest, sizeof(digest)));
}

/*
 * A browser runs and shows the two blocks of the page and nothing else, speaks
 * with the host that the page came from, and shows it in no frame. It asks
 * each time whether there is a newer page.
 */
static void
add_headers(void)
{
	ss_gate_add_header("Cache-Control", "no-cache");
	ss_gate_add_header("Content-Security-Policy",
					   psprintf("default-src 'none'; connect-src 'self'; script-src %s; style-src %s; img-src data:; "
								"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
								source_of(ss_console_script), source_of(ss_console_style)));
	ss_gate_add_header("X-Content-Type-Options", "nosniff");
	ss_gate_add_header("Referrer-Policy", "no-referrer");
}

/*
 * console()
 */
Datum
swipesavvy_console(PG_FUNCTION_ARGS)
{
	SSCall call;

	add_headers(); /* before anybody else says how long it may be kept */
	ss_call_enter(&call, SS_ANYONE | SS_IN_MAINTENANCE | SS_TEMPORARY);
	ss_call_leave(&call);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s%s%s%s%s", ss_console_before_style, ss_console_style,
											  ss_console_before_script, ss_console_script, ss_console_end)));
}
