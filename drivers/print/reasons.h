/* What a printer waits for, in the station's reason words, from IPP printer-state-reasons (RFC 8011 5.4.12; PWG 5100.1;
 * the `cups-` and vendor keywords as observed on CUPS 2.4.2). Pure. */
#pragma once
#include "proto/base/reason.h"
#include <stddef.h>

/* The word for one keyword, its -error, -warning or -report suffix left out; REASON_NONE for those that ask nothing of
 * a person. */
enum reason reasons_map(const char *keyword);

/* The keyword with which the ipp backend tells that the printer forgot the job (a power cut): CUPS says completed, yet
 * nothing is proven. */
bool reasons_history_missing(const char *keyword);
