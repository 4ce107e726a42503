/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image.h"

#include <stdlib.h>

/* The file's form: no padding that a compiler might choose. */
_Static_assert(sizeof(struct record_flows) == 80, "record_flows");
_Static_assert(sizeof(struct record_traffic) == 72, "record_traffic");
_Static_assert(sizeof(struct record_total) == 72, "record_total");
_Static_assert(sizeof(struct record_town) == 216, "record_town");
_Static_assert(sizeof(struct record_host) == 208, "record_host");
_Static_assert(sizeof(struct record_rule) == 48, "record_rule");
_Static_assert(sizeof(struct record_agent) == 208, "record_agent");

void image_free(struct image *image)
{
	for (int i = 0; i < IMAGE_SHEETS; i++) {
		free(image->data[i]);
		image->data[i] = NULL;
		image->size[i] = 0;
		image->there[i] = false;
	}
}
