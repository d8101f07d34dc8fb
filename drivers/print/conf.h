/* What cupsd was told in its cupsd.conf, where IPP does not tell it (cupsd.conf(5)).
 *
 * PreserveJobFiles decides whether the card's picture stays in the spool after the print; without the line CUPS keeps
 * it for a day (CUPS 2.4). Blocks on the file alone. */
#pragma once
#include <stdbool.h>

/* True only when the file can be read and says, or by its silence means, that printed files are kept. The last line of
 * several holds, as in cupsd. */
bool conf_keeps_files(const char *path);
