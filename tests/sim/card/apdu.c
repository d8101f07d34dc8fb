#include "tests/sim/card/apdu.h"

#include <string.h>

static size_t le_of(uint8_t byte)
{
        return byte ? byte : 256;
}

bool apdu_parse(const uint8_t *bytes, size_t n, struct command *ret_command)
{
        struct command c = { 0 };

        if (n < 4)
                return false;
        c.cla = bytes[0];
        c.ins = bytes[1];
        c.p1 = bytes[2];
        c.p2 = bytes[3];
        if (n == 5) {
                c.has_le = true;
                c.le = le_of(bytes[4]);
        }
        if (n > 5) {
                c.lc = bytes[4];
                if (c.lc == 0 || (n != 5 + c.lc && n != 6 + c.lc)) /* Lc 00 would begin an extended length */
                        return false;
                memcpy(c.data, bytes + 5, c.lc);
                c.has_le = n == 6 + c.lc;
                c.le = c.has_le ? le_of(bytes[n - 1]) : 0;
        }
        *ret_command = c;
        return true;
}
