/*
 * background.h: the background workers, which are in a library of their own
 * (src/worker/).
 */
#ifndef SS_BACKGROUND_H
#define SS_BACKGROUND_H

/* The library of all of them, as the server has it in MyBgworkerEntry */
#define SS_WORKER_LIBRARY "swipesavvy_worker"

/* Asks for the launcher when the library is preloaded; by _PG_init. */
extern void ss_background_init(void);

#endif /* SS_BACKGROUND_H */
