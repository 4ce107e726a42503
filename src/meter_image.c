/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model becomes records, and records become a model. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "meter_private.h"

static struct record_flow flow_record(const struct flow *flow)
{
	return (struct record_flow){.amount = flow->amount, .debt = flow->debt};
}

static struct flow record_flow(const struct record_flow *record)
{
	return (struct flow){.amount = record->amount, .debt = record->debt};
}

static struct record_flows flows_record(const struct traffic *traffic)
{
	return (struct record_flows){.flow = {flow_record(&traffic->flow[0]), flow_record(&traffic->flow[1])},
				     .dropped = traffic->dropped};
}

static struct record_quota quota_record(const struct quota *quota)
{
	return (struct record_quota){.megabytes = quota->megabytes, .basis = quota->basis,
				     .warn_percent = quota->warn_percent, .action = quota->action};
}

static struct quota record_quota(const struct record_quota *record)
{
	return (struct quota){.megabytes = record->megabytes, .basis = record->basis,
			      .warn_percent = record->warn_percent, .action = record->action};
}

static struct record_traffic traffic_record(const struct traffic *traffic, const struct wish *wish, bool gone)
{
	return (struct record_traffic){
		.discontinuity = traffic->discontinuity, .period_start = traffic->period.start,
		.base = {traffic->period.base[0], traffic->period.base[1]},
		.period_number = traffic->period.number, .incomplete = traffic->period.incomplete,
		.gone = gone,
		.blocked = (uint8_t)((wish->manager ? RECORD_MANAGER : 0) | (wish->local ? RECORD_LOCAL : 0) |
				     (wish->foreign ? RECORD_FOREIGN : 0)),
		.quota = quota_record(&traffic->quota), .configured = quota_record(&traffic->configured)};
}

static struct traffic record_traffic(const struct record_traffic *record, const struct record_flows *flows)
{
	return (struct traffic){
		.flow = {record_flow(&flows->flow[0]), record_flow(&flows->flow[1])},
		.dropped = flows->dropped, .discontinuity = record->discontinuity,
		.period = {.number = record->period_number, .start = record->period_start,
			   .base = {record->base[0], record->base[1]}, .incomplete = record->incomplete != 0},
		.quota = record_quota(&record->quota), .configured = record_quota(&record->configured)};
}

static struct wish record_wish(const struct record_traffic *record)
{
	return (struct wish){.manager = (record->blocked & RECORD_MANAGER) != 0,
			     .local = (record->blocked & RECORD_LOCAL) != 0,
			     .foreign = (record->blocked & RECORD_FOREIGN) != 0};
}

static struct record_rule rule_record(const struct track *track)
{
	struct record_rule record = {
		.key_town = track->key.town, .family = track->key.family, .kind = track->key.kind,
		.direction = track->key.direction, .ours = track->key.ours, .ordinal = track->key.ordinal,
		.backend = track->key.backend, .prefix_family = track->key.prefix.family,
		.prefix_length = track->key.prefix.length, .present = track->present, .rebooted = track->rebooted,
		.late = track->late,
		.flags = (uint8_t)((track->key.layout ? RECORD_LAYOUT : 0) | (track->ahead ? RECORD_AHEAD : 0) |
				   (track->shadow ? RECORD_SHADOW : 0)),
		.town = track->town, .host = track->host, .received = track->received};

	memcpy(record.prefix, track->key.prefix.addr, sizeof record.prefix);
	return record;
}

static struct track record_track(const struct record_rule *record, const struct counter *last)
{
	struct track track;

	memset(&track, 0, sizeof track);
	track.key.town = record->key_town;
	track.key.family = record->family;
	track.key.kind = record->kind;
	track.key.direction = record->direction;
	track.key.ours = record->ours;
	track.key.ordinal = record->ordinal;
	track.key.backend = record->backend;
	track.key.prefix.family = record->prefix_family;
	track.key.prefix.length = record->prefix_length;
	memcpy(track.key.prefix.addr, record->prefix, sizeof record->prefix);
	track.town = record->town;
	track.host = record->host;
	track.present = record->present;
	track.rebooted = record->rebooted;
	track.late = record->late;
	track.key.layout = (record->flags & RECORD_LAYOUT) != 0;
	track.ahead = (record->flags & RECORD_AHEAD) != 0;
	track.shadow = (record->flags & RECORD_SHADOW) != 0;
	track.received = record->received;
	track.last = *last;
	return track;
}

