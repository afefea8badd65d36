/*
 * shmem.h: shared memory, where what must be counted on calls that cannot
 * write is counted. There is some only when the library is in
 * shared_preload_libraries; each domain works without.
 */
#ifndef SS_SHMEM_H
#define SS_SHMEM_H

#include "postgres.h"

/* Asks for the areas of all domains; does nothing unless the library is being preloaded. */
extern void ss_shmem_init(void);

#endif /* SS_SHMEM_H */
