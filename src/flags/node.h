/*
 * node.h: JSON values as the SDKs of feature flags see them: every number a
 * double, every text UTF-8.
 *
 * A value is read from jsonb level by level: an array or object is opened when
 * somebody looks into it, so that a document costs what is used of it, and one
 * that is nested deeply costs no stack. A NULL pointer stands for what is not
 * there and counts as null.
 *
 * Values live in the memory context that was current when they were read.
 */
#ifndef SS_NODE_H
#define SS_NODE_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/numeric.h"

typedef enum SSNodeKind
{
	SS_NODE_NULL,
	SS_NODE_BOOL,
	SS_NODE_NUMBER,
	SS_NODE_STRING,
	SS_NODE_ARRAY,
	SS_NODE_OBJECT
} SSNodeKind;

/* A text of so many bytes; not terminated. */
typedef struct SSText
{
	const char *data;
	int length;
} SSText;

typedef struct SSNode
{
	SSNodeKind kind;
	bool boolean;
	bool is_open;		 /* of arrays and objects: items and keys are there */
	int count;			 /* bytes of a string, elements of an array, members of an object */
	int room;			 /* of an object that was made with room: as many members go into its arrays; else 0 */
	JsonbContainer *raw; /* of arrays and objects: as they were read; NULL if made or changed here */
	union
	{
		double number;
		const char *text;
		struct SSNode *items;
	};
	union
	{
		Numeric numeric; /* of numbers: as they were read; NULL if worked out here */
		SSText *keys;	 /* of objects: ordered as jsonb orders them */
	};
} SSNode;

#define SS_TEXT(constant) ((SSText){(constant), sizeof(constant) - 1})

/* A text of the server in UTF-8: where that is its encoding, the same bytes. */
extern SSText ss_text_of_server(const char *text, int length);

/* And back, as a value of SQL. */
extern Datum ss_text_to_server(SSText text);

/* --- reading -------------------------------------------------------------------------- */

/* The value of a document; NULL counts as {}. */
extern SSNode *ss_node_read(Jsonb *document);

/* Opens all of it, so that looking into it later changes nothing; false if it is nested more deeply than `depth`. */
extern bool ss_node_open_all(SSNode *value, int depth);

/* The elements of an array or the values of an object, which is opened. */
extern SSNode *ss_node_items(SSNode *value);

/* The value under a key; NULL if it is not there or the value no object. And one that is not null. */
extern SSNode *ss_node_get(SSNode *object, SSText key);
extern SSNode *ss_node_present(SSNode *object, SSText key);

static inline bool
ss_node_is(const SSNode *value, SSNodeKind kind)
{
	return value == NULL ? kind == SS_NODE_NULL : value->kind == kind;
}

static inline bool
ss_text_equals(SSText a, SSText b)
{
	return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

/* Is it one of the names, of which NULL is the last? */
extern bool ss_text_is_one_of(SSText text, const char *const *names);

/* The text of a string value. */
static inline SSText
ss_node_string(const SSNode *value)
{
	return (SSText){value->text, value->count};
}

/* --- making ------------------------------------------------------------------------------ */

extern SSNode ss_node_null(void);
extern SSNode ss_node_bool(bool boolean);
extern SSNode ss_node_number(double number);
extern SSNode ss_node_text(SSText text);
extern SSNode ss_node_object(void);

/* A copy of an open object with room for more members: no copy of the copy may get any. */
extern SSNode ss_node_object_with_room(const SSNode *like, int more);
extern SSNode ss_node_array(int count);

/* Sets a member; NULL removes none and adds none. The value is copied, what it points to is shared. */
extern void ss_node_set(SSNode *object, SSText key, const SSNode *value);
extern void ss_node_set_text(SSNode *object, SSText key, SSText text);
extern void ss_node_set_number(SSNode *object, SSText key, double number);
extern void ss_node_set_bool(SSNode *object, SSText key, bool boolean);
extern void ss_node_remove(SSNode *object, SSText key);

/* Adds the value to a document that is being built, under a key, or as an element where that is NULL. */
extern void ss_node_push(JsonbParseState **state, const SSText *key, const SSNode *value, JsonbValue **result);
extern Jsonb *ss_node_to_jsonb(const SSNode *value);

/* Any value, a scalar too, as a document of its own. */
extern Jsonb *ss_node_as_jsonb(const SSNode *value);

/* --- conversions and comparisons ---------------------------------------------------------- */

extern bool ss_node_truthy(const SSNode *value);
extern SSText ss_node_to_text(SSNode *value);
extern double ss_node_to_number(SSNode *value);

/* As compact JSON, but a string without its quotes. */
extern SSText ss_node_to_json_text(SSNode *value);

extern bool ss_node_strictly_equal(const SSNode *a, const SSNode *b);
extern bool ss_node_deeply_equal(SSNode *a, SSNode *b);

/* Ordered by UTF-16 units if both are text, else as numbers. Of no order: a text that is no number. */
typedef enum SSOrder
{
	SS_LESS,
	SS_EQUAL,
	SS_GREATER,
	SS_UNORDERED
} SSOrder;

extern SSOrder ss_node_compare(SSNode *a, SSNode *b);
extern SSOrder ss_text_compare(SSText a, SSText b);

/* The shortest digits of a number, laid out as ECMAScript does; at most SS_NUMBER_TEXT_MAX bytes with the end. */
#define SS_NUMBER_TEXT_MAX 40
extern int ss_number_to_text(double number, char *text);

/* What ECMAScript takes for a number: white space around, decimal, or 0x, 0o, 0b; else NaN. */
extern double ss_text_to_number(SSText text);

/* Is the code point among ECMAScript's white space and line ends? */
extern bool ss_is_white_space(uint32 c);

#endif /* SS_NODE_H */
