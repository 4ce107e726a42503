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
_Static_assert(sizeof(struct record_class) == 40, "record_class");
_Static_assert(sizeof(struct record_owner) == 8, "record_owner");
_Static_assert(sizeof(struct record_service) == 32, "record_service");
_Static_assert(sizeof(struct record_ports) == 8, "record_ports");

void *image_room(struct image *image, enum image_sheet sheet, size_t n, size_t record)
{
	image->there[sheet] = true;
	image->size[sheet] = n * record;
	image->data[sheet] = n ? malloc(n * record) : NULL;
	return image->data[sheet];
}

void *image_wanted(struct image *image, unsigned sheets, enum image_sheet sheet, size_t n, size_t record, bool *failed)
{
	if (!(sheets & IMAGE_BIT(sheet)))
		return NULL;
	void *there = image_room(image, sheet, n, record);
	*failed |= !there && n > 0;
	return there;
}

const void *image_records(const struct image *image, enum image_sheet sheet, size_t record, uint32_t *n)
{
	*n = image->size[sheet] % record == 0 ? (uint32_t)(image->size[sheet] / record) : 0;
	return image->data[sheet];
}

void image_free(struct image *image)
{
	for (int i = 0; i < IMAGE_SHEETS; i++) {
		free(image->data[i]);
		image->data[i] = NULL;
		image->size[i] = 0;
		image->there[i] = false;
	}
}
