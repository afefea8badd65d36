/*
 * jobs.h: what the background workers do from time to time: one line for each
 * job, for the main library, which says what is due, and for the workers'
 * library, which does it.
 */
#ifndef SS_JOBS_H
#define SS_JOBS_H

#define SS_MINUTE 60
#define SS_HOUR	  (60 * SS_MINUTE)
#define SS_DAY	  (24 * SS_HOUR)

/*
 * The workers of a database: what has to be done in time, samples of its health
 * and deliveries, is not kept waiting by what may take long.
 */
typedef enum SSLane
{
	SS_LANE_JOBS,
	SS_LANE_HEALTH,
	SS_LANES
} SSLane;

/* Their names, as claim_job() and the server's list of processes know them. */
#define SS_LANE_NAMES "jobs", "health"

/* The kind of the advisory lock that the worker of a lane holds as long as it lives. */
#define SS_LANE_LOCK_KIND 19027

/*
 * Each job: its name, its lane, how often it runs unless set otherwise, in
 * seconds (0: each swipesavvy.health_interval), and how long it may take.
 * JOB is an SQL function without arguments that says {"more": true} if there is
 * more to do at once. STEPS is one that worker.c takes apart. doc/operations.md
 * shows them.
 */
#define SS_JOBS(JOB, STEPS)                                                                                            \
	JOB(apply_audit_retention, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                          \
	JOB(apply_event_retention, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                          \
	JOB(apply_location_retention, SS_LANE_JOBS, SS_HOUR, 10 * SS_MINUTE)                                               \
	JOB(apply_outbox_retention, SS_LANE_JOBS, SS_HOUR, 10 * SS_MINUTE)                                                 \
	JOB(check_ledger, SS_LANE_JOBS, 2 * SS_MINUTE, SS_MINUTE)                                                          \
	JOB(close_geofence_visits, SS_LANE_JOBS, SS_HOUR, 10 * SS_MINUTE)                                                  \
	JOB(complete_campaigns, SS_LANE_JOBS, SS_MINUTE, SS_MINUTE)                                                        \
	JOB(expire_points, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                                  \
	JOB(flush_flag_usage, SS_LANE_JOBS, SS_MINUTE, SS_MINUTE)                                                          \
	JOB(fold_analytics, SS_LANE_JOBS, 10, SS_MINUTE)                                                                   \
	JOB(fold_flag_usage, SS_LANE_JOBS, SS_HOUR, 10 * SS_MINUTE)                                                        \
	JOB(lapse_transactions, SS_LANE_JOBS, SS_MINUTE, 10 * SS_MINUTE)                                                   \
	JOB(record_refused_attempts, SS_LANE_JOBS, SS_MINUTE, SS_MINUTE)                                                   \
	JOB(refresh_ab_tests, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                               \
	JOB(refresh_analytics, SS_LANE_JOBS, SS_MINUTE, SS_DAY)                                                            \
	JOB(refresh_campaign_segments, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                      \
	JOB(refresh_campaign_uplift, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                        \
	JOB(refresh_customer_analytics, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                     \
	JOB(refresh_leaderboards, SS_LANE_JOBS, SS_HOUR, SS_HOUR)                                                          \
	JOB(refresh_merchant_analytics, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                     \
	JOB(refresh_models, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                                 \
	JOB(refresh_rating_prior, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                           \
	JOB(refresh_tiers, SS_LANE_JOBS, SS_DAY, SS_HOUR)                                                                  \
	JOB(roll_up_health, SS_LANE_HEALTH, SS_MINUTE, SS_MINUTE)                                                          \
	STEPS(sample_health, SS_LANE_HEALTH, 0, SS_MINUTE)                                                                 \
	JOB(seal_audit_log, SS_LANE_JOBS, 5 * SS_MINUTE, 10 * SS_MINUTE)                                                   \
	JOB(train_models, SS_LANE_JOBS, SS_MINUTE, 10 * SS_MINUTE)

#endif /* SS_JOBS_H */
