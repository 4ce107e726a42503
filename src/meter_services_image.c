/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes of traffic become records, and records become classes. A ledger of before there were any has none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "meter_private.h"

/* So many of a list are of ROLE_SERVICE. */
static uint32_t count_ports(const struct track *tracks, uint32_t n)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++)
		found += tracks[i].key.kind == ROLE_SERVICE;
	return found;
}

static struct record_ports *store_ports(const struct track *tracks, uint32_t n, struct record_ports *ports)
{
	for (uint32_t i = 0; i < n; i++)
		if (tracks[i].key.kind == ROLE_SERVICE)
			*ports++ = (struct record_ports){.protocol = tracks[i].key.ports.protocol,
							 .first = tracks[i].key.ports.first,
							 .last = tracks[i].key.ports.last};
	return ports;
}

int meter_services_image(const struct meter *meter, unsigned sheets, struct image *image)
{
	const struct services *services = &meter->services;
	uint32_t n_owners = services->rows ? services->rows - 1 : 0;
	uint32_t n_ports = count_ports(meter->tracks, meter->n_tracks) + count_ports(meter->absent, meter->n_absent);
	size_t n_amounts = (size_t)services->rows * services->n;
	bool failed = false;

	struct record_class *classes = image_wanted(image, sheets, IMAGE_CLASSES, services->n, sizeof *classes, &failed);
	struct record_owner *owners = image_wanted(image, sheets, IMAGE_OWNERS, n_owners, sizeof *owners, &failed);
	struct record_service *amounts = image_wanted(image, sheets, IMAGE_SERVICES, n_amounts, sizeof *amounts, &failed);
	struct record_ports *ports = image_wanted(image, sheets, IMAGE_PORTS, n_ports, sizeof *ports, &failed);
	if (failed)
		return -1;
	for (uint32_t i = 0; classes && i < services->n; i++) {
		memset(&classes[i], 0, sizeof classes[i]);
		memcpy(classes[i].name, services->names[i], strlen(services->names[i]));
	}
	for (uint32_t i = 0; owners && i < n_owners; i++)
		owners[i] = (struct record_owner){services->owners[i + 1].town, services->owners[i + 1].host};
	for (size_t i = 0; amounts && i < n_amounts; i++)
		memcpy(amounts[i].way, services->amounts[i].way, sizeof amounts[i].way);
	if (ports)
		store_ports(meter->absent, meter->n_absent, store_ports(meter->tracks, meter->n_tracks, ports));
	return 0;
}

static bool is_whole(const struct image *image, enum image_sheet sheet, size_t record)
{
	return image->size[sheet] % record == 0;
}

static int load_names(struct services *services, const struct record_class *classes)
{
	for (uint32_t i = 0; i < services->n; i++) {
		if (memchr(classes[i].name, '\0', NAME_SERVICE_MAX + 1) == NULL ||
		    !name_valid(classes[i].name, NAME_SERVICE_MAX) ||
		    (i > 0 && name_compare(classes[i - 1].name, classes[i].name) >= 0))
			return -1;
		memcpy(services->names[i], classes[i].name, sizeof services->names[i]);
	}
	return 0;
}

static int load_owners(struct meter *meter, const struct record_owner *records)
{
	struct service_owner *owners = meter->services.owners;

	owners[0] = (struct service_owner){RULE_NONE, RULE_NONE};
	for (uint32_t row = 1; row < meter->services.rows; row++) {
		owners[row] = (struct service_owner){records[row - 1].town, records[row - 1].host};
		if (owners[row].town >= meter->n_towns ||
		    (owners[row].host != RULE_NONE && (owners[row].host >= meter->n_hosts ||
						       meter->hosts[owners[row].host].town != owners[row].town)))
			return -1;
		uint32_t *own = meter_services_row(meter, &owners[row]);
		if (*own)
			return -1;
		*own = row;
	}
	return 0;
}

static const struct record_ports *load_ports(struct track *tracks, uint32_t n, const struct record_ports *ports)
{
	for (uint32_t i = 0; i < n; i++)
		if (tracks[i].key.kind == ROLE_SERVICE) {
			tracks[i].key.ports = (struct ports){ports->protocol, ports->first, ports->last};
			ports++;
		}
	return ports;
}

int meter_services_load(struct meter *meter, const struct image *image)
{
	struct services *services = &meter->services;
	uint32_t n_owners, n_amounts, n_ports;
	const struct record_class *classes = image_records(image, IMAGE_CLASSES, sizeof *classes, &services->n);
	const struct record_owner *owners = image_records(image, IMAGE_OWNERS, sizeof *owners, &n_owners);
	const struct record_service *amounts = image_records(image, IMAGE_SERVICES, sizeof *amounts, &n_amounts);
	const struct record_ports *ports = image_records(image, IMAGE_PORTS, sizeof *ports, &n_ports);

	services->rows = services->n ? n_owners + 1 : 0;
	errno = EBADMSG;
	if (!is_whole(image, IMAGE_CLASSES, sizeof *classes) || !is_whole(image, IMAGE_OWNERS, sizeof *owners) ||
	    !is_whole(image, IMAGE_SERVICES, sizeof *amounts) || !is_whole(image, IMAGE_PORTS, sizeof *ports) ||
	    (services->n == 0 && n_owners) || n_amounts != (uint64_t)services->rows * services->n ||
	    n_ports != count_ports(meter->tracks, meter->n_tracks) + count_ports(meter->absent, meter->n_absent))
		return -1;
	if (n_ports)
		load_ports(meter->absent, meter->n_absent, load_ports(meter->tracks, meter->n_tracks, ports));
	if (services->n == 0)
		return 0;
	services->names = calloc(services->n, sizeof *services->names);
	services->owners = calloc(services->rows, sizeof *services->owners);
	services->amounts = calloc(n_amounts, sizeof *services->amounts);
	if (!services->names || !services->owners || !services->amounts)
		return -1;
	errno = EBADMSG;
	if (load_names(services, classes) < 0 || load_owners(meter, owners) < 0)
		return -1;
	for (uint32_t i = 0; i < n_amounts; i++)
		memcpy(services->amounts[i].way, amounts[i].way, sizeof amounts[i].way);
	return 0;
}
