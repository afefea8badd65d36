/*
 * measure.c: what the health lane measures: the server's own figures, by
 * pg_monitor's rights, and the room on its disks.
 *
 * Called by worker.c. The statement reads nothing but the server's views and
 * functions, so that nobody's code runs in it; what it finds goes to
 * record_health() with the rights of swipesavvy_admin. Where a figure cannot
 * be known it is null.
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/statvfs.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "worker/worker.h"

/* How full the file system of a directory is, in percent as df says it; -1 if that cannot be known. */
static double
used_percent(const char *directory)
{
	struct statvfs info;
	double used;

	if (statvfs(directory, &info) != 0)
		return -1;
	used = (double) info.f_blocks - (double) info.f_bfree;
	/* what only root may fill is not there */
	return 100.0 * used / Max(used + (double) info.f_bavail, 1);
}

double
ssw_disk_percent(void)
{
	double worst = Max(used_percent("."), used_percent("pg_wal"));
	DIR *tablespaces = AllocateDir("pg_tblspc");
	struct dirent *entry;

	while ((entry = ReadDirExtended(tablespaces, "pg_tblspc", LOG)) != NULL)
	{
		char path[MAXPGPATH];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "pg_tblspc/%s", entry->d_name);
		worst = Max(worst, used_percent(path));
	}
	FreeDir(tablespaces);
	return worst;
}

#if PG_VERSION_NUM >= 170000
#define CHECKPOINTS "SELECT num_requested, num_timed FROM pg_stat_checkpointer"
#else
#define CHECKPOINTS "SELECT checkpoints_req, checkpoints_timed FROM pg_stat_bgwriter"
#endif

/*
 * $1 how full the disks are, $2 what the commit before took, $3 is the database to be measured, which looks at each of
 * its files. A backup that is being taken is no replica, and one that
 * has come back before its old connection ended is not two.
 */
SSQuery ssw_measure = SS_QUERY_OF(
	"SELECT jsonb_strip_nulls(jsonb_build_object("
	"'disk_percent', $1, 'commit_ms', $2,"
	"'database_bytes', CASE WHEN $3 THEN pg_database_size(current_database()) END,"
	"'connections', c.sessions, 'connections_percent', 100.0 * c.sessions / current_setting('max_connections')::numeric,"
	"'transaction_age', c.xid_age, 'multixact_age', c.mxid_age,"
	"'blocks_hit_total', d.blks_hit, 'blocks_read_total', d.blks_read, 'commits_total', d.xact_commit,"
	"'rollbacks_total', d.xact_rollback, 'deadlocks_total', d.deadlocks, 'temp_bytes_total', d.temp_bytes,"
	"'checksum_failures_total', d.checksum_failures)"
	" || jsonb_build_object("
	"'lock_waits', a.waiting, 'lock_wait_seconds', l.longest, 'oldest_transaction_seconds', greatest(a.oldest, x.oldest),"
	"'idle_transaction_seconds', a.idle, 'prepared_transactions', x.prepared,"
	"'replicas', r.replicas, 'replication_lag_bytes', r.bytes, 'replication_lag_seconds', r.seconds,"
	"'inactive_slots', s.inactive, 'slot_retained_bytes', s.bytes,"
	"'archived_total', w.archived_count, 'archive_failures_total', w.failed_count,"
	"'archive_failing', (w.last_failed_time > coalesce(w.last_archived_time, '-infinity'))::integer,"
	"'wal_bytes_total', g.wal_bytes, 'checkpoints_requested_total', k.requested, 'checkpoints_timed_total', k.timed,"
	"'dead_rows_percent', t.dead_percent, 'autovacuum_backlog', t.backlog, 'autovacuum_workers', a.autovacuum))"
	" FROM (SELECT sum(p.numbackends) FILTER (WHERE p.datid <> 0) AS sessions,"
	"              (SELECT max(age(datfrozenxid)) FROM pg_database) AS xid_age,"
	"              (SELECT max(mxid_age(datminmxid)) FROM pg_database) AS mxid_age FROM pg_stat_database p) c,"
	" (SELECT p.* FROM pg_stat_database p WHERE p.datid = (SELECT oid FROM pg_database WHERE datname = current_database())) d,"
	" (SELECT count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting,"
	"         coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)) FILTER (WHERE backend_type = 'client backend'), 0) AS oldest,"
	"         coalesce(max(extract(epoch FROM clock_timestamp() - state_change)) FILTER (WHERE state LIKE 'idle in transaction%'), 0) AS idle,"
	"         count(*) FILTER (WHERE backend_type = 'autovacuum worker') AS autovacuum FROM pg_stat_activity) a,"
	" (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0) AS longest FROM pg_locks WHERE NOT granted) l,"
	" (SELECT count(*) AS prepared, coalesce(max(extract(epoch FROM clock_timestamp() - prepared)), 0) AS oldest FROM pg_prepared_xacts) x,"
	" (SELECT count(DISTINCT concat_ws(' ', application_name, client_addr)) AS replicas, coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0) AS bytes,"
	"         coalesce(max(extract(epoch FROM replay_lag)), 0) AS seconds FROM pg_stat_replication"
	"   WHERE state <> 'backup' AND pid NOT IN (SELECT b.active_pid FROM pg_replication_slots b"
	"         WHERE b.active_pid IS NOT NULL AND b.slot_name ~ '^pg_basebackup_')) r,"
	" (SELECT count(*) FILTER (WHERE NOT active) AS inactive,"
	"         coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0) AS bytes FROM pg_replication_slots) s,"
	" pg_stat_archiver w, pg_stat_wal g, (" CHECKPOINTS ") k (requested, timed),"
	" (SELECT 100.0 * sum(n_dead_tup) / nullif(sum(n_live_tup + n_dead_tup), 0) AS dead_percent,"
	"         count(*) FILTER (WHERE n_dead_tup > 2 * (current_setting('autovacuum_vacuum_threshold')::numeric"
	"             + current_setting('autovacuum_vacuum_scale_factor')::numeric * n_live_tup)) AS backlog FROM pg_stat_user_tables) t",
	FLOAT8OID, FLOAT8OID, BOOLOID);
