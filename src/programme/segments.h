/*
 * segments.h: segments that the library keeps itself.
 */
#ifndef SS_SEGMENTS_H
#define SS_SEGMENTS_H

/* Makes a segment of that name unless there is one. */
extern void ss_segments_make(const char *name, const char *description);

#endif /* SS_SEGMENTS_H */
