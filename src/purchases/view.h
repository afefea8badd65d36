/*
 * view.h: the door for INSERT and COPY, to the library's initialisation.
 */
#ifndef SS_VIEW_H
#define SS_VIEW_H

#include "postgres.h"

/* Registers what forgets the purchases collected by a statement that failed. */
extern void ss_view_init(void);

#endif /* SS_VIEW_H */
