/* The data groups and EF.COM of a certificate card: builders from, and parsers into, one record.
 *
 * Shapes follow ICAO 9303-10 (LDS 1.8) under this system's own application; DG2 wraps the photo in an ISO/IEC 19794-5
 * record (85 bytes); DG13 is issuer defined. docs/card-applet.md tells all tags. Builders append one file to w, which
 * fails when a required text is empty, breaks the text rule or does not fit. Parsers take one whole file with nothing
 * behind it, skip unknown tags, and answer false for anything malformed; the record's other parts are untouched. */
#pragma once
#include "proto/lds/record.h"

void lds_dg2_put(struct writer *w, const struct lds_record *record);
void lds_dg11_put(struct writer *w, const struct lds_record *record);
void lds_dg12_put(struct writer *w, const struct lds_record *record);
void lds_dg13_put(struct writer *w, const struct lds_record *record); /* with chip id and serial when bound */

bool lds_dg2_parse(struct bytes file, struct lds_record *ret); /* photo borrows from file */
bool lds_dg11_parse(struct bytes file, struct lds_record *ret);
bool lds_dg12_parse(struct bytes file, struct lds_record *ret);
bool lds_dg13_parse(struct bytes file, struct lds_record *ret);

/* EF.COM for these group numbers (2, 11, 12, 13: asserted to be among 1..16). */
void lds_com_put(struct writer *w, const uint8_t *groups, size_t n);
