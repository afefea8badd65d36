# The background worker: what it does and as whom; that it comes back after whatever ends it, and is in nobody's way.
# Takes long: begun among the first.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension add_campaign);
use Test::More;
use Time::HiRes qw(time);
use Worker qw(new_worker sql wait_for $running $all_well status job worker_pids run_now reload took);

my $node = new_worker('worker', 'autovacuum = off', 'restart_after_crash = on');

sub worker_pid { return (worker_pids(@_))[0] // 0 }
sub setting { my ($name, $value) = @_; reload("ALTER SYSTEM SET $name = $value"); return }


# Whoever is told to wait there waits until he is interrupted. Planted by a role that may do no more than that.
my $plant = q{
    CREATE TABLE IF NOT EXISTS public.seen (what text, who name, superuser boolean, escape text);
    GRANT INSERT ON public.seen TO PUBLIC;
    CREATE TABLE public.pace (seconds float8);
    GRANT SELECT ON public.pace TO PUBLIC;
    GRANT TRIGGER ON swipesavvy.outbox TO planter;
    GRANT CREATE, USAGE ON SCHEMA public TO planter;
    GRANT USAGE ON SCHEMA swipesavvy TO planter;
    SET ROLE planter;
    CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        tried text;
        statement text;
    BEGIN
        FOREACH statement IN ARRAY ARRAY['RESET ROLE', 'SET ROLE postgres', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION'] LOOP
            BEGIN
                EXECUTE statement;
                tried := concat_ws(' ', tried, current_user = ANY (SELECT rolname FROM pg_roles WHERE rolsuper));
            EXCEPTION WHEN OTHERS THEN
                tried := concat_ws(' ', tried, SQLSTATE);
            END;
        END LOOP;
        INSERT INTO public.seen SELECT TG_NAME, current_user, rolsuper, tried FROM pg_roles WHERE rolname = current_user;
        PERFORM pg_sleep(seconds) FROM public.pace;
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER at_once BEFORE INSERT ON swipesavvy.outbox FOR EACH ROW EXECUTE FUNCTION public.look();
    CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON swipesavvy.outbox DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION public.look();
};
sub end_campaign
{
    my ($id, $db) = @_;
    add_campaign($node, $db // 'app', $id, 10);
    sql("UPDATE swipesavvy.campaigns SET end_date = now() - interval '4 days', launched_at = now() - interval '4 days' WHERE campaign_id = '$id'", $db);
    return;
}

subtest 'no database, no extension, a database' => sub {
    ok($node->wait_for_log(qr/WARNING:  database "app" of swipesavvy.databases does not exist/), 'a database that is not there is named');
    create_extension($node, 'app');
    wait_for($all_well, 'once it is there, and the extension, all jobs are done');
    my @lines = slurp_file($node->logfile) =~ /database "app" of swipesavvy.databases does not exist/g;
    is(scalar @lines, 1, 'it was named once');
    my $status = status();
    is_deeply([ @$status{qw(database listed state)} ], [ 'app', JSON::PP::true, 'running' ], 'the status');
    is_deeply([ map { $_->{lane} } @{ $status->{workers} } ], [ 'jobs', 'health' ], 'its workers');
    my $pid = worker_pid();
    like(slurp_file("/proc/$pid/maps"), qr/swipesavvy_worker\.so/, 'the worker has loaded its library');
    is(sql(q{SELECT swipesavvy.health() IS NOT NULL AND pg_read_file('/proc/self/maps') ~ 'swipesavvy\.so', pg_read_file('/proc/self/maps') ~ 'swipesavvy_worker'}), 't|f', 'no other session has');
    is(sql("SELECT usename || '/' || backend_type || '/' || application_name FROM pg_stat_activity WHERE pid = $pid"),
        sql('SELECT rolname FROM pg_roles WHERE oid = 10') . '/swipesavvy worker/swipesavvy jobs of app', 'in pg_stat_activity');
};

subtest 'jobs' => sub {
    sql('CREATE ROLE planter');
    sql($plant);
    end_campaign('OVER');
    sql('TRUNCATE public.seen');
    run_now('complete_campaigns');
    wait_for("SELECT status = 'completed' FROM swipesavvy.campaigns WHERE campaign_id = 'OVER'", 'a campaign that is over is completed');
    is(sql("SELECT count(*) FROM swipesavvy.outbox WHERE event = 'campaign.completed'"), 1, 'the world outside hears of it');
    is(sql("SELECT event_type || ' ' || invoking_role FROM swipesavvy.audit_logs WHERE resource_id = 'OVER' ORDER BY log_id DESC LIMIT 1"),
        'campaign.complete swipesavvy_admin', 'it is in the audit log');
    # from 18 on a deferred trigger runs as the role of the statement that set it off, before as that of the commit
    my $deferred = $node->pg_version >= 18 ? 'swipesavvy_owner' : 'swipesavvy_admin';
    is(sql("SELECT concat_ws(' ', what, who, superuser, escape) FROM public.seen ORDER BY 1"),
        "at_once swipesavvy_owner f 42501 42501 42501 42501\ndeferred $deferred f 42501 42501 42501 42501", 'what others planted never runs as superuser, and cannot become one');

    # a run that was missed: made up for once, and the schedule stays
    my $runs = job('expire_points')->{runs};
    sql("SELECT swipesavvy.set_job('expire_points', every => '1 hour', next_run_at => date_trunc('hour', now()) - interval '3 days' + interval '7 minutes')");
    wait_for("SELECT next_run_at > now() FROM swipesavvy.jobs WHERE job = 'expire_points'", 'a run that was missed is made up for');
    is(job('expire_points')->{runs}, $runs + 1, 'once');
    is(sql("SELECT extract(minute FROM next_run_at)::int || ' ' || (next_run_at <= now() + interval '1 hour') FROM swipesavvy.jobs WHERE job = 'expire_points'"), '7 true', 'and the schedule goes on');

    # one that fails: by its time, by a lock
    my $blocker = $node->background_psql('app');
    $blocker->query_safe('BEGIN; LOCK TABLE swipesavvy.leaderboards');
    sql("SELECT swipesavvy.set_job('refresh_leaderboards', max_duration => '1 second', next_run_at => clock_timestamp())");
    wait_for("SELECT failures = 1 FROM swipesavvy.jobs WHERE job = 'refresh_leaderboards'", 'a job that takes too long is cancelled');
    is(job('refresh_leaderboards')->{last_error}, '57014: canceling statement due to statement timeout', 'with its error');
    is(job('refresh_leaderboards')->{state}, 'failing', 'it is failing');
    is(sql("SELECT next_run_at - finished_at FROM swipesavvy.jobs WHERE job = 'refresh_leaderboards'"), '00:00:05', 'and tried again soon');
    run_now('seal_audit_log');
    wait_for("SELECT succeeded_at > (SELECT failed_at FROM swipesavvy.jobs WHERE job = 'refresh_leaderboards') FROM swipesavvy.jobs WHERE job = 'seal_audit_log'", 'the others go on');
    sql("SELECT swipesavvy.set_job('refresh_leaderboards', max_duration => '1 minute', next_run_at => clock_timestamp())");
    wait_for("SELECT last_error ~ '^55P03: ' FROM swipesavvy.jobs WHERE job = 'refresh_leaderboards'", 'none waits long for a lock');
    is(sql("SELECT next_run_at - finished_at FROM swipesavvy.jobs WHERE job = 'refresh_leaderboards'"), '00:00:10', 'after the second failure it is later');
    $blocker->query_safe('ROLLBACK');
    $blocker->quit;
    run_now('refresh_leaderboards');
    wait_for($all_well, 'and then it is done');
    ok(job('refresh_leaderboards')->{last_error}, 'the last error can still be read');

    # switched off; cancelled by an operator; idle and cancelled
    sql("SELECT swipesavvy.set_job('refresh_tiers', enabled => false, next_run_at => clock_timestamp())");
    run_now('seal_audit_log');
    wait_for("SELECT s.succeeded_at > r.next_run_at FROM swipesavvy.jobs s, swipesavvy.jobs r WHERE (s.job, r.job) = ('seal_audit_log', 'refresh_tiers')", 'another job runs');
    is(job('refresh_tiers')->{runs}, 1, 'one that is switched off does not');
    my $pid = worker_pid();
    sql("SELECT pg_cancel_backend($pid)");
    run_now('seal_audit_log');
    wait_for("SELECT next_run_at > now() FROM swipesavvy.jobs WHERE job = 'seal_audit_log'", 'cancelling what is idle');
    is(worker_pid(), $pid, 'changes nothing');
};

subtest 'ends and begins again' => sub {
    my $pid = worker_pid();
    sql("SELECT pg_terminate_backend($pid, 10000)");
    wait_for($running, 'a worker that is terminated comes back');
    isnt(worker_pid(), $pid, 'as another process');
    $pid = worker_pid();
    sql(q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'swipesavvy launcher'});
    wait_for("SELECT (swipesavvy.worker_status() #>> '{workers,0,pid}') <> '$pid'", 'the launcher takes its workers along, and all come back');

    # killed in the middle of a job: the server restarts, and the job is tried again
    sql('INSERT INTO public.pace VALUES (600)');
    sql(q{SELECT swipesavvy.create_campaign(campaign_id => 'KILLED', name => 'K', campaign_type => 'SEASONAL', offer_amount => 10, offer_type => 'PERCENTAGE',
        start_date => '2020-01-01', end_date => '2020-02-01'); UPDATE swipesavvy.campaigns SET status = 'running' WHERE campaign_id = 'KILLED'});
    run_now('complete_campaigns');
    wait_for("SELECT bool_or(wait_event = 'PgSleep') FROM pg_stat_activity WHERE backend_type = 'swipesavvy worker'", 'a job is under way');
    is(job('complete_campaigns')->{state}, 'running', 'and says so');
    # it is off while the server comes back, for else the worker may have done it before anybody has looked
    sql(q{DELETE FROM public.pace; SELECT swipesavvy.set_job('complete_campaigns', enabled => false)});
    kill 'KILL', worker_pid();
    $node->poll_query_until('app', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) or die 'no connection';
    is(sql("SELECT status FROM swipesavvy.campaigns WHERE campaign_id = 'KILLED'"), 'running', 'what was not done is undone');
    sql(q{SELECT swipesavvy.set_job('complete_campaigns', enabled => true, next_run_at => clock_timestamp())});
    wait_for("SELECT status = 'completed' FROM swipesavvy.campaigns WHERE campaign_id = 'KILLED'", 'and done after the crash');
    is(job('complete_campaigns')->{last_error}, 'the worker ended while it ran', 'which is known');
    for my $mode (qw(fast immediate))
    {
        cmp_ok(took(sub { $node->stop($mode) }), '<', 5, "nothing holds up a $mode stop");
        $node->start;
        wait_for($running, "after it, all is back");
    }
};

subtest 'the list of databases' => sub {
    create_extension($node, 'other');
    sql('CREATE DATABASE bare');
    setting('swipesavvy.databases', 'app, other, bare, template0');
    wait_for($running, 'a database that is added', 'other');
    wait_for($running, 'does not disturb the others');
    wait_for("SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = 'bare' AND backend_type = 'swipesavvy worker'", 'one without the extension has its workers waiting');
    ok($node->wait_for_log(qr/"template0" of swipesavvy.databases accepts no connections/), 'one that accepts no connections is named');
    setting('swipesavvy.databases', 'app, other');
    wait_for("SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'bare'", 'one that is taken off the list is left');
    sql("ALTER SYSTEM SET swipesavvy.databases = 'app, other'");
    my ($rc, $out, $err) = $node->psql('app', q{ALTER SYSTEM SET swipesavvy.databases = 'app, "x'});
    like($err, qr/invalid value for parameter "swipesavvy.databases"/, 'a wrong list is refused');
    $node->append_conf('postgresql.auto.conf', "swipesavvy.databases = 'app, \"x'");
    $node->reload;
    ok($node->wait_for_log(qr/invalid value for parameter "swipesavvy.databases"/), 'in the file, too');
    is(status('other')->{state}, 'running', 'and leaves everything as it was');
    sql("ALTER SYSTEM SET swipesavvy.databases = 'app, other, copy, renamed'");
    $node->reload;
};

subtest 'in nobody\'s way' => sub {
    cmp_ok(took(sub { sql('CREATE DATABASE copy TEMPLATE other', 'postgres') }), '<', 5, 'a database is copied');
    wait_for($running, 'its worker is back', 'other');
    wait_for($running, 'and that of the copy begins', 'copy');
    cmp_ok(took(sub { sql('ALTER DATABASE copy RENAME TO renamed', 'postgres') }), '<', 5, 'renamed');
    wait_for($running, 'under its new name', 'renamed');
    cmp_ok(took(sub { sql('DROP DATABASE renamed', 'postgres') }), '<', 5, 'dropped');

    # in the middle of a statement that takes long
    sql('GRANT planter TO CURRENT_USER');
    sql($plant, 'other');
    end_campaign('OVER', 'other');
    sql('INSERT INTO public.pace VALUES (600)', 'other');
    run_now('complete_campaigns', 'other');
    wait_for("SELECT bool_or(wait_event = 'PgSleep') FROM pg_stat_activity WHERE backend_type = 'swipesavvy worker' AND datname = 'other'", 'a job takes long');
    cmp_ok(took(sub { sql('DROP DATABASE other', 'postgres') }), '<', 5, 'its database is dropped all the same');
    create_extension($node, 'other');
    wait_for($running, 'made again, it has its worker', 'other');
    sql('DROP DATABASE other WITH (FORCE)', 'postgres');

    # the extension, in one session
    my $pid = worker_pid();
    my $before = sql("SELECT max(oid) FROM pg_extension WHERE extname = 'swipesavvy'");
    sql('SET swipesavvy.allow_drop = on; DROP TRIGGER at_once ON swipesavvy.outbox; DROP TRIGGER deferred ON swipesavvy.outbox; DROP EXTENSION swipesavvy; CREATE EXTENSION swipesavvy');
    isnt(sql("SELECT max(oid) FROM pg_extension WHERE extname = 'swipesavvy'"), $before, 'dropped and made again');
    wait_for($all_well, 'all jobs are done in the new one');
    is(worker_pid(), $pid, 'by the same worker');
    sql('ALTER EXTENSION swipesavvy DROP FUNCTION swipesavvy.refresh_tiers; DROP FUNCTION swipesavvy.refresh_tiers');
    is(sql("SELECT count(*) FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j WHERE j ->> 'job' = 'refresh_tiers'"), 0, 'what this version has no function for is no job of it');
    my (undef, undef, $error) = $node->psql('app', "SELECT swipesavvy.set_job('refresh_tiers', next_run_at => clock_timestamp())");
    like($error, qr/job not found/, 'and cannot be set');
    run_now('seal_audit_log');
    wait_for("SELECT next_run_at > now() FROM swipesavvy.jobs WHERE job = 'seal_audit_log'", 'the others go on');
    sql('SET swipesavvy.allow_drop = on; DROP EXTENSION swipesavvy');
    is(sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), 1, 'without the extension it waits');
    sql('DROP TABLE public.seen, public.pace; DROP FUNCTION public.look; CREATE EXTENSION swipesavvy');
    wait_for($all_well, 'for the next one');
};

subtest 'a standby' => sub {
    $node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 3\nhot_standby = on");
    $node->restart;
    wait_for($running, 'the primary');
    $node->backup('copy');
    my $jobs = sql("SELECT jsonb_array_length(swipesavvy.worker_status() -> 'jobs')");
    my $standby = PostgreSQL::Test::Cluster->new('standby');
    $standby->init_from_backup($node, 'copy', has_streaming => 1);
    $standby->start;
    is($standby->safe_psql('app', q{SELECT swipesavvy.worker_status() ->> 'state', jsonb_array_length(swipesavvy.worker_status() -> 'jobs')}), "stopped|$jobs", 'it answers, and has no worker');
    is($standby->safe_psql('app', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'swipesavvy'}), 0, 'nor a launcher');
    $node->stop;
    $standby->promote;
    ok($standby->poll_query_until('app', $running), 'once it is promoted it has');
    $standby->safe_psql('app', "SELECT swipesavvy.set_job('seal_audit_log', next_run_at => clock_timestamp())");
    ok($standby->poll_query_until('app', "SELECT next_run_at > now() FROM swipesavvy.jobs WHERE job = 'seal_audit_log'"), 'and its jobs are done');
    $standby->stop;
};

subtest 'no room' => sub {
    # the launcher, that of logical replication, and the two of one database
    my $small = new_node('small', "shared_preload_libraries = 'swipesavvy'", "swipesavvy.databases = 'one, two'", 'max_worker_processes = 4');
    create_extension($small, 'one');
    $small->poll_query_until('one', $running) or die 'does not start';
    create_extension($small, 'two');
    ok($small->wait_for_log(qr/no background worker is free for the jobs of database "two"/), 'where there is no room for one, it says so');
    is($small->safe_psql('two', "SELECT swipesavvy.worker_status() ->> 'state'"), 'stopped', 'and it is not there');
    $small->safe_psql('one', "ALTER SYSTEM SET swipesavvy.databases = 'two'");
    $small->reload;
    ok($small->poll_query_until('two', $running), 'once there is room, it is');
    my @lines = slurp_file($small->logfile) =~ /no background worker is free/g;
    is(scalar @lines, 2, 'it was said once of each');
    $small->stop;
};

done_testing();
