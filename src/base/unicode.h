/*
 * unicode.h: characters by what Unicode says of them, whatever the database's
 * locale and encoding.
 *
 * Texts are worked on as arrays of code points that end with 0. The tables are
 * ours (unicode_table.pl): keys that are stored must not change with the
 * server's version or its locale. Normal forms are the server's, which are the
 * same for ever for characters that are assigned.
 */
#ifndef SS_UNICODE_H
#define SS_UNICODE_H

#include "postgres.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

/* What a character is. The bits stand in this order in unicode_table.pl. */
#define SS_UNICODE_SPACE		 0x0001 /* White_Space: blanks, tabs, line ends */
#define SS_UNICODE_SEPARATOR	 0x0002 /* a blank of some width */
#define SS_UNICODE_INVISIBLE	 0x0004 /* controls, formatting, fillers, private and unassigned ones */
#define SS_UNICODE_MARK			 0x0008 /* belongs to the character before it */
#define SS_UNICODE_ACCENT		 0x0010 /* a mark without which a word is found, too */
#define SS_UNICODE_OPAQUE		 0x0020 /* may stand anywhere in a password (RFC 8264, FreeformClass) */
#define SS_UNICODE_VIRAMA		 0x0040
#define SS_UNICODE_JOINS_LEFT	 0x0080 /* Joining_Type L or D */
#define SS_UNICODE_JOINS_RIGHT	 0x0100 /* Joining_Type R or D */
#define SS_UNICODE_JOINS_THROUGH 0x0200 /* Joining_Type T */
#define SS_UNICODE_FAMILY_FIRST	 0x0400 /* of a script whose users write the family's name first */
#define SS_UNICODE_KANA_OR_HAN	 0x0800
#define SS_UNICODE_GREEK		 0x1000
#define SS_UNICODE_HEBREW		 0x2000

extern uint32 ss_unicode_class(pg_wchar point);

/* Is every byte below 128? Then most of what follows is not needed. */
extern bool ss_unicode_is_ascii(const char *text, size_t length);

/* The code points of a text in the database's encoding. Bytes that are no UTF-8 in SQL_ASCII become points beyond Unicode. */
extern pg_wchar *ss_unicode_decode(const char *text, size_t length);

/* The reverse; what the database's encoding cannot write is left out. */
extern char *ss_unicode_encode(const pg_wchar *points);

/* As UTF-8, and its length; a NUL follows. */
extern char *ss_unicode_utf8(const pg_wchar *points, size_t *length);

extern size_t ss_unicode_length(const pg_wchar *points);

/* Full case folding, for comparing (for showing in lower case there is casing.h): a new array. */
extern pg_wchar *ss_unicode_fold(const pg_wchar *points);

#endif /* SS_UNICODE_H */
