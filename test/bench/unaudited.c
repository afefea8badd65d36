/*
 * unaudited.c: the library without audit rows, for the benchmark alone.
 *
 * bench.sh links the product's own objects once more with this one and with
 * --wrap for the two functions below, so that a call does all that it does but
 * write its row. Nothing of it is installed anywhere else.
 */
#include "postgres.h"

#include "audit.h"

extern void __wrap_ss_audit_write(SSCall *call, const SSAudit *audit, Jsonb *before, Jsonb *after);
extern void __wrap_ss_audit_write_rows(SSCall *call, const SSAudit *audit, SSAuditRow before, SSAuditRow after);

void
__wrap_ss_audit_write(SSCall *call, const SSAudit *audit, Jsonb *before, Jsonb *after)
{
	ss_audit_none(call);
}

void
__wrap_ss_audit_write_rows(SSCall *call, const SSAudit *audit, SSAuditRow before, SSAuditRow after)
{
	ss_audit_none(call);
}
