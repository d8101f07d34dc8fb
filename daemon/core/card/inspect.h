/* The expert's eyes and hands on one card: inspection (I-6.7), the chip's own face against the plastic, and ISSUED
 * (I-6.9). */
#pragma once
#include "daemon/core/core.h"

/* The match with the special exam worksheet (I-6.6): number, who, when. Without it nothing prints. */
int worksheet_confirm(struct core *c, const struct who *who, const char *application, const char *number,
                      struct error *err);

/* The print is right and the card sound. face: the code on the plastic (or the whole QR text), serial: as scanned. A
 * serial or face that does not belong together holds the line: serial_mismatch or face_mismatch. */
int inspect_accept(struct core *c, const struct who *who, const char *face, const char *serial, struct error *err);

/* The chip's photo and name, shown by the last write or read of this serial, are those on the plastic: ISSUED, and the
 * report to the portal is on its way in the same transaction. match false: the line holds, the card must be spoiled. */
int inspect_confirm(struct core *c, const struct who *who, const char *serial, bool match, struct error *err);

/* Takes "MOHR1:..." (the QR's text) or a face code, upper or lower case, with or without a hyphen. */
int face_code_parse(const char *text, char ret[FACE_CODE_TEXT], struct error *err);
