-- Jobs: what is due, how it went, what is said about it. test/t/600_worker.pl shows the worker that does them.
SET TIME ZONE UTC;

-- a database that no worker serves
SELECT w ->> 'state' AS state, w -> 'listed' AS listed, w -> 'workers' AS workers FROM swipesavvy.worker_status() w;
SELECT j ->> 'job' AS job, j ->> 'every_seconds' AS every, j ->> 'max_seconds' AS max, j ->> 'state' AS state, j ->> 'enabled' AS enabled,
       coalesce(j ->> 'last_run_at', j ->> 'next_run_at', j ->> 'last_error') AS nothing
  FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j;
-- how many there are in the lane "jobs"
CREATE FUNCTION pg_temp.of_lane() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j WHERE j ->> 'job' NOT IN ('roll_up_health', 'sample_health') $$;

-- whoever claims gets one after the other, the one that is due longest first, and then has to wait
BEGIN;
SELECT swipesavvy.set_job('seal_audit_log', next_run_at => now() - interval '1 hour') ->> 'state' AS state;
SELECT swipesavvy.claim_job('jobs') FROM generate_series(1, pg_temp.of_lane());
SELECT (c ->> 'wait_ms')::int BETWEEN 4000 AND 5001 AS soon, c - 'wait_ms' AS nothing FROM swipesavvy.claim_job('jobs') c;
SELECT job, enabled, next_run_at - started_at AS again_after, finished_at, succeeded_at, failed_at, last_error, runs, failures, failures_in_a_row
  FROM swipesavvy.jobs ORDER BY job;
-- done: at its time by the schedule; with more to do: at once; failed: after a while
SELECT swipesavvy.finish_job('seal_audit_log') - 'next_run_at' AS finished;
SELECT next_run_at = scheduled_at AND next_run_at BETWEEN now() AND now() + interval '5 minutes' AS by_schedule,
       extract(epoch FROM next_run_at - now())::numeric % 300 AS of_five_minutes, finished_at = succeeded_at AS succeeded, failures_in_a_row
  FROM swipesavvy.jobs WHERE job = 'seal_audit_log';
SELECT swipesavvy.finish_job('lapse_transactions', more => true) ->> 'job' AS job;
SELECT next_run_at = finished_at AS at_once, scheduled_at <= clock_timestamp() AS due_still, failures_in_a_row FROM swipesavvy.jobs WHERE job = 'lapse_transactions';
SELECT swipesavvy.finish_job('expire_points', '57014: it took ' || repeat('ü', 1000)) ->> 'job' AS job;
SELECT next_run_at - finished_at AS again_after, octet_length(last_error) AS bytes, failures, failures_in_a_row, succeeded_at FROM swipesavvy.jobs WHERE job = 'expire_points';
SELECT j ->> 'job' AS job, j ->> 'state' AS state, (j ->> 'last_duration_ms')::int >= 0 AS took FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j ORDER BY 1;
ROLLBACK;

-- later each time, up to an hour, and not later than it would run anyway
BEGIN;
DO $$
BEGIN
    PERFORM swipesavvy.set_job(j ->> 'job', enabled => false) FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j
      WHERE j ->> 'job' NOT IN ('complete_campaigns', 'expire_points');
END
$$;
CREATE TEMP TABLE waits (job text, n int, wait interval);
DO $$
BEGIN
    FOR i IN 1 .. 13 LOOP
        UPDATE swipesavvy.jobs SET next_run_at = '2000-01-01';
        FOR k IN 1 .. 2 LOOP
            PERFORM swipesavvy.finish_job(swipesavvy.claim_job('jobs') ->> 'job', 'XX000: no');
        END LOOP;
        INSERT INTO waits SELECT job, i, next_run_at - finished_at FROM swipesavvy.jobs WHERE enabled;
    END LOOP;
