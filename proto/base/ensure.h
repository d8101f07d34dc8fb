/* assert() for work whose result is nobody's choice but must have come about: randomness, SHA-256, memory of a few
 * bytes. It is made in every build, with -Db_ndebug=true too; work never stands inside an assert(). */
#pragma once
#include <stdlib.h>

#define ensure(condition) ((condition) ? (void)0 : abort())
