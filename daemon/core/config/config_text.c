#include "daemon/core/config/config_text.h"
#include <string.h>

size_t config_character(const unsigned char *s, size_t n)
{
        size_t size = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;

        if ((s[0] < 0x20 && s[0] != '\t') || s[0] == 0x7F || (s[0] >= 0x80 && s[0] < 0xC2) || s[0] > 0xF4 || size > n)
                return 0;
        for (size_t i = 1; i < size; i++)
                if ((s[i] & 0xC0) != 0x80)
                        return 0;
        if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
            (s[0] == 0xF4 && s[1] > 0x8F))
                return 0;
        return size;
}

unsigned config_column(const char *line, size_t at)
{
        unsigned column = 1;

        for (size_t i = 0; i < at; i++)
                column += ((unsigned char)line[i + 1] & 0xC0) != 0x80;
        return column;
}

char *config_trim(char *text)
{
        size_t n;

        text += strspn(text, " \t");
        for (n = strlen(text); n > 0 && strchr(" \t", text[n - 1]); n--)
                ;
        text[n] = '\0';
        return text;
}

bool config_unquote(char **value)
{
        size_t n = strlen(*value);

        if (**value != '"')
                return true;
        if (n < 2 || (*value)[n - 1] != '"' || memchr(*value + 1, '"', n - 2))
                return false;
        (*value)[n - 1] = '\0';
        ++*value;
        return true;
}
