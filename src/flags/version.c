/*
 * version.c: version numbers as texts that sort as versions do.
 *
 * Called by the operators $veq, $vne, $vgt, $vgte, $vlt and $vlte. No errors.
 *
 * Parts are divided by points and hyphens. Numbers are padded to five places;
 * three parts get a fourth, a tilde, so that a release sorts after its own
 * candidates.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "flags/condition.h"

#define PART_WIDTH 5

/* Without the leading v and all that follows a plus sign. */
static SSText
trimmed(SSText version)
{
	int length = 0;

	if (version.length > 0 && version.data[0] == 'v')
	{
		version.data++;
		version.length--;
	}
	while (length < version.length && version.data[length] != '+')
		length++;
	return (SSText){version.data, length};
}

static void
append_part(StringInfo padded, const char *part, int length)
{
	bool number = length > 0;

	for (int i = 0; i < length; i++)
		number &= part[i] >= '0' && part[i] <= '9';
	if (number && length < PART_WIDTH)
		appendStringInfoSpaces(padded, PART_WIDTH - length);
	appendBinaryStringInfo(padded, part, length);
}

SSText
ss_version_padded(SSNode *value)
{
	bool usable = ss_node_is(value, SS_NODE_STRING) || ss_node_is(value, SS_NODE_NUMBER);
	SSText version = usable ? ss_node_to_text(value) : SS_TEXT("0");
	StringInfoData padded;
	int parts = 1;
	int start = 0;

	version = trimmed(version.length == 0 ? SS_TEXT("0") : version);
	initStringInfo(&padded);
	for (int i = 0; i < version.length; i++)
	{
		if (version.data[i] != '.' && version.data[i] != '-')
			continue;
		append_part(&padded, version.data + start, i - start);
		appendStringInfoChar(&padded, '-');
		start = i + 1;
		parts++;
	}
	append_part(&padded, version.data + start, version.length - start);
	if (parts == 3)
		appendStringInfoString(&padded, "-~");
	return (SSText){padded.data, padded.len};
}
