/*
 * purchases.h: the doors through which purchases come, to the library's
 * initialisation.
 */
#ifndef SS_PURCHASES_H
#define SS_PURCHASES_H

/* Registers what forgets the purchases collected by a statement that failed. */
extern void ss_purchases_init(void);

#endif							/* SS_PURCHASES_H */
