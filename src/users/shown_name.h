/*
 * shown_name.h: the name of a user as others may see it.
 */
#ifndef SS_SHOWN_NAME_H
#define SS_SHOWN_NAME_H

/* First name and initial of the last; of a name of one word, which may be all of it, the first character. */
extern char *ss_users_shown_name(const char *name);

#endif /* SS_SHOWN_NAME_H */