END
$$;
SELECT job, string_agg(wait::text, ' ' ORDER BY n) AS waits FROM waits GROUP BY job ORDER BY job;
SELECT job, runs, failures FROM swipesavvy.jobs WHERE enabled ORDER BY job;
-- a run whose worker ended: it is a failure, once somebody claims it again
UPDATE swipesavvy.jobs SET next_run_at = '2000-01-01' WHERE job = 'expire_points';
SELECT swipesavvy.claim_job('jobs') ->> 'job' AS job;
SELECT j ->> 'state' AS state FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j WHERE j ->> 'job' = 'expire_points';
UPDATE swipesavvy.jobs SET next_run_at = '2000-01-01' WHERE job = 'expire_points';
SELECT swipesavvy.claim_job('jobs') ->> 'job' AS job;
SELECT last_error, failures, failed_at < started_at AS of_the_run_before FROM swipesavvy.jobs WHERE job = 'expire_points';
ROLLBACK;

-- what an admin sets stays until it is set again
BEGIN;
SELECT swipesavvy.set_job('expire_points', every => '36 hours', max_duration => '5 minutes', next_run_at => '2100-01-01 03:00+00');
SELECT swipesavvy.set_job('expire_points', enabled => false);
SELECT swipesavvy.set_job('expire_points', enabled => true) ->> 'next_run_at' AS next_run_at;
-- a shorter interval counts from now, a longer one from the run that is due
SELECT (swipesavvy.set_job('expire_points', every => '1 second') ->> 'next_run_at')::timestamptz - now() AS after;
-- and the schedule goes on from there: the run after the next one does not wait for the old one's
SELECT swipesavvy.finish_job('expire_points') ->> 'job' AS job;
SELECT next_run_at - finished_at <= interval '1 second' AS soon FROM swipesavvy.jobs WHERE job = 'expire_points';
SELECT (swipesavvy.set_job('expire_points', every => '366 days') ->> 'next_run_at')::timestamptz - now() AS after;
SELECT event_type, resource_id, details FROM swipesavvy.audit_logs WHERE resource = 'job' ORDER BY log_id;
ROLLBACK;

-- the clock was eight hours ahead and was set right: none waits for longer than its interval, but for whom an admin has postponed
BEGIN;
DO $$
BEGIN
    FOR i IN 1 .. pg_temp.of_lane() LOOP
        PERFORM swipesavvy.finish_job(swipesavvy.claim_job('jobs') ->> 'job', CASE i WHEN 3 THEN 'XX000: no' END);
    END LOOP;
    PERFORM swipesavvy.set_job('expire_points', next_run_at => now() + interval '30 days');
    UPDATE swipesavvy.jobs SET scheduled_at = scheduled_at + interval '8 hours', started_at = started_at + interval '8 hours', finished_at = finished_at + interval '8 hours',
        succeeded_at = succeeded_at + interval '8 hours', failed_at = failed_at + interval '8 hours', next_run_at = next_run_at + interval '8 hours' WHERE job <> 'expire_points';
END
$$;
CREATE TEMP TABLE claimed AS SELECT swipesavvy.claim_job('jobs') ->> 'job' AS job FROM generate_series(2, pg_temp.of_lane());
SELECT job FROM claimed ORDER BY 1;
SELECT j ->> 'job' AS job, j ->> 'state' AS state FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j WHERE j ->> 'state' NOT IN ('new', 'interrupted') ORDER BY 1;
SELECT count(swipesavvy.finish_job(job)) = pg_temp.of_lane() - 1 AS done FROM claimed;
SELECT job FROM swipesavvy.jobs j WHERE job <> 'expire_points' AND (next_run_at > now() + interval '24 hours' OR greatest(started_at, finished_at, succeeded_at, failed_at) > clock_timestamp());
SELECT swipesavvy.claim_job('jobs') ? 'job' AS anything_more;
SELECT next_run_at - now() AS postponed FROM swipesavvy.jobs WHERE job = 'expire_points';
-- whom an admin has put less than an interval ahead, or has let wait no longer, is as any other
SELECT swipesavvy.set_job('expire_points', next_run_at => now()) IS NOT NULL AS due;
SELECT swipesavvy.claim_job('jobs') ->> 'job' AS job;
SELECT postponed FROM swipesavvy.jobs WHERE job = 'expire_points';
ROLLBACK;