static void store_totals(const struct meter *meter, struct record_total *totals)
{
	for (uint32_t i = 0; i <= VIEW_CHAIN_OUTPUT; i++) {
		const struct total *total = &meter->totals[i];
		totals[i] = (struct record_total){
			.flow = flow_record(&total->flow), .discontinuity = total->discontinuity,
			.period_start = total->period.start, .base = total->period.base[0],
			.period_number = total->period.number, .seen = total->seen,
			.source = (uint8_t)total->source, .incomplete = total->period.incomplete};
	}
}

static void store_towns(const struct meter *meter, struct record_town *towns)
{
	for (uint32_t i = 0; i < meter->n_towns; i++) {
		const struct town *town = &meter->towns[i];
		towns[i] = (struct record_town){.traffic = traffic_record(&town->traffic, &town->wish, town->gone),
						.flows = flows_record(&town->traffic)};
		memcpy(towns[i].name, town->name, strlen(town->name));
		memcpy(towns[i].attributed, town->attributed, sizeof town->attributed);
		memcpy(towns[i].attributed_base, town->traffic.period.attributed, sizeof town->attributed);
	}
}

static void store_hosts(const struct meter *meter, struct record_host *hosts)
{
	for (uint32_t i = 0; i < meter->n_hosts; i++) {
		const struct host *host = &meter->hosts[i];
		hosts[i] = (struct record_host){.town = host->town, .oper = host->oper, .reason = host->reason,
						.last_change = host->last_change,
						.traffic = traffic_record(&host->traffic, &host->wish, host->gone)};
		memcpy(hosts[i].name, host->name, strlen(host->name));
		memcpy(hosts[i].remark, host->remark, strlen(host->remark));
	}
}

static uint32_t count_listed(const struct meter *meter)
{
	uint32_t listed = 0;

	for (uint32_t i = 0; i < meter->n_tracks; i++)
		listed += meter->tracks[i].key.kind != ROLE_OTHER;
	return listed;
}

static void store_rules(const struct meter *meter, struct record_rule *rules)
{
	for (uint32_t i = 0; i < meter->n_tracks; i++)
		if (meter->tracks[i].key.kind != ROLE_OTHER)
			*rules++ = rule_record(&meter->tracks[i]);
	for (uint32_t i = 0; i < meter->n_absent; i++)
		*rules++ = rule_record(&meter->absent[i]);
}

static void store_counts(const struct meter *meter, struct counter *counts)
{
	for (uint32_t i = 0; i < meter->n_tracks; i++)
		if (meter->tracks[i].key.kind != ROLE_OTHER)
			*counts++ = meter->tracks[i].last;
	for (uint32_t i = 0; i < meter->n_absent; i++)
		*counts++ = meter->absent[i].last;
}

int meter_image(const struct meter *meter, unsigned sheets, struct image *image)
{
	uint32_t listed = count_listed(meter), n_rules = listed + meter->n_absent;
	bool failed = false;

	memset(image, 0, sizeof *image);
	if (image_wanted(image, sheets, IMAGE_AGENT, 1, sizeof(struct record_agent), &failed))
		*(struct record_agent *)image->data[IMAGE_AGENT] = (struct record_agent){
			.format = IMAGE_FORMAT, .listed = listed, .received = meter->received,
			.tables_last_change = meter->tables_last_change,
			.discontinuity = meter->discontinuity, .resets = meter->resets};
	if (image_wanted(image, sheets, IMAGE_TOTALS, VIEW_CHAIN_OUTPUT + 1, sizeof(struct record_total), &failed))
		store_totals(meter, image->data[IMAGE_TOTALS]);
	if (image_wanted(image, sheets, IMAGE_TOWNS, meter->n_towns, sizeof(struct record_town), &failed))
		store_towns(meter, image->data[IMAGE_TOWNS]);
	if (image_wanted(image, sheets, IMAGE_HOSTS, meter->n_hosts, sizeof(struct record_host), &failed))
		store_hosts(meter, image->data[IMAGE_HOSTS]);
	if (image_wanted(image, sheets, IMAGE_RULES, n_rules, sizeof(struct record_rule), &failed))
		store_rules(meter, image->data[IMAGE_RULES]);
	if (image_wanted(image, sheets, IMAGE_FLOWS, meter->n_hosts, sizeof(struct record_flows), &failed)) {
		struct record_flows *flows = image->data[IMAGE_FLOWS];
		for (uint32_t i = 0; i < meter->n_hosts; i++)
			flows[i] = flows_record(&meter->hosts[i].traffic);
	}
	if (image_wanted(image, sheets, IMAGE_COUNTS, n_rules, sizeof(struct counter), &failed))
		store_counts(meter, image->data[IMAGE_COUNTS]);
	if (!failed && meter_services_image(meter, sheets, image) == 0)
		return 0;
	image_free(image);
	errno = ENOMEM;
	return -1;
}

