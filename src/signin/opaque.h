/*
 * opaque.h: passwords as RFC 8265 wants them compared (OpaqueString).
 */
#ifndef SS_OPAQUE_H
#define SS_OPAQUE_H

#include "postgres.h"

/*
 * The password as it is hashed: blanks of any width as a space, then NFC, in
 * UTF-8 whatever the database's encoding. The same pointer for one that is so
 * already; else a copy, to be overwritten by the caller. NULL if it has a
 * character that is not allowed: a control, an unassigned or invisible one.
 */
extern const char *ss_opaque_prepare(const char *password, size_t length, size_t *prepared_length);

#endif /* SS_OPAQUE_H */
