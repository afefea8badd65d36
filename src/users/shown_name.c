/*
 * shown_name.c: the name of a user as others may see it (shown_name.h).
 *
 * Called by leaderboards and by reviews of merchants. Pure: no query, no state.
 */
#include "postgres.h"

#include "base/unicode.h"
#include "users/shown_name.h"

/* A word of a name, and what is left of it when it is shortened. */
typedef struct Word
{
	const pg_wchar *start;
	int length;
} Word;

#define NON_JOINER		  0x200C
#define JOINER			  0x200D
#define IDEOGRAPHIC_COMMA 0x3001
#define FULLWIDTH_COMMA	  0xFF0C

/* What words are parted by: blanks of any width, and characters that nobody sees but those inside words. */
static bool
is_gap(pg_wchar point)
{
	uint32 bits = ss_unicode_class(point);

	return (bits & SS_UNICODE_SPACE) ||
		   ((bits & SS_UNICODE_INVISIBLE) && !(bits & SS_UNICODE_MARK) && point != JOINER && point != NON_JOINER);
}

/* The next word from *points on, which is moved behind it; of no length at the end. */
static Word
next_word(const pg_wchar **points)
{
	Word word = {0};

	while (**points != 0 && is_gap(**points))
		(*points)++;
	word.start = *points;
	while (**points != 0 && !is_gap(**points))
		(*points)++;
	word.length = (int) (*points - word.start);
	return word;
}

/*
 * May the word be shown whole, as a first name? Not what may be an e-mail
 * address, nor what may be a family's name: in front of a comma, or in a script
 * whose users write it first.
 */
static bool
is_first_name(const Word *word)
{
	pg_wchar end = word->start[word->length - 1];

	for (int i = 0; i < word->length; i++)
	{
		if (word->start[i] == '@' || (ss_unicode_class(word->start[i]) & SS_UNICODE_FAMILY_FIRST))
			return false;
	}
	return end != ',' && end != IDEOGRAPHIC_COMMA && end != FULLWIDTH_COMMA;
}

/* Appends the word, or its first character with the marks on it and a dot. */
static pg_wchar *
append_word(pg_wchar *to, const Word *word, bool whole)
{
	int length = whole ? word->length : 1;

	while (length < word->length && (ss_unicode_class(word->start[length]) & SS_UNICODE_MARK))
		length++;
	memcpy(to, word->start, length * sizeof(pg_wchar));
	to += length;
	if (!whole)
		*to++ = '.';
	return to;
}

char *
ss_users_shown_name(const char *name)
{
	const pg_wchar *points = unicode_normalize(UNICODE_NFC, ss_unicode_decode(name, strlen(name)));
	pg_wchar *shown = palloc((ss_unicode_length(points) + 4) * sizeof(pg_wchar));
	pg_wchar *end = shown;
	Word first = next_word(&points);
	Word last = {0};

	for (Word word = next_word(&points); word.length > 0; word = next_word(&points))
		last = word;
	if (first.length > 0)
		end = append_word(end, &first, last.length > 0 && is_first_name(&first));
	if (last.length > 0)
	{
		*end++ = ' ';
		end = append_word(end, &last, false);
	}
	*end = 0;
	return ss_unicode_encode(shown);
}