unsigned meter_changed_sheets(const struct meter *meter)
{
	/* The small ones always. */
	return meter->stale | IMAGE_BIT(IMAGE_AGENT) | IMAGE_BIT(IMAGE_TOTALS) | IMAGE_BIT(IMAGE_TOWNS);
}

void meter_saved(struct meter *meter)
{
	meter->stale = 0;
}

static bool is_name(const char *name, size_t most)
{
	return memchr(name, '\0', most + 1) != NULL && name_valid(name, most);
}

static bool is_row_or_none(uint32_t id, uint32_t n)
{
	return id < n || id == RULE_NONE;
}

static int load_rows(struct meter *meter, const struct image *image)
{
	uint32_t n_totals, n_flows;
	const struct record_total *totals = image_records(image, IMAGE_TOTALS, sizeof *totals, &n_totals);
	const struct record_town *towns = image_records(image, IMAGE_TOWNS, sizeof *towns, &meter->n_towns);
	const struct record_host *hosts = image_records(image, IMAGE_HOSTS, sizeof *hosts, &meter->n_hosts);
	const struct record_flows *flows = image_records(image, IMAGE_FLOWS, sizeof *flows, &n_flows);

	meter->towns = calloc(meter->n_towns + 1u, sizeof *meter->towns);
	meter->hosts = calloc(meter->n_hosts + 1u, sizeof *meter->hosts);
	meter->town_order = calloc(meter->n_towns + 1u, sizeof *meter->town_order);
	meter->host_order = calloc(meter->n_hosts + 1u, sizeof *meter->host_order);
	meter->described = meter_describe_nothing(meter->n_towns, meter->n_hosts);
	if (!meter->towns || !meter->hosts || !meter->town_order || !meter->host_order || !meter->described)
		return -1;
	errno = EBADMSG;
	if (n_totals != VIEW_CHAIN_OUTPUT + 1 || n_flows != meter->n_hosts)
		return -1;
	for (uint32_t i = 0; i < n_totals; i++)
		meter->totals[i] = (struct total){
			.seen = totals[i].seen != 0, .source = totals[i].source, .flow = record_flow(&totals[i].flow),
			.discontinuity = totals[i].discontinuity,
			.period = {.number = totals[i].period_number, .start = totals[i].period_start,
				   .base = {totals[i].base}, .incomplete = totals[i].incomplete != 0}};
	for (uint32_t i = 0; i < meter->n_towns; i++) {
		struct town *town = &meter->towns[i];
		if (!is_name(towns[i].name, NAME_TOWN_MAX))
			return -1;
		memcpy(town->name, towns[i].name, sizeof town->name);
		town->traffic = record_traffic(&towns[i].traffic, &towns[i].flows);
		memcpy(town->traffic.period.attributed, towns[i].attributed_base, sizeof town->attributed);
		memcpy(town->attributed, towns[i].attributed, sizeof town->attributed);
		town->wish = record_wish(&towns[i].traffic);
		town->gone = towns[i].traffic.gone;
		town->found = RULE_NONE;
	}
	for (uint32_t i = 0; i < meter->n_hosts; i++) {
		struct host *host = &meter->hosts[i];
		if (!is_name(hosts[i].name, NAME_HOST_MAX) || hosts[i].town >= meter->n_towns ||
		    hosts[i].remark[NAME_REMARK_MAX] != '\0')
			return -1;
		host->town = hosts[i].town;
		memcpy(host->name, hosts[i].name, sizeof host->name);
		memcpy(host->remark, hosts[i].remark, sizeof host->remark);
		host->traffic = record_traffic(&hosts[i].traffic, &flows[i]);
		host->wish = record_wish(&hosts[i].traffic);
		host->gone = hosts[i].traffic.gone;
		host->found = RULE_NONE;
		host->oper = hosts[i].oper;
		host->reason = hosts[i].reason;
		host->last_change = hosts[i].last_change;
	}
	meter_order(meter);
	return 0;
}

