/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "name.h"

#include <stdint.h>
#include <string.h>

bool name_is_text(const char *text, size_t length)
{
	const unsigned char *s = (const unsigned char *)text;

	for (size_t i = 0; i < length;) {
		unsigned char c = s[i];
		size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

		if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || length - i <= more)
			return false;
		uint32_t point = more == 0 ? c : (uint32_t)(c & (0x3f >> more));
		for (size_t k = 1; k <= more; k++) {
			if ((s[i + k] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (s[i + k] & 0x3f);
		}
		if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
			return false;
		if (point < 0x20 || (point >= 0x7f && point < 0xa0))
			return false;
		i += more + 1;
	}
	return true;
}

bool name_valid(const char *text, size_t most)
{
	size_t length = strlen(text);

	return length >= 1 && length <= most && name_is_text(text, length);
}

int name_compare(const char *a, const char *b)
{
	size_t x = strlen(a), y = strlen(b);

	if (x != y)
		return x < y ? -1 : 1;
	return memcmp(a, b, x);
}
