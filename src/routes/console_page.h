/*
 * console_page.h: the operators' page, as make puts it together from
 * src/console/ (build/console_page.c). Plain ASCII, so that it is the same in
 * every encoding of a database.
 */
#ifndef SS_CONSOLE_PAGE_H
#define SS_CONSOLE_PAGE_H

/* The document in its order: what stands around the one style and the one script, and these. */
extern const char ss_console_before_style[];
extern const char ss_console_style[];
extern const char ss_console_before_script[];
extern const char ss_console_script[];
extern const char ss_console_end[];

#endif /* SS_CONSOLE_PAGE_H */