-- errors
SELECT swipesavvy.claim_job('fast');
SELECT swipesavvy.claim_job(NULL);
SELECT swipesavvy.finish_job('seal');
SELECT swipesavvy.finish_job('seal_audit_log');
SELECT swipesavvy.set_job('seal');
SELECT swipesavvy.set_job(NULL);
SELECT swipesavvy.set_job('seal_audit_log', every => '0.9 seconds');
SELECT swipesavvy.set_job('seal_audit_log', every => '367 days');
SELECT swipesavvy.set_job('seal_audit_log', every => '1 month');
SELECT swipesavvy.set_job('seal_audit_log', every => '1 day -1 hour');
SELECT swipesavvy.set_job('seal_audit_log', max_duration => '25 hours');
SELECT swipesavvy.set_job('seal_audit_log', next_run_at => 'infinity');

-- complete_campaigns: what ended and was launched late_posting_days ago, running or paused, and nothing else
BEGIN;
SELECT swipesavvy.update_system_settings('{"late_posting_days": 2}') ->> 'status' AS status;
SELECT swipesavvy.create_campaign(id, 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01', ended, campaign_id => id) ->> 'campaign_id' AS created
  FROM (VALUES ('OVER', now() - interval '2 days'), ('PAUSED', now() - interval '3 days'), ('LATE', now() - interval '2 days' + interval '1 second'),
               ('ENDLESS', NULL), ('DRAFT', now() - interval '9 days'), ('GONE', now() - interval '9 days')) c (id, ended);
SELECT swipesavvy.launch_campaign(id) ->> 'status' AS status FROM unnest(ARRAY['OVER', 'PAUSED', 'LATE', 'ENDLESS', 'GONE']) id;
SELECT swipesavvy.pause_campaign('PAUSED') ->> 'status' AS paused, swipesavvy.delete_campaign('GONE') ->> 'status' AS gone;
SELECT swipesavvy.complete_campaigns() -> 'completed' AS too_soon_after_the_launch;
UPDATE swipesavvy.campaigns SET launched_at = now() - interval '2 days' WHERE created_at = now() AND launched_at IS NOT NULL;
DELETE FROM swipesavvy.outbox;
SELECT swipesavvy.complete_campaigns(now() - interval '1 day');
SELECT swipesavvy.complete_campaigns(now());
SELECT swipesavvy.complete_campaigns(now());
SELECT campaign_id, status, version, completed_at = now() AS completed_now FROM swipesavvy.campaigns WHERE created_at = now() ORDER BY campaign_no;
SELECT event, order_key, body ->> 'previous_status' AS previous_status FROM swipesavvy.outbox ORDER BY message_id;
SELECT event_type, resource_id, details #>> '{after,status}' AS status FROM swipesavvy.audit_logs WHERE event_type = 'campaign.complete' ORDER BY log_id;
-- launched again, it has as long again, however long ago it ended
SELECT swipesavvy.create_campaign('Old', 'SEASONAL', 10, 'PERCENTAGE', '2017-01-01', '2017-02-01', campaign_id => 'OLD') ->> 'status' AS status;
SELECT swipesavvy.launch_campaign('OLD') ->> 'status' AS status;
UPDATE swipesavvy.campaigns SET launched_at = now() - interval '3 days' WHERE campaign_id = 'OLD';
SELECT swipesavvy.pause_campaign('OLD') ->> 'status' AS status, swipesavvy.launch_campaign('OLD') ->> 'status' AS status;
SELECT swipesavvy.complete_campaigns() -> 'completed' AS launched_just_now;
UPDATE swipesavvy.campaigns SET launched_at = now() - interval '2 days' + interval '1 second' WHERE campaign_id = 'OLD';
SELECT swipesavvy.complete_campaigns() -> 'completed' AS a_second_is_left;
UPDATE swipesavvy.campaigns SET launched_at = now() - interval '2 days' WHERE campaign_id = 'OLD';
SELECT swipesavvy.complete_campaigns() -> 'completed' AS completed;
-- not before the clock says so, and in batches
SELECT swipesavvy.complete_campaigns(now() + interval '1 hour');
ROLLBACK;
BEGIN;
SELECT count(swipesavvy.create_campaign('C' || n, 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01', '2020-02-01', campaign_id => 'C' || n)) AS created FROM generate_series(1, 101) n;
UPDATE swipesavvy.campaigns SET status = 'running' WHERE created_at = now();
SELECT c -> 'more' AS more, jsonb_array_length(c -> 'completed') AS completed FROM swipesavvy.complete_campaigns() c;
SELECT c -> 'more' AS more, c -> 'completed' AS completed FROM swipesavvy.complete_campaigns() c;
ROLLBACK;
