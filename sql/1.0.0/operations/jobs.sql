-- jobs: what is to be done from time to time, by the background worker or by whoever calls the functions.

CREATE TABLE swipesavvy.jobs (
    job text COLLATE "C" NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    every_seconds integer,
    max_seconds integer,
    scheduled_at timestamptz NOT NULL DEFAULT now(),
    next_run_at timestamptz NOT NULL DEFAULT now(),
    postponed boolean NOT NULL DEFAULT false,
    started_at timestamptz,
    finished_at timestamptz,
    succeeded_at timestamptz,
    failed_at timestamptz,
    last_error text,
    runs bigint NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0,
    failures_in_a_row integer NOT NULL DEFAULT 0,
    CONSTRAINT jobs_pkey PRIMARY KEY (job),
    CONSTRAINT a_job_runs_at_most_each_second CHECK (every_seconds >= 1),
    CONSTRAINT a_job_may_take_a_second CHECK (max_seconds >= 1)
) WITH (fillfactor = 50);
COMMENT ON TABLE swipesavvy.jobs IS
    'What the background worker did and when it does it next; change it with set_job(). A job that has never run has no row.';
COMMENT ON COLUMN swipesavvy.jobs.every_seconds IS 'Null: as often as the library says.';
COMMENT ON COLUMN swipesavvy.jobs.max_seconds IS 'After how long a run is cancelled; null: as the library says.';
COMMENT ON COLUMN swipesavvy.jobs.scheduled_at IS 'The run that comes next by the schedule.';
COMMENT ON COLUMN swipesavvy.jobs.next_run_at IS 'When it runs: then, or otherwise after a failure or while there is more to do.';
COMMENT ON COLUMN swipesavvy.jobs.postponed IS
    'next_run_at is an admin''s; any other that lies further ahead than the job''s interval is of a clock that was ahead, and counts as due.';
COMMENT ON COLUMN swipesavvy.jobs.started_at IS 'Later than finished_at: it runs, or its worker ended while it did.';
COMMENT ON COLUMN swipesavvy.jobs.failures_in_a_row IS 'Counted when a run begins, and 0 once one succeeds: so a crash is counted too.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.jobs', '');

CREATE FUNCTION swipesavvy.claim_job(lane text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_claim_job';
COMMENT ON FUNCTION swipesavvy.claim_job(text) IS
    'For the background worker: the job of its lane that is due, noted as begun; or how long to wait.';

CREATE FUNCTION swipesavvy.finish_job(job text, error text DEFAULT NULL, more boolean DEFAULT false) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_finish_job';
COMMENT ON FUNCTION swipesavvy.finish_job(text, text, boolean) IS
    'For the background worker: a job has been done, has failed, or has more to do; and when it runs next.';

CREATE FUNCTION swipesavvy.set_job(
    job text,
    enabled boolean DEFAULT NULL,
    every interval DEFAULT NULL,
    max_duration interval DEFAULT NULL,
    next_run_at timestamptz DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_set_job';
COMMENT ON FUNCTION swipesavvy.set_job(text, boolean, interval, interval, timestamptz) IS
    'Whether a job of the background worker runs, how often, for how long at most, and when next; what is not given stays.';

CREATE FUNCTION swipesavvy.worker_status() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_worker_status';
COMMENT ON FUNCTION swipesavvy.worker_status() IS
    'Whether the background workers of this database run, and of each job the last run, the last error and the next run.';
