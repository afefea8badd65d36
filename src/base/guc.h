/*
 * guc.h: the settings of the server's configuration (swipesavvy.*). What an
 * admin of the app sets lives in the table system_settings instead.
 */
#ifndef SS_GUC_H
#define SS_GUC_H

extern char *ss_trusted_gateways; /* whose request.jwt.claims are believed */
extern bool ss_allow_drop;		  /* may a ledger with entries be dropped */
extern bool ss_allow_restore;	  /* may a dump come into a database that is in use */
extern bool ss_direct_tables;	  /* may the engine go past the executor */

extern int ss_max_slots; /* that a budget or day is split over, at most */

extern char *ss_databases;	   /* that have background workers */
extern int ss_health_interval; /* seconds */

extern void ss_guc_define(void);

#endif /* SS_GUC_H */
