/*
 * hex.h: digits of base sixteen.
 */
#ifndef SS_HEX_H
#define SS_HEX_H

#include "postgres.h"

/* What the character is worth as a digit; -1 if it is none. */
static inline int
ss_hex_digit(uint32 c)
{
	if (c >= '0' && c <= '9')
		return (int) (c - '0');
	if (c >= 'a' && c <= 'f')
		return (int) (c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (int) (c - 'A') + 10;
	return -1;
}

#endif /* SS_HEX_H */