/* After a start of the router every rule comes as one that was away since. */
static struct track load_rule(const struct record_rule *record, const struct counter *count, enum meter_start start)
{
	struct track track = record_track(record, count);

	if (start == METER_REBOOTED) {
		track.present = false;
		track.rebooted = true;
		track.received = 0;
	}
	return track;
}

/* Rules that were there at the last look become tracks, those that stood once are absent. The names that
 * prefixes had are remembered by them. */
static int load_rules(struct meter *meter, const struct image *image, uint32_t listed, enum meter_start start)
{
	uint32_t n, n_counts;
	const struct record_rule *rules = image_records(image, IMAGE_RULES, sizeof *rules, &n);
	const struct counter *counts = image_records(image, IMAGE_COUNTS, sizeof *counts, &n_counts);

	errno = EBADMSG;
	if (n != n_counts || listed > n)
		return -1;
	meter->tracks = calloc(listed + 1u, sizeof *meter->tracks);
	meter->absent = calloc(n - listed + 1u, sizeof *meter->absent);
	meter->memory = calloc(n + 1u, sizeof *meter->memory);
	if (!meter->tracks || !meter->absent || !meter->memory)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		struct track track = load_rule(&rules[i], &counts[i], start);
		bool is_total = track.key.kind == ROLE_TOTAL || track.key.kind == ROLE_POLICY;
		errno = EBADMSG;
		bool is_canary = track.key.kind == ROLE_CANARY;
		if (track.key.kind == ROLE_OTHER || track.key.kind > ROLE_CANARY ||
		    track.key.direction > 1 || track.key.backend > CHAIN_NFT ||
		    (track.key.town >= (is_total ? VIEW_CHAIN_OUTPUT + 1 : meter->n_towns) && !is_canary) ||
		    !is_row_or_none(track.town, meter->n_towns) || !is_row_or_none(track.host, meter->n_hosts))
			return -1;
		if (i < listed)
			meter->tracks[meter->n_tracks++] = track;
		else
			meter->absent[meter->n_absent++] = track;
		if (i < listed && track.host != RULE_NONE)
			meter->memory[meter->n_memory++] = (struct memory){track.town, track.host, track.key.prefix};
	}
	qsort(meter->memory, meter->n_memory, sizeof *meter->memory, meter_by_town_and_prefix);
	return 0;
}

/* Every row, since nobody can tell whose traffic is missing. */
static void stamp_all(struct meter *meter, decitime now)
{
	struct track track = {.town = RULE_NONE, .host = RULE_NONE};

	meter->stamp = 0;
	track.key.kind = ROLE_TOTAL;
	for (uint32_t i = VIEW_CHAIN_FORWARD; i <= VIEW_CHAIN_OUTPUT; i++) {
		track.key.town = i;
		meter_stamp(meter, &track, now);
	}
	track.key.kind = ROLE_COUNT;
	for (uint32_t i = 0; i < meter->n_hosts; i++) {
		track.host = i;
		track.town = meter->hosts[i].town;
		meter_stamp(meter, &track, now);
	}
	track.host = RULE_NONE;
	for (uint32_t i = 0; i < meter->n_towns; i++) {
		track.town = i;
		meter_stamp(meter, &track, now);
	}
}

struct meter *meter_load(const struct image *image, enum meter_start start, bool lost, decitime now)
{
	uint32_t n;
	const struct record_agent *agent = image_records(image, IMAGE_AGENT, sizeof *agent, &n);
	struct meter *meter = meter_new(now);

	if (!meter)
		return NULL;
	errno = EBADMSG;
	if (n != 1 || agent->format != IMAGE_FORMAT || load_rows(meter, image) < 0 ||
	    load_rules(meter, image, agent->listed, start) < 0 || meter_services_load(meter, image) < 0) {
		int saved = errno;
		meter_free(meter);
		errno = saved;
		return NULL;
	}
	/* Not that of any ruleset, and not that of a meter which never saw one. */
	meter->generation = UINT64_MAX - 1;
	meter->tables_last_change = agent->tables_last_change;
	meter->discontinuity = agent->discontinuity;
	meter->resets = agent->resets;
	meter->received = start == METER_REBOOTED ? 0 : agent->received;
	meter->folded = true;
	meter->stale = IMAGE_ALL;
	if (lost)
		stamp_all(meter, now);
	return meter;
}
